"""Sessions that meet on the same rows wait for each other in one order, or pass each other by: nobody deadlocks."""

import asyncio
import random
from uuid import UUID

import psycopg
import pytest

from pgq.db import outcomes
from pgq.db.outcomes import Finished
from pgq.values.outcome import BuryNow
from pgq.values.task import Claimed
from tests.dependents import child_of, nothing_is_left, states
from tests.verbs import DONE, FAILED, A, Connection, Database, retry_later, statement

OUTCOMES = {"complete": DONE, "bury": BuryNow(FAILED), "retry": retry_later()}


async def running(db: Database, tasks: int) -> list[Claimed]:
    """Claimed tasks, by their ids; they lie in the table the other way round, so that no scan comes upon that order."""
    await db.run(
        "INSERT INTO pgq.tasks (id, kind) "
        "SELECT gen_random_uuid() AS id, 'echo' FROM generate_series(1, %s) ORDER BY id DESC",
        tasks,
    )
    claimed = await db.claim(room=tasks)
    assert len(claimed) == tasks
    return sorted(claimed, key=lambda task: task.id)


async def lock(db: Database, task: Claimed, on: Connection, how: str = "FOR UPDATE") -> None:
    await db.rows(f"SELECT FROM pgq.tasks WHERE id = %s {how}", task.id, on=on)


@pytest.mark.parametrize("outcome", OUTCOMES.values(), ids=OUTCOMES)
async def test_a_batch_of_outcomes_locks_in_the_order_of_ids(db: Database, outcome: BuryNow) -> None:
    low, middle, high = await running(db, 3)
    holder, completer, probe = await db.another(autocommit=False), await db.another(), await db.another()
    await lock(db, middle, on=holder)

    batch = [Finished(one.lease, outcome) for one in (high, middle, low)]
    writing = asyncio.create_task(outcomes.record(completer, A, batch))
    await db.until_waiting(completer)

    await lock(db, high, on=probe, how="FOR UPDATE NOWAIT")  # it has not come so far
    with pytest.raises(psycopg.errors.LockNotAvailable):
        await lock(db, low, on=probe, how="FOR UPDATE NOWAIT")
    await holder.rollback()
    assert len(await writing) == 3


@pytest.mark.parametrize("duty", ["reaper", "expirer", "undertaker"])
async def test_a_duty_waits_for_nobody(db: Database, duty: str) -> None:
    if duty == "reaper":
        first, second = await running(db, 2)
        for one in (first, second):
            await db.expire_lease(one.id)
    else:
        await db.run(
            "INSERT INTO pgq.tasks (kind, created_at, run_at) "
            "SELECT 'unknown', now() - interval '2 days', now() - interval '2 days' FROM generate_series(1, 2)"
        )
        if duty == "expirer":
            await db.run("UPDATE pgq.tasks SET expires_at = clock_timestamp()")
    holder = await db.another(autocommit=False)
    await db.rows("SELECT FROM pgq.tasks ORDER BY id LIMIT 1 FOR UPDATE", on=holder)

    assert await db.tick(duty) == 1


async def test_extending_waits_for_nobody_and_what_it_passed_by_is_still_held(db: Database) -> None:
    one, other = await running(db, 2)
    holder = await db.another(autocommit=False)
    await lock(db, one, on=holder)

    answers = {answer.id: (answer.held, answer.extended) for answer in db.extend(other, one)}

    assert answers == {one.id: (True, False), other.id: (True, True)}


async def test_sixty_extends_against_sixty_completions_in_other_orders(db: Database) -> None:
    before = await deadlocks(db)
    completers = [await db.another() for _ in range(3)]
    for _ in range(4):
        claimed = await running(db, 60)

        async def complete(session: Connection, claimed: list[Claimed] = claimed) -> int:
            mine = random.sample(claimed, 60)  # each tries to finish all of them
            return len(await outcomes.record(session, A, [Finished(one.lease, DONE) for one in mine]))

        def extend(claimed: list[Claimed] = claimed) -> None:
            for _ in range(5):
                db.extend(*random.sample(claimed, 60))

        results = await asyncio.gather(
            *(complete(session) for session in completers), *(asyncio.to_thread(extend) for _ in range(2))
        )
        assert sum(count for count in results if count) == 60

    assert await deadlocks(db) == before


