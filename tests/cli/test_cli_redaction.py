"""What PGQ_REDACT hides is on no screen."""

import json
from typing import Any

import pytest
from psycopg import Connection

from tests.cli import rows
from tests.cli.conftest import Pgq

SECRET = "hunter2-secret"


def test_no_command_shows_a_hidden_field(
    pgq: Pgq, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGQ_REDACT", "password")
    made = pgq("submit", "echo", json.dumps({"password": SECRET}), "--json")
    task = made.json["id"]
    connection.execute(
        "INSERT INTO pgq.attempts (task_id, lease_epoch, attempt, error) VALUES (%s, 1, 1, %s)",
        [task, json.dumps({"type": "E", "message": f"no {SECRET}", "traceback": ""})],
    )
    shown = [made, pgq("tasks", "list", "--json"), pgq("tasks", "show", task), pgq("status", task, "--json")]
    rows.bury(connection, task, message=f"wrong password {SECRET}")
    shown += [pgq("dlq", "list"), pgq("dlq", "show", task), pgq("tasks", "show", task, "--json"), pgq("status", task)]
    assert {one.code for one in shown} == {0}
    for one in shown:
        assert SECRET not in one.out + one.err
    assert "[redacted]" in shown[5].out
