"""The operator's verbs: what they change, what they refuse, and that one task that refuses stops no other."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection

from pgq.db.filters import DeadLetterFilter, TaskFilter
from pgq.operate import bulk, queues, tasks
from pgq.values.errors import DatabaseUnavailable, InvalidTask, SchemaError, TaskNotFound, WrongState
from tests.cli import rows
from tests.cli.rows import state

NOBODY = UUID(int=1)


@pytest.fixture
def connection(dsn: str) -> Iterator[Connection[Any]]:
    with rows.connected(dsn) as connection:
        yield connection


def test_cancel_ends_a_waiting_task_and_tells_a_running_one(connection: Connection[Any]) -> None:
    waiting, running = rows.submitted(connection), rows.running(connection)
    assert tasks.cancel(connection, waiting) == "cancelled"
    assert tasks.cancel(connection, running) == "requested"
    assert (state(connection, waiting), state(connection, running)) == ("cancelled", "running")


def test_verbs_say_which_state_forbids_them(connection: Connection[Any]) -> None:
    done, waiting, running = rows.ended(connection), rows.submitted(connection), rows.running(connection)
    for verb, task_id, found in (
        (tasks.cancel, done, "succeeded"),
        (tasks.retry, running, "running"),
        (tasks.redrive, waiting, "pending"),
        (tasks.purge, waiting, "pending"),
    ):
        with pytest.raises(WrongState) as refused:
            verb(connection, task_id)
        assert (refused.value.task_id, refused.value.state) == (task_id, found)


@pytest.mark.parametrize("verb", [tasks.cancel, tasks.retry, tasks.redrive, tasks.purge])
def test_verbs_do_not_know_an_unknown_id(connection: Connection[Any], verb: Any) -> None:
    with pytest.raises(TaskNotFound):
        verb(connection, NOBODY)


def test_retry_runs_a_waiting_task_now_a_dead_one_again_and_an_ended_one_anew(connection: Connection[Any]) -> None:
    waiting, dead, done = rows.retrying(connection), rows.dead(connection), rows.ended(connection)
    assert tasks.retry(connection, waiting) == waiting
    assert tasks.retry(connection, dead) == dead
    fresh = tasks.retry(connection, done)
    assert fresh != done
    assert [state(connection, one) for one in (waiting, dead, fresh, done)] == ["pending"] * 3 + ["succeeded"]


def test_redrive_brings_a_dead_letter_back_and_purge_forgets_it(connection: Connection[Any]) -> None:
    one, two = rows.dead(connection), rows.dead(connection)
    assert tasks.redrive(connection, one) == one
    tasks.purge(connection, two)
    assert (state(connection, one), state(connection, two)) == ("pending", None)


def test_verbs_work_inside_the_callers_transaction(connection: Connection[Any]) -> None:
    one, two = rows.submitted(connection), rows.dead(connection)
    with connection.transaction(force_rollback=True):
        tasks.cancel(connection, one)
        bulk.purge_matching(connection, DeadLetterFilter())
        assert (state(connection, one), state(connection, two)) == ("cancelled", None)
    assert (state(connection, one), state(connection, two)) == ("pending", "dead")


def paused(connection: Connection[Any], queue: str) -> Any:
    return connection.execute("SELECT paused FROM pgq.queue_depth WHERE queue = %s", [queue]).fetchone()


def test_a_pause_lasts_until_it_is_resumed(connection: Connection[Any]) -> None:
    assert queues.pause(connection, "email") is None
    assert paused(connection, "email") == (True,)
    assert queues.resume(connection, "email") is True
    assert paused(connection, "email") == (False,)
    assert queues.resume(connection, "email") is False
    assert queues.resume(connection, "unheard of") is False


def test_a_pause_with_an_end_ends_by_itself(connection: Connection[Any]) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    assert queues.pause(connection, "email", until=until) == until
    ends = queues.pause(connection, "email", seconds=0.05)
    assert ends is not None
    connection.execute("SELECT pg_sleep(0.1)")
    assert paused(connection, "email") == (False,)


def test_a_resume_wakes_the_queues_workers(connection: Connection[Any], dsn: str) -> None:
    queues.pause(connection, "email")
    with rows.connected(dsn) as listener:
        listener.execute("LISTEN pgq_ready")
        queues.resume(connection, "email")
        (notice,) = listener.notifies(timeout=5, stop_after=1)
    assert notice.payload == "email"


def test_a_queue_needs_a_name_and_one_end(connection: Connection[Any]) -> None:
    with pytest.raises(InvalidTask, match="queue"):
        queues.pause(connection, "")
    with pytest.raises(InvalidTask, match="until"):
        queues.pause(connection, "email", until=datetime.now(UTC), seconds=1)
    with pytest.raises(InvalidTask, match="time zone"):
        queues.pause(connection, "email", until=datetime(2030, 1, 1))


def test_cancel_by_filter_takes_the_live_tasks_that_match_and_no_other(connection: Connection[Any]) -> None:
    gone = [rows.submitted(connection, queue="email"), rows.retrying(connection, queue="email")]
    told = rows.running(connection, queue="email")
    kept = [rows.submitted(connection), rows.dead(connection, queue="email"), rows.ended(connection, queue="email")]
    before = [state(connection, one) for one in kept]
    report = bulk.cancel_matching(connection, TaskFilter(queues=("email",)))
    assert report.to_json() == {"matched": 3, "changed": 3, "skipped": [], "more": False}
    assert [state(connection, one) for one in [*gone, told]] == ["cancelled", "cancelled", "running"]
    assert [state(connection, one) for one in kept] == before


def test_a_dry_run_counts_and_changes_nothing(connection: Connection[Any]) -> None:
    task_id = rows.submitted(connection)
    report = bulk.cancel_matching(connection, TaskFilter(), dry_run=True)
    assert (report.matched, report.changed) == (1, 0)
    assert state(connection, task_id) == "pending"


def test_a_limit_takes_the_oldest_and_says_that_there_are_more(connection: Connection[Any]) -> None:
    made = sorted(rows.dead(connection) for _ in range(3))
    report = bulk.purge_matching(connection, DeadLetterFilter(), limit=2)
    assert (report.matched, report.changed, report.more) == (3, 2, True)
    assert [state(connection, one) for one in made] == [None, None, "dead"]


def test_batches_reach_every_task(connection: Connection[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH", 3)
    made = [rows.dead(connection) for _ in range(8)]
    assert bulk.redrive_matching(connection, DeadLetterFilter()).changed == 8
    assert {state(connection, one) for one in made} == {"pending"}


def test_tasks_that_a_retry_makes_are_not_retried_in_their_turn(
    connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    for _ in range(3):
        rows.ended(connection)
    report = bulk.retry_matching(connection, TaskFilter(kinds=("echo",)))
    assert (report.matched, report.changed) == (3, 3)
    assert connection.execute("SELECT count(*) FROM pgq.tasks").fetchone() == (3,)


def test_a_retry_by_filter_leaves_running_tasks_alone(connection: Connection[Any]) -> None:
    running, dead = rows.running(connection), rows.dead(connection)
    assert bulk.retry_matching(connection, TaskFilter(kinds=("echo",))).changed == 1
    assert (state(connection, running), state(connection, dead)) == ("running", "pending")
    with pytest.raises(InvalidTask, match="state: must be one of"):
        bulk.retry_matching(connection, TaskFilter(states=frozenset({"running"})))


def test_one_bad_row_stops_no_other(connection: Connection[Any]) -> None:
    made = sorted(rows.dead(connection) for _ in range(5))
    connection.execute("UPDATE pgq.dead_tasks SET priority = 77 WHERE id = %s", [made[2]])  # no such priority: refused
    report = bulk.redrive_matching(connection, DeadLetterFilter())
    assert (report.matched, report.changed) == (5, 4)
    (skipped,) = report.skipped
    assert (skipped.id, skipped.code) == (made[2], "invalid")
    assert "priority" in skipped.reason
    assert [state(connection, one) for one in made] == ["pending", "pending", "dead", "pending", "pending"]


def test_a_task_that_ended_meanwhile_is_skipped_with_its_reason(connection: Connection[Any]) -> None:
    here, gone = rows.submitted(connection), rows.ended(connection)
    report = bulk.carry_out(
        connection, lambda *, after, limit: sorted([here, gone, NOBODY]), bulk.many("cancel_many"), 3, None, False
    )
    assert report.changed == 1
    assert {one.id: one.code for one in report.skipped} == {gone: "wrong_state", NOBODY: "not_found"}


def test_a_purge_passes_what_another_session_holds(connection: Connection[Any], dsn: str) -> None:
    held, free = rows.dead(connection), rows.dead(connection)
    with rows.connected(dsn) as other, other.transaction():
        other.execute("SELECT FROM pgq.dead_tasks WHERE id = %s FOR UPDATE", [held])
        report = bulk.purge_matching(connection, DeadLetterFilter())
    assert [one.id for one in report.skipped] == [held]
    assert (state(connection, held), state(connection, free)) == ("dead", None)


def test_without_the_schema_the_error_names_the_command(connection: Connection[Any]) -> None:
    connection.execute("DROP SCHEMA pgq CASCADE")
    for verb in (
        lambda: tasks.cancel(connection, NOBODY),
        lambda: queues.resume(connection, "email"),
        lambda: bulk.purge_matching(connection, DeadLetterFilter()),
    ):
        with pytest.raises(SchemaError, match="pgq migrate"):
            verb()


def test_a_lost_connection_is_no_skipped_task(connection: Connection[Any], dsn: str) -> None:
    made = [rows.dead(connection) for _ in range(2)]
    with rows.connected(dsn) as victim:
        pid = victim.info.backend_pid
        connection.execute("SELECT pg_terminate_backend(%s)", [pid])
        with pytest.raises(DatabaseUnavailable):
            bulk.carry_out(victim, lambda *, after, limit: made, bulk.many("redrive_many"), 2, None, False)
        with pytest.raises(psycopg.Error):
            victim.execute("SELECT 1")
