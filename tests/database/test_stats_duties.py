"""The accountant adds up, the sampler writes down how full the queues are, the pruner forgets both in time."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.database.test_stats import some_of_each
from tests.verbs import DONE, A, B, Database, duty, retry_later, take_turn

# By more than any test takes: by a minute, a row would meet the one of the minute before it, where two have begun.
CLOSED = "UPDATE pgq.task_stats SET minute = minute - interval '10 min'"


async def counts(db: Database) -> list[dict[str, Any]]:
    return await db.rows("SELECT * FROM pgq.task_counts ORDER BY queue, kind")


async def rows_of(db: Database, table: str) -> int:
    return int(await db.value(f"SELECT count(*) FROM pgq.{table}"))


# The accountant


async def test_closed_minutes_are_moved_into_the_totals_and_the_current_one_is_not(db: Database) -> None:
    await some_of_each(db)
    await db.run(CLOSED)
    assert await db.ends(await db.running(B), DONE, B)
    await db.run("UPDATE pgq.task_stats SET minute = minute + interval '10 min' WHERE worker_id = %s", B)

    assert await db.tick("accountant") >= 1

    assert await db.value("SELECT succeeded FROM pgq.task_totals") == 2
    assert await db.value("SELECT sum(succeeded) FROM pgq.task_minutes") == 2
    assert await db.value("SELECT succeeded FROM pgq.task_stats") == 1
    assert await db.value("SELECT succeeded FROM pgq.task_counts") == 3


async def test_totals_are_the_same_before_and_after_every_turn_and_only_grow(db: Database) -> None:
    last = 0
    for outcome in (DONE, retry_later(3_600), DONE, DONE):
        assert await db.ends(await db.running(), outcome)
        before = await counts(db)
        await db.run(CLOSED)
        assert await db.tick("accountant") == 1
        assert await db.tick("accountant") == 0
        assert await counts(db) == before
        now = sum(before[0][name] for name in ("succeeded", "failed"))
        assert now == last + 1
        last = now


async def test_an_outcome_that_waits_for_the_accountant_makes_its_row_anew(db: Database) -> None:
    first, second = await db.running(), await db.running()
    assert await db.ends(first)
    accountant, worker = await db.another(autocommit=False), await db.another()
    await db.run(CLOSED, on=accountant)
    await db.run("DELETE FROM pgq.task_stats", on=accountant)

    ending = asyncio.create_task(db.ends(second, on=worker))
    await db.until_waiting(worker)
    await accountant.commit()

    assert await ending
    assert await db.value("SELECT succeeded FROM pgq.task_stats") == 1


async def test_a_minute_that_is_written_after_it_was_moved_is_added_to_what_was_moved(db: Database) -> None:
    for _ in range(2):
        assert await db.ends(await db.running())
        await db.run("UPDATE pgq.task_stats SET minute = '2026-01-01Z'")
        assert await db.tick("accountant") == 1

    assert await db.rows("SELECT minute::date::text, succeeded FROM pgq.task_minutes") == [
        {"minute": "2026-01-01", "succeeded": 2}
    ]
    assert await db.value("SELECT succeeded FROM pgq.task_totals") == 2
    assert await db.value("SELECT (SELECT sum(n) FROM unnest(run) AS n) FROM pgq.task_totals") == 2


async def test_a_row_that_is_being_written_is_left_for_the_next_turn(db: Database) -> None:
    assert await db.ends(await db.running(A))
    assert await db.ends(await db.running(B), worker=B)
    await db.run(CLOSED)
    holder = await db.another(autocommit=False)
    await db.rows("SELECT FROM pgq.task_stats WHERE worker_id = %s FOR UPDATE", A, on=holder)

    assert await db.tick("accountant") == 1
    await holder.rollback()
    assert await db.tick("accountant") == 1

    assert await db.value("SELECT sum(succeeded) FROM pgq.task_minutes") == 2


# The sampler


async def test_a_sample_says_what_the_queues_held(db: Database) -> None:
    await db.submit()
    await db.submit(delay=timedelta(hours=1))
    await db.submit(queue="email")
    depth = await db.rows("SELECT * FROM pgq.queue_depth ORDER BY queue")

    assert await db.tick("sampler") == 2

    history = await db.rows("SELECT * FROM pgq.queue_depth_history ORDER BY queue")
    assert len({row.pop("sampled_at") for row in history}) == 1
    for row in depth + history:
        assert row.pop("oldest_ready_seconds") < 60
    assert history == depth


async def test_two_tickers_write_one_sample_a_period(db: Database) -> None:
    await db.submit()
    sessions = [await db.another() for _ in range(2)]

    for _ in range(3):
        await asyncio.gather(
            *(take_turn(session, duty("sampler"), w) for session, w in zip(sessions, (A, B), strict=True))
        )

    assert await rows_of(db, "queue_samples") == 1
    assert await db.value("SELECT next_due_at - last_started_at FROM pgq.maintenance WHERE duty = 'sampler'") == (
        pytest.approx(timedelta(seconds=10), abs=timedelta(milliseconds=100))
    )


async def huge(db: Database) -> None:
    """The planner is told that there are very many tasks."""
    await db.run("ALTER TABLE pgq.tasks SET (autovacuum_enabled = off)")
    await db.run("UPDATE pg_class SET reltuples = 2000000 WHERE oid = 'pgq.tasks'::regclass")


async def test_where_there_are_very_many_tasks_depth_is_what_the_last_sample_says(db: Database) -> None:
    await db.submit()
    await db.tick("sampler")
    await db.submit()
    assert await db.value("SELECT ready FROM pgq.queue_depth") == 2

    await huge(db)
    assert await db.value("SELECT ready FROM pgq.queue_depth") == 1
    plan = await db.value("EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM pgq.queue_depth")
    assert "'Relation Name': 'tasks'" not in str(executed(plan[0]["Plan"]))

    await db.tick("sampler")
    assert await db.value("SELECT ready FROM pgq.queue_depth") == 2
    await db.run("INSERT INTO pgq.queues (name, paused_at) VALUES ('default', now())")
    assert await db.value("SELECT paused FROM pgq.queue_depth")


def executed(node: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes of a plan that ran."""
    below = [found for child in node.get("Plans", ()) for found in executed(child)]
    return [{key: value for key, value in node.items() if key != "Plans"}, *below] if node["Actual Loops"] else []


async def test_an_old_sample_answers_for_nothing(db: Database) -> None:
    await db.submit()
    await db.tick("sampler")
    await db.submit()
    await huge(db)
    await db.run("UPDATE pgq.queue_samples SET sampled_at = sampled_at - interval '61 s'")

    assert await db.value("SELECT ready FROM pgq.queue_depth") == 2


# The pruner


async def test_statistics_are_forgotten_with_the_history(db: Database) -> None:
    await some_of_each(db)
    await db.run(CLOSED)
    await db.tick("accountant")
    await db.submit()
    await db.tick("sampler")
    before, minutes = await counts(db), await rows_of(db, "task_minutes")

    assert await db.tick("pruner") == 0
    await db.run("UPDATE pgq.task_minutes SET minute = minute - interval '7 days'")
    await db.run("UPDATE pgq.queue_samples SET sampled_at = sampled_at - interval '7 days'")
    assert await db.tick("pruner", retention=8 * 86_400.0) == 0
    assert await db.tick("pruner") == minutes + 1

    assert (await rows_of(db, "task_minutes"), await rows_of(db, "queue_samples")) == (0, 0)
    assert await counts(db) == before  # the totals stay
