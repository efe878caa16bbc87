"""Somebody with the role pgq_viewer sees everything there is to see, and changes nothing."""

import secrets
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from tests.cli import rows
from tests.cli.conftest import Pgq


@pytest.fixture
def seen(pgq: Pgq, connection: Connection[Any], dsn: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, UUID]]:
    """Tasks in several states; from here on commands run as a viewer."""
    user, password = f"pgq_test_{uuid4().hex[:12]}", secrets.token_hex(8)
    connection.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{password}' IN ROLE pgq_viewer")
    monkeypatch.setenv("PGQ_DATABASE_URL", make_conninfo(dsn, user=user, password=password))
    rows.worker(connection, ["echo"])
    connection.execute("INSERT INTO pgq.schedules (name, cron, kind) VALUES ('nightly', '@daily', 'echo')")
    tasks = {
        "pending": rows.submitted(connection, tags=["a"]),
        "running": rows.running(connection),
        "succeeded": rows.ended(connection),
        "dead": rows.dead(connection),
    }
    connection.execute(
        "INSERT INTO pgq.attempts (task_id, lease_epoch, attempt, error)"
        ' VALUES (%s, 1, 1, \'{"type": "ValueError", "message": "no"}\')',
        [tasks["running"]],
    )
    yield tasks
    connection.execute(f"DROP ROLE {user}")


def test_a_viewer_lists_and_shows(pgq: Pgq, seen: dict[str, UUID]) -> None:
    assert {task["id"] for task in pgq("tasks", "list", "--json").json} == {str(task) for task in seen.values()}
    assert [task["id"] for task in pgq("tasks", "list", "--tag", "a", "--json").json] == [str(seen["pending"])]
    assert len(pgq("dlq", "list", "--error-type", "ValueError", "--json").json) == 1
    assert [queue["queue"] for queue in pgq("queues", "list", "--json").json] == ["default"]
    assert [worker["name"] for worker in pgq("workers", "list", "--json").json] == ["w1"]
    for state, task in seen.items():
        assert pgq("status", task, "--json").json["state"] == state
        assert pgq("tasks", "show", task, "--json").json["state"] == state
    assert pgq("dlq", "show", seen["dead"]).code == 0
    assert [one["name"] for one in pgq("schedules", "list", "--json").json] == ["nightly"]
    assert pgq("schedules", "show", "nightly").code == 0
    assert "ValueError: no" in pgq("tasks", "show", seen["running"]).out


def test_a_viewer_changes_nothing(pgq: Pgq, seen: dict[str, UUID]) -> None:
    for words in (["cancel", seen["pending"]], ["retry", seen["dead"]]):
        assert "ask for one of the roles" in pgq("tasks", *words).err
    assert "ask for one of the roles" in pgq("submit", "echo").err
    for line in ("pause nightly", "remove nightly", "run nightly", "add new @daily echo"):
        assert "ask for one of the roles" in pgq("schedules", *line.split()).err
    for state, task in seen.items():
        assert pgq("status", task, "--json").json["state"] == state