async def deadlocks(db: Database) -> int:
    return int(await db.value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))


async def test_a_bulk_cancel_against_a_batch_of_mixed_outcomes(db: Database) -> None:
    low, high = await running(db, 2)
    canceller, completer = await db.another(autocommit=False), await db.another()
    await db.cancel(low.id, on=canceller)

    batch = [Finished(high.lease, DONE), Finished(low.lease, BuryNow(FAILED))]
    writing = asyncio.create_task(outcomes.record(completer, A, batch))
    await db.until_waiting(completer)
    cancelling = asyncio.create_task(db.cancel(high.id, on=canceller))  # goes on in the order of ids
    with pytest.raises(psycopg.Error) as refused:
        await cancelling
    assert refused.value.sqlstate == "PQ006"  # it has succeeded: the completer does not hold it any more
    await canceller.rollback()

    assert await writing == {low.id, high.id}


async def test_a_bulk_cancel_takes_what_waits_for_parents_last(db: Database) -> None:
    """Who ends a parent holds it before it takes the children: the other way round, the two would deadlock."""
    middle, high = await running(db, 2)
    child = await child_of(db, high.id, id=UUID(int=1))
    holder, canceller = await db.another(autocommit=False), await db.another()
    completer = await db.another(lock_timeout="500ms")
    await lock(db, middle, on=holder)
    cancelling = asyncio.create_task(
        canceller.execute(statement("cancel_many"), {"ids": sorted([child, middle.id, high.id])})
    )
    await db.until_waiting(canceller)

    assert await db.ends(high, on=completer)  # the canceller holds neither it nor its child
    assert await db.state(child) == "pending"
    await holder.rollback()

    with pytest.raises(psycopg.Error) as refused:
        await cancelling
    assert refused.value.sqlstate == "PQ006"  # because one has ended; nobody was killed


async def test_a_cancel_takes_a_waiting_task_and_what_waits_for_it_in_the_order_of_ids(db: Database) -> None:
    """As the end of their parents does: ids that submitters make need not grow."""
    parent = await db.running()
    task = await child_of(db, parent.id, policy="run")
    child = await child_of(db, parent.id, task, policy="run", id=UUID(int=1))
    holder, ender, canceller = await db.another(autocommit=False), await db.another(), await db.another()
    await db.rows("SELECT FROM pgq.tasks WHERE id = %s FOR UPDATE", child, on=holder)
    ending = asyncio.create_task(db.ends(parent, on=ender))
    await db.until_waiting(ender)
    cancelling = asyncio.create_task(db.cancel(task, on=canceller))
    await db.until_waiting(canceller)

    await holder.rollback()

    assert await ending
    assert await cancelling == "cancelled"
    assert await states(db, [task, child]) == ["cancelled", "pending"]
    await nothing_is_left(db)


async def test_a_bulk_retry_takes_live_tasks_before_dead_letters(db: Database) -> None:
    """As a submit does that looks at its parents."""
    dead, live = await db.bury(), await db.submit()
    holder, retrier = await db.another(autocommit=False), await db.another()
    submitter = await db.another(autocommit=False, lock_timeout="500ms")
    await db.rows("SELECT FROM pgq.tasks WHERE id = %s FOR NO KEY UPDATE", live, on=holder)
    retrying = asyncio.create_task(retrier.execute(statement("retry_many"), {"ids": [dead, live]}))
    await db.until_waiting(retrier)

    child = await child_of(db, dead, live, on=submitter)
    await submitter.commit()

    assert await db.state(child) == "cancelled"  # the commit could look at the dead letter
    await holder.rollback()
    await retrying
    assert await states(db, [dead, live]) == ["pending", "pending"]


