"""`pgq tasks` and `pgq dlq`."""

import json
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection

from tests.cli import rows
from tests.cli.conftest import Pgq
from tests.cli.rows import state

NOBODY = UUID(int=1)


def test_list_shows_tasks_newest_first(pgq: Pgq, connection: Connection[Any]) -> None:
    made = [rows.submitted(connection), rows.dead(connection), rows.ended(connection)]
    listed = pgq("tasks", "list", "--json")
    assert listed.err == ""
    assert [UUID(task["id"]) for task in listed.json] == made[::-1]
    assert len(listed.json[0]) == len(pgq("status", made[0], "--json").json)
    table = pgq("tasks", "list").out.splitlines()
    assert table[0].split()[:4] == ["ID", "STATE", "KIND", "QUEUE"]
    assert [line.split()[:2] for line in table[1:]] == [
        [str(made[2]), "succeeded"],
        [str(made[1]), "dead"],
        [str(made[0]), "pending"],
    ]


def test_list_filters_and_pages(pgq: Pgq, connection: Connection[Any]) -> None:
    made = [rows.submitted(connection, queue="email", tags=["t"]) for _ in range(3)]
    rows.submitted(connection, "other")
    words = [
        "tasks",
        "list",
        "--queue",
        "email",
        "--kind",
        "echo",
        "--tag",
        "t",
        "--state",
        "pending",
        "--state",
        "dead",
    ]
    first = pgq(*words, "--limit", "2", "--json")
    assert [UUID(task["id"]) for task in first.json] == [made[2], made[1]]
    assert f"--cursor {made[1]}" in first.err
    rest = pgq(*words, "--limit", "2", "--cursor", made[1], "--json")
    assert [UUID(task["id"]) for task in rest.json] == [made[0]]
    assert rest.err == ""
    assert pgq("tasks", "list", "--queue", "nothing", "--json").json == []
    assert pgq("tasks", "list", "--queue", "nothing").out.startswith("ID ")


@pytest.mark.parametrize("words", [["--state", "done"], ["--limit", "0"], ["--limit", "501"], ["--cursor", "x"]])
def test_a_wrong_filter_is_wrong_usage(pgq: Pgq, words: list[str]) -> None:
    ended = pgq("tasks", "list", *words)
    assert (ended.code, ended.out) == (2, "")
    assert len(ended.err.splitlines()) == 1


def test_show_tells_all_of_a_task(pgq: Pgq, connection: Connection[Any]) -> None:
    task_id = rows.dead(connection, payload={"path": "a.png"})
    connection.execute(
        "INSERT INTO pgq.attempts (task_id, lease_epoch, attempt, error) VALUES (%s, 1, 1, %s)",
        [task_id, json.dumps({"type": "IOError", "message": "first try", "traceback": ""})],
    )
    shown = pgq("tasks", "show", task_id).out
    for part in (str(task_id), '{"path": "a.png"}', "attempt 1 failed", "IOError: first try", "File x", "no such file"):
        assert part in shown
    assert pgq("tasks", "show", task_id, "--json").json["error"]["message"] == "no such file"
    assert pgq("tasks", "show", NOBODY).code == 1


def test_names_and_messages_cannot_drive_the_terminal(pgq: Pgq, connection: Connection[Any]) -> None:
    rows.dead(connection, message="\x1b[2Jboo\r\nsecond line [red]")
    task_id = rows.dead(connection, message="\x1b[31mred\rwhite")
    for words in (["tasks", "list"], ["dlq", "list"], ["dlq", "show", task_id], ["status", task_id]):
        ended = pgq(*words)
        assert "\x1b" not in ended.out + ended.err
        assert "\r" not in ended.out
    assert "second line" not in pgq("dlq", "list").out


def test_cancel_by_id_says_what_became_of_each(pgq: Pgq, connection: Connection[Any]) -> None:
    waiting, running = rows.submitted(connection), rows.running(connection)
    ended = pgq("tasks", "cancel", waiting, running)
    assert (ended.code, ended.out) == (0, f"{waiting} cancelled\n{running} is told to stop\n")


def test_one_id_that_refuses_stops_no_other_but_the_code_is_1(pgq: Pgq, connection: Connection[Any]) -> None:
    done, waiting = rows.ended(connection), rows.submitted(connection)
    ended = pgq("tasks", "cancel", done, NOBODY, waiting, "--json")
    assert ended.code == 1
    assert [(task["id"], task["state"]) for task in ended.lines] == [(str(waiting), "cancelled")]
    assert f"task {done} is succeeded" in ended.err
    assert f"no task has the id {NOBODY}" in ended.err


def test_retry_by_id_says_which_task_runs(pgq: Pgq, connection: Connection[Any]) -> None:
    dead, done = rows.dead(connection), rows.ended(connection)
    assert pgq("tasks", "retry", dead).out == f"{dead} runs again\n"
    fresh = pgq("tasks", "retry", done, "--json").json
    assert (fresh["state"], fresh["headers"]) == ("pending", {"retried_from": str(done)})
    assert f"{done} runs again as " in pgq("tasks", "retry", done).out


def test_a_verb_by_filter_changes_nothing_without_a_yes(pgq: Pgq, connection: Connection[Any]) -> None:
    task_id = rows.submitted(connection, queue="email")
    asked = pgq("tasks", "cancel", "--queue", "email", "--state", "pending")
    assert (asked.code, asked.out) == (2, "")
    assert "Cancel 1 task?" in asked.err
    assert "--yes" in asked.err
    assert state(connection, task_id) == "pending"
    assert pgq("tasks", "cancel", "--queue", "email", "--yes").out == "1 task cancelled or told to stop\n"
    assert state(connection, task_id) == "cancelled"
    assert pgq("tasks", "cancel", "--queue", "email").out == "0 tasks cancelled or told to stop\n"


