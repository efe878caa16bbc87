"""Dependencies on the command line."""

from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection

from tests.cli import rows
from tests.cli.conftest import Pgq


def test_a_submit_names_parents_and_what_becomes_of_it_without_them(pgq: Pgq, connection: Connection[Any]) -> None:
    first, second = rows.submitted(connection), rows.submitted(connection)
    words = ("submit", "echo", "--depends-on", second, "--depends-on", first, "--on-parent-failure", "wait")
    task = pgq(*words, "--json").json
    assert (task["state"], task["depends_on"]) == ("blocked", [str(second), str(first)])
    found = connection.execute("SELECT on_parent_failure FROM pgq.tasks WHERE id = %s", [task["id"]]).fetchone()
    assert found == ("wait",)


def test_a_parent_that_nobody_has_is_named(pgq: Pgq, connection: Connection[Any]) -> None:
    unknown = uuid4()
    ended = pgq("submit", "echo", "--depends-on", unknown)
    assert (ended.code, ended.out) == (1, "")
    assert f"no task has the id {unknown}" in ended.err
    assert connection.execute("SELECT count(*) FROM pgq.tasks").fetchone() == (0,)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--depends-on", "x"], "--depends-on"),
        (["--depends-on", str(uuid4()), "--on-parent-failure", "explode"], "cancel, run or wait"),
        (["--on-parent-failure", "run"], "depends_on"),
    ],
)
def test_bad_input_is_wrong_usage(pgq: Pgq, words: list[str], said: str) -> None:
    ended = pgq("submit", "echo", *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_show_prints_the_parents_and_status_says_that_it_waits(pgq: Pgq, connection: Connection[Any]) -> None:
    live, done = rows.submitted(connection), rows.ended(connection, result=1)
    forgotten = rows.ended(connection)
    child = rows.submitted(connection, depends_on=[live, done, forgotten], on_parent_failure="run")
    connection.execute("DELETE FROM pgq.task_history WHERE id = %s", [forgotten])
    shown = pgq("tasks", "show", child).out
    assert f"parent {live} (echo) is pending: in queue default\n" in shown
    assert f"parent {done} (echo) is succeeded: at attempt 1\n" in shown
    assert str(forgotten) not in shown
    assert "parents forgotten: 1\n" in shown
    assert "blocked: waits for 3 tasks" in shown
    assert "3; when one fails: run" in shown
    assert "blocked: waits for 3 tasks" in pgq("status", child).out
    assert pgq("tasks", "list", "--state", "blocked").out.splitlines()[1].split()[:2] == [str(child), "blocked"]


def test_a_dead_letter_shows_its_parents_too(pgq: Pgq, connection: Connection[Any]) -> None:
    parent, dead = rows.ended(connection), rows.dead(connection)
    connection.execute("UPDATE pgq.dead_tasks SET depends_on = %s WHERE id = %s", [[parent], dead])
    assert f"parent {parent} (echo) is succeeded" in pgq("dlq", "show", dead).out


def test_lists_and_verbs_know_workflows(pgq: Pgq, connection: Connection[Any]) -> None:
    mine, other, workflow = rows.submitted(connection), rows.submitted(connection), uuid4()
    connection.execute("UPDATE pgq.tasks SET workflow_id = %s WHERE id = %s", [workflow, mine])
    assert [one["id"] for one in pgq("tasks", "list", "--workflow", workflow, "--json").json] == [str(mine)]
    assert str(workflow) in pgq("tasks", "show", mine).out
    assert pgq("tasks", "cancel", "--workflow", workflow, "--yes").code == 0
    assert [rows.state(connection, one) for one in (mine, other)] == ["cancelled", "pending"]
