"""What an operator sets of a queue, and that it holds at every door."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest

import pgq
from pgq.db import overview
from pgq.operate.queues import set_queue
from pgq.values.errors import InvalidTask, QueueFull
from pgq.values.queue_settings import LATER
from tests.database.doors import DOORS, Door
from tests.verbs import Database, retry_later


async def setting(db: Database, queue: str = "default", /, **given: Any) -> None:
    with psycopg.connect(db.conninfo, autocommit=True) as connection:
        set_queue(connection, queue, given)


async def waiting(db: Database, queue: str = "default") -> int:
    count: int = await db.value("SELECT count(*) FROM pgq.tasks WHERE queue = %s", queue)
    return count


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
async def test_no_door_lets_a_task_into_a_full_queue(db: Database, door: Door) -> None:
    await setting(db, max_depth=2)
    await door(db, {"queue": "default"})
    await door(db, {})
    with pytest.raises(psycopg.Error) as refused:
        await door(db, {})

    assert refused.value.sqlstate == "PQ002"
    assert await waiting(db) == 2
    await door(db, {"queue": "another"})


async def test_a_bulk_submit_enters_whole_or_not_at_all(db: Database) -> None:
    await setting(db, max_depth=3)
    with pytest.raises(psycopg.Error, match="queue default is full: at most 3 tasks may wait in it"):
        await db.submit_many(*[{"kind": "echo"}] * 4)
    assert await waiting(db) == 0
    await db.submit_many(*[{"kind": "echo"}] * 3)
    assert await waiting(db) == 3


async def test_of_several_full_queues_the_answer_names_one(db: Database) -> None:
    await setting(db, "a", max_depth=1)
    await setting(db, "b", max_depth=1)
    await db.submit_many({"kind": "echo", "queue": "a"}, {"kind": "echo", "queue": "b"})
    with pytest.raises(psycopg.Error) as refused:
        await db.submit_many({"kind": "echo", "queue": "b"}, {"kind": "echo", "queue": "c"})
    assert refused.value.diag.message_detail == '{"queue" : "b", "max_depth" : 1}'


async def test_what_runs_does_not_count_and_what_is_scheduled_does(db: Database) -> None:
    await setting(db, max_depth=1)
    claimed = await db.running()
    await db.submit(delay=timedelta(hours=1))
    with pytest.raises(psycopg.Error, match="full"):
        await db.submit()
    # A retry goes back whatever the queue holds: nothing that was accepted is lost.
    assert await db.ends(claimed, retry_later())
    assert await waiting(db) == 2


async def test_a_known_key_is_answered_by_a_full_queue_too(db: Database) -> None:
    await setting(db, max_depth=1)
    first = await db.submit(key="k")
    assert await db.submit(key="k") == first
    with pytest.raises(psycopg.Error, match="full"):
        await db.submit(key="another")


async def test_a_submitter_is_told_whose_rights_do_not_reach_the_setting(db: Database) -> None:
    await setting(db, max_depth=1)
    await db.submit()
    session = await db.another()
    await db.run("SET ROLE pgq_submitter", on=session)
    with pytest.raises(psycopg.Error, match="full"):
        await db.submit(on=session)


async def test_python_submitters_are_told_which_queue_is_full(db: Database) -> None:
    await setting(db, max_depth=1)
    with pgq.App(db.conninfo) as app:

        @app.task
        def echo(number: int) -> None: ...

        echo.submit(number=1)
        with pytest.raises(QueueFull) as refused:
            echo.submit(number=2)
        with pytest.raises(QueueFull):
            app.submit_many([echo.new(number=n) for n in range(500)])  # by COPY
    assert (refused.value.queue, refused.value.max_depth) == ("default", 1)


async def test_submits_to_a_queue_with_a_limit_do_not_wait_for_one_another(db: Database) -> None:
    await setting(db, max_depth=1)
    one = await db.another(autocommit=False)
    await db.submit(on=one)
    # Neither sees the other: the price, told in the documents, of not waiting.
    await db.submit(on=await db.another(statement_timeout="20s"))
    await one.commit()
    assert await waiting(db) == 2


async def test_a_full_queue_is_counted_by_its_index_whatever_the_plan_was_when_it_was_empty(db: Database) -> None:
    await setting(db, "small", max_depth=20)
    await db.submit(queue="small")
    await db.run("ANALYZE pgq.tasks")
    for _ in range(7):  # from the sixth time on a session keeps the plan
        await db.submit(queue="small")
    await db.run("INSERT INTO pgq.tasks (kind, queue) SELECT 'echo', 'big' FROM generate_series(1, 20000)")
    before = await sequential_scans(db)
    await db.submit(queue="small")
    assert await sequential_scans(db) == before


async def sequential_scans(db: Database) -> int:
    await db.run("SELECT pg_stat_force_next_flush()")
    scans: int = await db.value("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'tasks'")
    return scans


async def test_a_redrive_into_a_full_queue_is_refused(db: Database) -> None:
    dead = await db.bury()
    await setting(db, max_depth=1)
    await db.submit()
    with pytest.raises(psycopg.Error, match="full"):
        await db.redrive(dead)
    assert await db.state(dead) == "dead"


async def test_settings_are_set_one_by_one_and_taken_back(db: Database) -> None:
    await setting(db, "email", max_depth=5, timeout_seconds=60)
    await setting(db, "email", retention_seconds=3600)
    await setting(db, "email", max_depth=None)
    with psycopg.connect(db.conninfo) as connection:
        (queue,) = overview.queues(connection, "email")
    assert (queue["max_depth"], queue["timeout_seconds"], queue["retention_seconds"]) == (None, 60.0, 3600.0)
    assert (await db.task(await db.submit(queue="email")))["timeout_seconds"] == 60


async def test_a_queue_that_nobody_has_heard_of_is_one(db: Database) -> None:
    with psycopg.connect(db.conninfo) as connection:
        assert overview.queues(connection) == []
        (queue,) = overview.queues(connection, "unheard of")
    assert (queue["queue"], queue["pending"], queue["paused"], queue["max_depth"]) == ("unheard of", 0, False, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, 1) for name in LATER),
        ("max_depth", 0),
        ("max_depth", True),
        ("max_depth", 1.5),
        ("max_depth", 10**10),
        ("timeout_seconds", 0),
        ("timeout_seconds", float("nan")),
        ("timeout_seconds", "60"),
        ("retention_seconds", 3599),
        ("retention_seconds", float("inf")),
        ("colour", "red"),
    ],
)
async def test_wrong_settings_are_refused_by_name(db: Database, name: str, value: object) -> None:
    with pytest.raises(InvalidTask) as refused:
        await setting(db, **{name: value})
    assert refused.value.field == name
    assert await db.value("SELECT count(*) FROM pgq.queues") == 0


async def test_the_database_refuses_them_too(db: Database) -> None:
    for name, value in (("max_depth", 0), ("retention_seconds", 60)):
        with pytest.raises(psycopg.errors.CheckViolation):
            await db.run(f"INSERT INTO pgq.queues (name, {name}) VALUES ('q', {value})")
