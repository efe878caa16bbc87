"""A duty's statement looks at a snapshot, then locks: what changed in between is seen under the lock."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from tests.verbs import A, B, Connection, Database

GATE = 777
"""An advisory lock: who holds it keeps the duty's statement between its snapshot and its locks."""


@pytest.fixture
async def gate(db: Database) -> Connection:
    """Keeps the statements that call pgq.rfc3339() waiting, until it commits."""
    await db.run(
        f"""
        CREATE OR REPLACE FUNCTION pgq.rfc3339(moment timestamptz) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
        BEGIN PERFORM pg_advisory_xact_lock_shared({GATE}); RETURN moment::text; END $$"""
    )
    keeper = await db.another(autocommit=False)
    await keeper.execute(f"SELECT pg_advisory_xact_lock({GATE})".encode())
    return keeper


async def between_snapshot_and_lock(db: Database, gate: Connection, name: str, change: str, task: UUID) -> int:
    """Do a duty, with a change committed by another session after its snapshot and before its locks."""
    session = await db.another()
    duty = asyncio.create_task(db.tick(name, on=session))
    await db.until_waiting(session)
    await db.run(change, task)
    await gate.commit()
    return await duty


async def lost(db: Database, **fields: Any) -> UUID:
    claimed = await db.running(**fields)
    await db.expire_lease(claimed.id)
    return claimed.id


async def test_a_lease_that_is_renewed_in_time_is_not_reaped(db: Database, gate: Connection) -> None:
    claimed = await db.running()
    await db.expire_lease(claimed.id)
    renewal = "UPDATE pgq.tasks SET lease_expires_at = clock_timestamp() + interval '60 s' WHERE id = %s"

    assert await between_snapshot_and_lock(db, gate, "reaper", renewal, claimed.id) == 0

    assert await db.attempts(claimed.id) == []
    assert await db.ends(claimed)


async def test_a_task_that_finished_in_time_is_not_reaped(db: Database, gate: Connection) -> None:
    task = await lost(db)

    assert await between_snapshot_and_lock(db, gate, "reaper", "DELETE FROM pgq.tasks WHERE id = %s", task) == 0

    assert await db.attempts(task) == []
    assert await db.rows("SELECT * FROM pgq.task_status") == []


@pytest.mark.parametrize("max_attempts", [1, 4])
async def test_a_cancellation_that_was_asked_for_in_time_counts(
    db: Database, gate: Connection, max_attempts: int
) -> None:
    task = await lost(db, max_attempts=max_attempts)

    assert await between_snapshot_and_lock(db, gate, "reaper", "SELECT pgq.cancel(%s)", task) == 1

    assert await db.state(task) == "cancelled"
    assert await db.attempts(task) == ["LeaseExpired"]


async def test_a_task_that_a_worker_took_in_time_is_not_buried_as_unknown(db: Database, gate: Connection) -> None:
    task = await db.submit("shout")
    await db.run("UPDATE pgq.tasks SET created_at = now() - interval '2 days', run_at = now() - interval '2 days'")
    taken = (
        "UPDATE pgq.tasks SET state = 'running', attempt = 1, leased_by = gen_random_uuid(), lease_epoch = 1, "
        "started_at = now(), deadline_at = now() + interval '1 h', lease_expires_at = now() + interval '1 h' "
        "WHERE id = %s"
    )

    assert await between_snapshot_and_lock(db, gate, "undertaker", taken, task) == 0

    assert await db.state(task) == "running"


async def test_a_row_that_somebody_holds_is_passed_by_and_reaped_at_the_next_tick(db: Database) -> None:
    held, free = await lost(db), await lost(db)
    holder = await db.another(autocommit=False)
    await holder.execute("SELECT FROM pgq.tasks WHERE id = %s FOR UPDATE", [held])

    assert await db.reap() == 1
    assert (await db.state(held), await db.state(free)) == ("running", "retrying")

    await holder.rollback()
    assert await db.reap() == 1


async def test_what_was_reaped_and_claimed_again_is_the_new_workers(db: Database) -> None:
    frozen = await db.running(A)
    await db.expire_lease(frozen.id)
    await db.reap()
    await db.make_due(frozen.id)
    live = await db.claim_one(B)

    assert await db.reap() == 0
    assert not await db.ends(frozen, worker=A)
    assert await db.ends(live, worker=B)
