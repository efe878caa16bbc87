"""A handler sees what its task's parents gave: in every executor, however many, and only once they have ended."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection

from tests.tasks import Tasks, tasks_of
from tests.until import until
from tests.workers import Fleet

APP = "tests.process.parents_app"

READING = (
    "SELECT pid FROM pg_stat_activity"
    " WHERE query LIKE '-- What the parents of%' AND state = 'active' AND pid <> pg_backend_pid()"
)


def child(tasks: Tasks, kind: str, parents: Sequence[UUID], policy: str | None = None) -> UUID:
    """A task that depends on these."""
    id: UUID = tasks.value(
        "INSERT INTO pgq.tasks (kind, depends_on, on_parent_failure) VALUES (%s, %s, %s) RETURNING id",
        kind, list(parents), policy,
    )  # fmt: skip
    return id


def ended_parents(tasks: Tasks, count: int, result: str) -> list[UUID]:
    """Tasks that have succeeded; `result` in SQL, of their number `n`."""
    rows = tasks.connection.execute(
        "INSERT INTO pgq.task_history (id, lease_epoch, created_at, run_at, timeout_seconds, priority, attempt,"
        " max_attempts, queue, kind, tags, headers, payload, state, result)"
        " SELECT pgq.uuid7(), 1, now(), now(), 300, 5, 1, 4, 'default', 'give', '{}', '{}', '{}', 'succeeded',"
        f" {result} FROM generate_series(1, {count}) AS n RETURNING id".encode()
    )
    return [row[0] for row in rows]


@pytest.mark.parametrize("kind", ["on_the_loop", "in_a_thread", "in_a_process"])
def test_a_handler_sees_what_the_parents_gave_in_the_order_of_depends_on(fleet: Fleet, kind: str) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        first, second, failed = (tasks.submit("give", attempts=1, **payload) for payload in GIVEN)
        tasks.connection.execute('UPDATE pgq.tasks SET headers = \'{"workflow_node": "load"}\' WHERE id = %s', [second])
        forgotten, *_ = ended_parents(tasks, 1, "'1'")
        parents = [second, failed, first, forgotten]
        task = child(tasks, kind, parents, "run")
        tasks.connection.execute("DELETE FROM pgq.task_history WHERE id = %s", [forgotten])
        assert tasks.row(task).state == "blocked"

        fleet.start(APP)
        assert tasks.ended(task).result == [
            ["load", {"text": "ü\u2028"}, True],
            [str(failed), None, True],
            [str(first), [1.5, None], True],
            [str(forgotten), None, True],
        ]
        started, finished = tasks.connection.execute(
            "SELECT (SELECT min(started_at) FROM pgq.task_status WHERE id = %s),"
            " (SELECT max(finished_at) FROM pgq.task_status WHERE id = ANY (%s))",
            [task, [first, second, failed]],
        ).fetchone() or (None, None)
        assert started is not None
        assert finished <= started


GIVEN = ({"value": [1.5, None]}, {"value": {"text": "ü\u2028"}}, {"fail": True})


def test_children_of_ten_thousand_parents_see_them_all(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        parents = ended_parents(tasks, 10_000, "to_jsonb(n)")
        children = [child(tasks, kind, parents) for kind in ("add_up", "add_up_in_a_process", "without_context")]
        fleet.start(APP)
        assert [tasks.ended(one).result for one in children] == [50_005_000, 50_005_000, "done"]


def test_what_is_too_much_for_a_handler_buries_its_task_and_no_other(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        large = ended_parents(tasks, 65, "to_jsonb(repeat('x', 990000))")
        small = ended_parents(tasks, 2, "to_jsonb(n)")
        too_much, enough, unread = (
            child(tasks, kind, parents)
            for kind, parents in (("add_up", large), ("add_up", small), ("without_context", large))
        )
        fleet.start(APP)
        buried = tasks.ended(too_much)
        assert (buried.state, buried.attempt, buried.error["type"]) == ("dead", 1, "ParentsTooLarge")
        assert "64 MB" in buried.error["message"]
        assert tasks.ended(enough).result == 3
        assert tasks.ended(unread).result == "done"


@contextmanager
def history_locked(fleet: Fleet) -> Iterator[Connection[tuple[object, ...]]]:
    """Nobody reads what has ended, until the block is over."""
    with psycopg.connect(fleet.conninfo) as connection:
        connection.execute("LOCK TABLE pgq.task_history IN ACCESS EXCLUSIVE MODE")
        yield connection


def let_go(tasks: Tasks, parents: Sequence[UUID]) -> UUID:
    """A child whose parents have ended already. The door would look for them in the history."""
    id: UUID = tasks.value(
        "INSERT INTO pgq.tasks (kind, depends_on, waits_for) VALUES ('on_the_loop', %s, 0) RETURNING id", list(parents)
    )
    return id


def reader_of(tasks: Tasks) -> int:
    """The session that reads parents, once it does."""
    until(lambda: tasks.value(READING) is not None, "the parents to be read")
    pid: int = tasks.value(READING)
    return pid


def test_tasks_without_parents_do_not_wait_and_a_lost_connection_is_made_up_for(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        parents = ended_parents(tasks, 2, "to_jsonb(n)")
        fleet.start(APP, concurrency=5).wait_until_ready()
        with history_locked(fleet):
            task = let_go(tasks, parents)
            first = reader_of(tasks)
            plain = [tasks.submit("work") for _ in range(20)]
            fleet.until("end", 5)
            tasks.value("SELECT pg_terminate_backend(%s)", first)
            until(lambda: tasks.value(READING) not in (None, first), "the parents to be read again")
            assert {event.task for event in fleet.outside.events("start")} <= set(plain)
        assert tasks.ended(task).result == [[str(parents[0]), 1, True], [str(parents[1]), 2, True]]
        assert tasks.row(task).attempt == 1


def test_a_task_that_is_cancelled_before_its_parents_are_read_never_begins(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        parents = ended_parents(tasks, 1, "to_jsonb(n)")
        fleet.start(APP).wait_until_ready()
        with history_locked(fleet):
            task = let_go(tasks, parents)
            reader_of(tasks)
            assert tasks.value("SELECT pgq.cancel(%s)", task) == "requested"
        assert tasks.ended(task).state == "cancelled"
        assert not fleet.outside.events("start")


def test_a_worker_that_stops_hands_back_whose_parents_it_has_not_read(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        parents = ended_parents(tasks, 1, "to_jsonb(n)")
        worker = fleet.start(APP, grace_seconds=0.1).wait_until_ready()
        with history_locked(fleet):
            task = let_go(tasks, parents)
            reader_of(tasks)
            worker.tell_to_stop()
            worker.wait_to_hear("handing them back")
        assert worker.exit_code() == 0, worker.said()
        row = tasks.row(task)
        assert (row.state, row.attempt) == ("pending", 0)
        assert not fleet.outside.events("start")