def test_a_dry_run_only_counts(pgq: Pgq, connection: Connection[Any]) -> None:
    dead = rows.dead(connection)
    assert pgq("dlq", "purge", "--all", "--dry-run").out == "1 dead letter would be purged\n"
    report = pgq("dlq", "redrive", "--kind", "echo", "--dry-run", "--json").json
    assert report == {"matched": 1, "changed": 0, "skipped": [], "more": False}
    assert state(connection, dead) == "dead"


@pytest.mark.parametrize("verb", [("tasks", "cancel"), ("tasks", "retry"), ("dlq", "redrive"), ("dlq", "purge")])
def test_neither_ids_nor_a_filter_is_wrong_usage_and_so_are_both(
    pgq: Pgq, connection: Connection[Any], verb: tuple[str, str]
) -> None:
    task_id = rows.dead(connection)
    assert pgq(*verb, "--yes").code == 2
    assert pgq(*verb, task_id, "--queue", "default", "--yes").code == 2
    assert state(connection, task_id) == "dead"


def test_only_live_tasks_can_be_meant_by_cancel(pgq: Pgq) -> None:
    ended = pgq("tasks", "cancel", "--state", "dead", "--yes")
    assert ended.code == 2
    assert "state: must be one of" in ended.err


def test_all_means_every_one(pgq: Pgq, connection: Connection[Any]) -> None:
    made = [rows.submitted(connection), rows.submitted(connection, queue="email")]
    assert pgq("tasks", "cancel", "--all", "--yes", "--json").json["changed"] == 2
    assert [state(connection, one) for one in made] == ["cancelled", "cancelled"]


def test_dlq_lists_shows_redrives_and_purges(pgq: Pgq, connection: Connection[Any]) -> None:
    one = rows.dead(connection, error_type="IOError", message="disk full", queue="email")
    two, three = rows.dead(connection), rows.dead(connection)
    assert [task["id"] for task in pgq("dlq", "list", "--json").json] == [str(three), str(two), str(one)]
    assert [task["id"] for task in pgq("dlq", "list", "--error-type", "IOError", "--json").json] == [str(one)]
    assert "IOError: disk full" in pgq("dlq", "list").out
    assert pgq("dlq", "show", one, "--json").json["queue"] == "email"
    assert pgq("dlq", "redrive", one).out == f"{one} redriven\n"
    not_dead = pgq("dlq", "show", one)
    assert not_dead.code == 1
    assert "is pending" in not_dead.err
    assert pgq("dlq", "purge", two, "--json").json == {"id": str(two), "purged": True}
    assert pgq("dlq", "purge", "--kind", "echo", "--yes").out == "1 dead letter purged\n"
    assert [state(connection, task_id) for task_id in (one, two, three)] == ["pending", None, None]


def test_dlq_pages_by_the_cursor_that_it_names(pgq: Pgq, connection: Connection[Any]) -> None:
    made = [rows.dead(connection) for _ in range(3)]
    first = pgq("dlq", "list", "--limit", "2", "--json")
    cursor = first.err.split("--cursor ")[1].strip()
    rest = pgq("dlq", "list", "--limit", "2", "--cursor", cursor, "--json")
    assert [task["id"] for task in first.json + rest.json] == [str(task_id) for task_id in reversed(made)]
    assert pgq("dlq", "list", "--cursor", "nonsense").code == 2


def test_what_was_skipped_is_told_with_its_reason(pgq: Pgq, connection: Connection[Any]) -> None:
    bad, good = rows.dead(connection), rows.dead(connection)
    connection.execute("UPDATE pgq.dead_tasks SET priority = 77 WHERE id = %s", [bad])
    ended = pgq("dlq", "redrive", "--all", "--yes")
    assert (ended.code, ended.out) == (0, "1 dead letter redriven\n")
    assert f"skipped {bad}: priority" in ended.err
    assert state(connection, good) == "pending"


def test_dlq_redrives_with_another_payload(pgq: Pgq, connection: Connection[Any]) -> None:
    dead = rows.dead(connection, payload={"n": 1})
    assert pgq("dlq", "redrive", dead, "--payload", "[]").code == 2
    assert pgq("dlq", "redrive", "--all", "--yes", "--payload", "{}").code == 2
    assert pgq("dlq", "redrive", dead, "--payload", '{"n": 2}', "--json").lines[0]["payload"] == {"n": 2}


def test_times_narrow_lists_and_verbs(pgq: Pgq, connection: Connection[Any]) -> None:
    rows.dead(connection)
    rows.submitted(connection)
    for words, count in (
        (["dlq", "list", "--dead-after", "2999-01-01T00:00:00Z"], 0),
        (["dlq", "list", "--dead-before", "2999-01-01T00:00:00Z"], 1),
        (["tasks", "list", "--created-after", "2001-01-01T00:00:00Z"], 2),
        (["tasks", "list", "--created-before", "2001-01-01T00:00:00Z"], 0),
    ):
        assert len(pgq(*words, "--json").json) == count
    report = pgq("dlq", "purge", "--dead-before", "2999-01-01T00:00:00Z", "--yes", "--json").json
    assert report["changed"] == 1
