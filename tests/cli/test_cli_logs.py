"""`pgq tasks logs`, and progress where a task is shown."""

from typing import Any
from uuid import UUID

from psycopg import Connection

from tests.cli import rows
from tests.cli.conftest import Pgq


def said(connection: Connection[Any], task: UUID, *messages: str, epoch: int = 1) -> None:
    """Lines of an attempt."""
    for n, message in enumerate(messages, 1):
        connection.execute(
            "INSERT INTO pgq.task_logs (task_id, lease_epoch, attempt, n, level, logger, message)"
            " VALUES (%s, %s, %s, %s, 'info', 'shop', %s)",
            [task, epoch, epoch, n, message],
        )


def test_the_log_is_shown_line_by_line_and_as_json(pgq: Pgq, connection: Connection[Any]) -> None:
    task = rows.ended(connection)
    said(connection, task, "one", "two\nlines \x1b[31m")
    said(connection, task, "again", epoch=2)

    shown = pgq("tasks", "logs", task)
    as_json = pgq("tasks", "logs", task, "--json")
    followed = pgq("tasks", "logs", task, "-f", "--json")

    assert shown.code == 0
    lines = shown.out.splitlines()
    assert lines[0].endswith("Z #1 INFO    shop: one")
    assert lines[1].endswith("shop: two")
    assert lines[2] == "    lines \\x1b[31m"
    assert lines[3].endswith("#2 INFO    shop: again")
    assert [line["message"] for line in as_json.json] == ["one", "two\nlines \x1b[31m", "again"]
    assert list(as_json.json[0]) == [
        "task_id", "lease_epoch", "attempt", "n", "logged_at", "level", "logger", "message"
    ]  # fmt: skip
    assert as_json.json[0]["logged_at"].endswith("Z")
    assert followed.lines == as_json.json


def test_a_log_of_many_pages_is_whole(pgq: Pgq, connection: Connection[Any]) -> None:
    task = rows.ended(connection)
    connection.execute(
        "INSERT INTO pgq.task_logs (task_id, lease_epoch, attempt, n, level, logger, message)"
        " SELECT %s, 1, 1, n, 'info', 'shop', 'line' FROM generate_series(1, 1234) AS n",
        [task],
    )

    for words in (["tasks", "logs", task], ["tasks", "logs", task, "-f"]):
        assert [line["n"] for line in _lines(pgq(*words, "--json"))] == list(range(1, 1_235))


def _lines(ended: Any) -> list[Any]:
    return list(ended.json) if ended.out.startswith("[") else list(ended.lines)


def test_a_task_without_a_log_shows_nothing_and_an_unknown_one_is_not_found(
    pgq: Pgq, connection: Connection[Any]
) -> None:
    silent = pgq("tasks", "logs", rows.ended(connection), "--json")
    unknown = pgq("tasks", "logs", UUID(int=5))

    assert (silent.code, silent.json) == (0, [])
    assert (unknown.code, unknown.out) == (1, "")
    assert "no task has the id" in unknown.err


def test_progress_is_shown_while_a_task_runs_and_after(pgq: Pgq, connection: Connection[Any]) -> None:
    task = rows.running(connection)
    assert pgq("status", task, "--json").json["progress"] is None
    connection.execute(
        """UPDATE pgq.tasks SET progress = '{"value": 0.4, "message": "resizing", "at": "2030-01-31T08:00:00Z"}'"""
    )

    for words in (["status", task], ["tasks", "show", task]):
        shown = pgq(*words)
        assert "40% (resizing)" in shown.out
        assert "40% (resizing) at 2030-01-31 08:00:00Z" in shown.out
    assert pgq("status", task, "--json").json["progress"] == {
        "value": 0.4,
        "message": "resizing",
        "at": "2030-01-31T08:00:00.000000Z",
    }
    assert pgq("tasks", "list", "--json").json[0]["progress"]["value"] == 0.4
