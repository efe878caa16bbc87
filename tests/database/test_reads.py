"""Lists: what they show, in which order, page by page, and that they stay quick."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection, Cursor

from pgq.db import reads
from pgq.db.filters import DeadLetterFilter, TaskFilter
from tests.cli import rows


@pytest.fixture
def connection(dsn: str) -> Any:
    with rows.connected(dsn) as connection:
        yield connection


def listed(connection: Connection[Any], **which: Any) -> list[Any]:
    found = reads.list_tasks(connection, TaskFilter(**which), before=None, limit=500)
    return [task.id for task in found]


def test_every_state_is_listed_newest_first_and_found_by_its_name(connection: Connection[Any]) -> None:
    made = {
        "pending": rows.submitted(connection),
        "scheduled": rows.submitted(connection, delay="1 h"),
        "retrying": rows.retrying(connection),
        "running": rows.running(connection),
        "succeeded": rows.ended(connection, "succeeded"),
        "cancelled": rows.ended(connection, "cancelled"),
        "expired": rows.ended(connection, "expired"),
        "dead": rows.dead(connection),
    }
    everything = reads.list_tasks(connection, TaskFilter(), before=None, limit=500)
    assert [task.id for task in everything] == sorted(made.values(), reverse=True)
    assert {task.state: task.id for task in everything} == made
    for state, task_id in made.items():
        if state != "pending":
            assert listed(connection, states=frozenset({state})) == [task_id]
    waiting = [made["retrying"], made["scheduled"], made["pending"]]
    assert listed(connection, states=frozenset({"pending"})) == waiting
    both = listed(connection, states=frozenset({"dead", "running"}))
    assert both == [made["dead"], made["running"]]
    assert listed(connection, states=frozenset({"blocked"})) == []


def test_filters_narrow_together_and_tags_must_all_be_there(connection: Connection[Any]) -> None:
    one = rows.submitted(connection, "resize", queue="images", tags=["a", "b"])
    two = rows.dead(connection, kind="resize", queue="images", tags=["a"])
    three = rows.ended(connection, kind="echo", queue="images", tags=["b"])
    assert listed(connection, queues=("images",)) == [three, two, one]
    assert listed(connection, queues=("images", "email"), kinds=("resize",)) == [two, one]
    assert listed(connection, kinds=("resize", "echo"), tags=("b",)) == [three, one]
    assert listed(connection, tags=("a", "b")) == [one]
    assert listed(connection, queues=("email",)) == []


def test_pages_by_cursor_show_each_task_once_whatever_table_it_is_in(connection: Connection[Any]) -> None:
    makers: list[Callable[..., UUID]] = [rows.submitted, rows.ended, rows.dead]
    made = [makers[n % 3](connection) for n in range(10)]
    seen: list[Any] = []
    while page := reads.list_tasks(connection, TaskFilter(), before=seen[-1] if seen else None, limit=4):
        seen += [task.id for task in page]
    assert seen == sorted(made, reverse=True)


def test_a_listed_task_is_the_task_with_its_json(connection: Connection[Any]) -> None:
    task_id = rows.ended(connection, result={"words": 2}, payload={"n": 12345678901234567890}, headers='{"a": "b"}')
    (task,) = reads.list_tasks(connection, TaskFilter(), before=None, limit=1)
    assert (task.id, task.payload, task.headers) == (task_id, {"n": 12345678901234567890}, {"a": "b"})
    assert task.result == {"words": 2}
    assert task.error is None


def test_dead_letters_are_listed_by_when_they_died_and_paged(connection: Connection[Any]) -> None:
    made = [rows.dead(connection, error_type="A" if n % 2 else "B") for n in range(5)]
    # The oldest task died last.
    connection.execute(
        "UPDATE pgq.dead_tasks SET finished_at = clock_timestamp() + interval '1 s' WHERE id = %s", [made[0]]
    )
    order = [made[0], *reversed(made[1:])]
    seen = reads.list_dead_letters(connection, DeadLetterFilter(), before=None, limit=2)
    last = seen[-1]
    assert last.finished_at is not None
    rest = reads.list_dead_letters(
        connection, DeadLetterFilter(), before=reads.DeadAt(last.finished_at, last.id), limit=50
    )
    assert [task.id for task in seen + rest] == order
    some = reads.list_dead_letters(connection, DeadLetterFilter(error_types=("A",)), before=None, limit=50)
    assert [task.id for task in some] == [made[3], made[1]]


def test_counts_and_walks_match_the_lists(connection: Connection[Any]) -> None:
    made = sorted([rows.submitted(connection), rows.dead(connection), rows.ended(connection)])
    assert reads.count_tasks(connection, TaskFilter()) == 3
    assert reads.count_tasks(connection, TaskFilter(states=frozenset({"dead", "expired"}))) == 1
    assert reads.task_ids(connection, TaskFilter(), after=None, limit=2) == made[:2]
    assert reads.task_ids(connection, TaskFilter(), after=made[1], limit=2) == made[2:]
    assert reads.count_dead_letters(connection, DeadLetterFilter(kinds=("echo",))) == 1
    assert reads.count_dead_letters(connection, DeadLetterFilter(kinds=("other",))) == 0


def test_a_page_of_a_long_history_reads_no_more_than_the_page(connection: Connection[Any]) -> None:
    connection.execute(
        "INSERT INTO pgq.task_history (id, lease_epoch, created_at, run_at, timeout_seconds, priority, attempt,"
        " max_attempts, state, queue, kind, tags, headers, payload)"
        " SELECT pgq.uuid7(), 1, now(), now(), 300, 5, 1, 4, 'succeeded', 'default', 'echo', '{}', '{}', '{}'"
        " FROM generate_series(1, 20000)"
    )
    connection.execute("ANALYZE pgq.task_history")
    plans: list[str] = []

    class Explained(Cursor[Any]):
        """Explains what it is asked to run, then runs it."""

        def execute(self, query: Any, params: Any = None, **more: Any) -> Any:
            with Cursor(connection) as cursor:
                lines = cursor.execute(b"EXPLAIN (ANALYZE, TIMING OFF) " + query, params).fetchall()
            plans.append("\n".join(line[0] for line in lines))
            return super().execute(query, params, **more)

    connection.cursor_factory = Explained
    found = reads.list_tasks(connection, TaskFilter(), before=None, limit=50)
    assert len(found) == 50
    (plan,) = plans
    assert max(map(int, re.findall(r"rows=(\d+)(?:\.\d+)? loops", plan))) <= 50, plan