async def test_a_submit_that_looks_at_its_parents_takes_those_that_wait_last(db: Database) -> None:
    first, second = await running(db, 2)
    waiting = await child_of(db, first.id, id=UUID(int=1))
    ender, submitter = await db.another(autocommit=False, lock_timeout="500ms"), await db.another(autocommit=False)
    grandchild = await child_of(db, waiting, second.id, on=submitter)
    assert await db.ends(second, on=ender)
    committing = asyncio.create_task(submitter.commit())
    await db.until_waiting(submitter)

    assert await db.ends(first, BuryNow(FAILED), on=ender)  # cancels the one that waits
    await ender.commit()
    await committing

    assert await states(db, [waiting, grandchild]) == ["cancelled", "cancelled"]
    await nothing_is_left(db)


# One task, two verbs at once


async def test_a_completion_that_waited_for_a_cancel_goes_through(db: Database) -> None:
    claimed = await db.running()
    canceller, completer = await db.another(autocommit=False), await db.another()
    assert await db.cancel(claimed.id, on=canceller) == "requested"

    completing = asyncio.create_task(db.ends(claimed, on=completer))
    await db.until_waiting(completer)
    await canceller.commit()

    assert await completing
    assert await db.state(claimed.id) == "succeeded"


async def test_a_cancel_that_waited_for_a_completion_is_told_so(db: Database) -> None:
    claimed = await db.running()
    completer, canceller = await db.another(autocommit=False), await db.another()
    assert await db.ends(claimed, on=completer)

    cancelling = asyncio.create_task(db.cancel(claimed.id, on=canceller))
    await db.until_waiting(canceller)
    await completer.commit()

    with pytest.raises(psycopg.Error, match="is succeeded") as refused:
        await cancelling
    assert refused.value.sqlstate == "PQ006"


async def test_a_retry_that_waited_for_a_cancel_ends_the_task(db: Database) -> None:
    claimed = await db.running()
    canceller, completer = await db.another(autocommit=False), await db.another()
    assert await db.cancel(claimed.id, on=canceller) == "requested"

    retrying = asyncio.create_task(db.ends(claimed, retry_later(3_600), on=completer))
    await db.until_waiting(completer)
    await canceller.commit()

    assert await retrying
    assert await db.state(claimed.id) == "cancelled"
    assert await db.attempts(claimed.id) == ["ValueError"]


async def test_a_cancel_that_waited_for_a_retry_ends_the_task(db: Database) -> None:
    claimed = await db.running()
    completer, canceller = await db.another(autocommit=False), await db.another()
    assert await db.ends(claimed, retry_later(3_600), on=completer)

    cancelling = asyncio.create_task(db.cancel(claimed.id, on=canceller))
    await db.until_waiting(canceller)
    await completer.commit()

    assert await cancelling == "cancelled"
    assert await db.state(claimed.id) == "cancelled"


async def test_a_cancel_that_waited_for_a_claim_tells_its_worker(db: Database) -> None:
    await db.submit()
    claimer, canceller = await db.another(autocommit=False), await db.another()
    claimed = await db.claim_one(on=claimer)

    cancelling = asyncio.create_task(db.cancel(claimed.id, on=canceller))
    await db.until_waiting(canceller)
    await claimer.commit()

    assert await cancelling == "requested"
    assert [answer.cancel_requested for answer in db.extend(claimed)] == [True]


async def test_a_claim_passes_by_what_is_being_cancelled(db: Database) -> None:
    task = await db.submit()
    canceller = await db.another(autocommit=False)
    assert await db.cancel(task, on=canceller) == "cancelled"

    assert await db.claim() == []
    await canceller.rollback()
    assert [one.id for one in await db.claim()] == [task]
