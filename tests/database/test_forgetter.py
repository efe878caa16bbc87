"""The retention of a queue's own: its history is forgotten day by day, and nobody else's."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from tests.verbs import Database, retry_later


async def test_a_queue_with_a_shorter_retention_loses_its_closed_days_and_no_other_queue_does(db: Database) -> None:
    await partitions_back_to(db, days=5)
    await db.run("INSERT INTO pgq.queues (name, retention_seconds) VALUES ('short', 2 * 86400)")
    old = [await ended(db, days_ago, queue) for days_ago in (5, 4, 3) for queue in ("short", "default")]
    young = [await ended(db, days_ago, "short") for days_ago in (2, 1, 0)]

    assert await all_turns(db) == 3

    assert await known(db, *old[0::2]) == set()
    assert await known(db, *old[1::2]) == set(old[1::2])
    assert await known(db, *young) == set(young)


async def test_a_turn_forgets_one_day_and_the_next_goes_on_from_there(db: Database) -> None:
    await partitions_back_to(db, days=4)
    await db.run("INSERT INTO pgq.queues (name, retention_seconds) VALUES ('short', 86400)")
    three, two = await ended(db, 3, "short"), await ended(db, 2, "short")
    while await known(db, three):
        await db.tick("forgetter")
    assert await known(db, two) == {two}
    assert await all_turns(db) == 1
    assert await known(db, two) == set()


async def test_the_errors_of_forgotten_tasks_are_forgotten_too(db: Database) -> None:
    await partitions_back_to(db, days=3)
    await db.run("INSERT INTO pgq.queues (name, retention_seconds) VALUES ('default', 3600)")
    claimed = await db.running()
    await db.ends(claimed, retry_later())
    await db.ends(await db.claim_one())
    kept = await db.running()
    await db.ends(kept, retry_later())
    await db.run("UPDATE pgq.task_history SET finished_at = finished_at - interval '2 days'")
    await all_turns(db)
    assert await db.value("SELECT array_agg(task_id) FROM pgq.attempts") == [kept.id]


async def test_days_that_are_done_are_not_looked_at_again_unless_the_retention_becomes_shorter(db: Database) -> None:
    await partitions_back_to(db, days=5)
    await db.run("INSERT INTO pgq.queues (name, retention_seconds) VALUES ('short', 3 * 86400)")
    await all_turns(db)
    late = await ended(db, 4, "short")  # cannot happen; shows that the day is closed
    assert await all_turns(db) == 0
    assert await known(db, late) == {late}

    two = await ended(db, 2, "short")
    await db.run("UPDATE pgq.queues SET retention_seconds = 86400")
    assert await all_turns(db) == 1
    assert await known(db, late, two) == {late}


async def partitions_back_to(db: Database, days: int) -> None:
    for ago in range(2, days + 1):
        day = (datetime.now(UTC) - timedelta(days=ago)).date()
        await db.run(
            f"CREATE TABLE pgq.task_history_{day:%Y%m%d} PARTITION OF pgq.task_history"
            f" FOR VALUES FROM ('{day} 00:00:00+00') TO ('{day + timedelta(days=1)} 00:00:00+00')"
        )


async def ended(db: Database, days_ago: int, queue: str) -> UUID:
    """A task that ended so many days ago: within the first second of that day, so that its whole day has passed."""
    task = await db.submit(queue=queue)
    (claimed,) = await db.claim(queues=[queue])
    assert claimed.id == task
    await db.ends(claimed)
    await db.run(
        "UPDATE pgq.task_history SET finished_at = date_trunc('day', now() - make_interval(days => %s), 'UTC')"
        " WHERE id = %s",
        days_ago,
        task,
    )
    return task


async def all_turns(db: Database) -> int:
    """Turns until every queue's days are done; how many tasks were forgotten."""
    forgotten, before = 0, None
    while (done := await db.rows("SELECT name, history_pruned_before FROM pgq.queues ORDER BY name")) != before:
        before = done
        forgotten += await db.tick("forgetter")
    return forgotten


async def known(db: Database, *tasks: UUID) -> set[UUID]:
    """Those of the tasks that the history still has."""
    return {row["id"] for row in await db.rows("SELECT id FROM pgq.task_history WHERE id = ANY (%s)", list(tasks))}
