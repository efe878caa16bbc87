"""At most one live lease a task: what a worker writes without holding it changes nothing."""

from uuid import UUID

import pytest

from pgq.db import leases, outcomes
from pgq.db.connect import connect
from pgq.db.outcomes import HandBack
from pgq.values.outcome import BuryNow, Outcome
from pgq.values.task import Claimed
from tests.verbs import CANCELLED, DONE, FAILED, A, B, Database, retry_later, snooze

OUTCOMES: dict[str, Outcome | HandBack] = {
    "complete": DONE,
    "cancel": CANCELLED,
    "bury": BuryNow(FAILED),
    "retry": retry_later(),
    "snooze": snooze(),
    "hand back": HandBack(),
}
EACH_OUTCOME = pytest.mark.parametrize("outcome", OUTCOMES.values(), ids=OUTCOMES)


async def row(db: Database, claimed: Claimed) -> object:
    return await db.rows("SELECT *, xmin::text FROM pgq.tasks WHERE id = %s", claimed.id)


async def reaped_and_claimed(db: Database, frozen: Claimed) -> Claimed:
    """Its worker was frozen for so long that B has the task now."""
    await db.expire_lease(frozen.id)
    assert await db.reap() == 1
    await db.make_due(frozen.id)
    return await db.claim_one(B)


@EACH_OUTCOME
async def test_a_thawed_worker_cannot_end_a_task_that_another_has_claimed(
    db: Database, outcome: Outcome | HandBack
) -> None:
    frozen = await db.running(A)
    live = await reaped_and_claimed(db, frozen)
    before = await row(db, live)

    assert not await db.ends(frozen, outcome, A)

    assert await row(db, live) == before
    assert await db.attempts(frozen.id) == ["LeaseExpired"]
    assert await db.ends(live, worker=B)


@EACH_OUTCOME
async def test_a_reaped_attempt_cannot_be_ended_before_anybody_else_has_claimed_its_task(
    db: Database, outcome: Outcome | HandBack
) -> None:
    frozen = await db.running(A)
    await db.expire_lease(frozen.id)
    assert await db.reap() == 1

    assert not await db.ends(frozen, outcome, A)

    assert await db.state(frozen.id) == "retrying"


@EACH_OUTCOME
@pytest.mark.parametrize("forged", ["another worker", "an older epoch", "a newer epoch"])
async def test_a_lease_fits_by_worker_and_epoch(db: Database, outcome: Outcome | HandBack, forged: str) -> None:
    held = await db.running(A)
    before = await row(db, held)
    worker = B if forged == "another worker" else A
    shift = {"an older epoch": -1, "a newer epoch": 1}.get(forged, 0)
    shown = held._replace(lease_epoch=held.lease_epoch + shift)

    assert not await db.ends(shown, outcome, worker)
    assert [(lease.held, lease.extended) for lease in db.extend(shown, worker=worker)] == [(False, False)]

    assert await row(db, held) == before


async def test_a_lease_that_another_holds_cannot_be_extended(db: Database) -> None:
    frozen = await db.running(A)
    live = await reaped_and_claimed(db, frozen)

    [answer] = db.extend(frozen, worker=A)
    assert (answer.held, answer.extended) == (False, False)

    [answer] = db.extend(live, worker=B)
    assert (answer.held, answer.extended) == (True, True)


async def test_extending_never_goes_past_the_deadline(db: Database) -> None:
    claimed = await db.running(timeout="10 s")

    assert db.extend(claimed, lease=3_600)[0].extended
    assert await db.value("SELECT lease_expires_at = deadline_at + interval '5 s' FROM pgq.tasks")

    await db.run("UPDATE pgq.tasks SET deadline_at = clock_timestamp()")
    [answer] = db.extend(claimed)
    assert (answer.held, answer.extended) == (True, False)  # still ours, and the reaper will end it


async def test_extending_tells_of_cancellations(db: Database) -> None:
    one, other = await db.running(), await db.running()
    await db.cancel(one.id)

    assert {answer.id: answer.cancel_requested for answer in db.extend(one, other)} == {one.id: True, other.id: False}


async def test_a_cancellation_is_told_to_whoever_has_the_lease(db: Database) -> None:
    frozen = await db.running(A)
    live = await reaped_and_claimed(db, frozen)
    own = frozen._replace(lease_epoch=live.lease_epoch)  # A's word, under the epoch that B holds
    await db.cancel(live.id)

    def told(claimed: Claimed, worker: UUID) -> bool:
        with connect(db.conninfo) as connection:
            return bool(leases.asked_to_cancel(connection, worker=worker, leases=[claimed.lease]))

    assert told(live, B)
    assert not told(frozen, B), "an older attempt"
    assert not told(own, A), "another worker"


async def test_only_what_is_listed_is_extended(db: Database) -> None:
    """A claim whose answer was lost must run out."""
    listed, forgotten = await db.running(), await db.running()
    for task in (listed.id, forgotten.id):
        await db.expire_lease(task)

    db.extend(listed)

    assert await db.reap() == 1
    assert await db.state(forgotten.id) == "retrying"


async def test_a_claim_that_a_crash_forgot_is_never_issued_again_with_the_same_epoch(db: Database) -> None:
    await db.submit()
    session = await db.another(autocommit=False)
    forgotten = await db.claim_one(A, on=session)
    await session.rollback()

    live = await db.claim_one(A)

    assert live.attempt == forgotten.attempt
    assert live.lease_epoch > forgotten.lease_epoch
    assert not await db.ends(forgotten)


async def test_the_epoch_grows_though_the_clock_went_back(db: Database) -> None:
    task = await db.submit()
    await db.run("UPDATE pgq.tasks SET lease_epoch = 1 << 62 WHERE id = %s".replace("1 << 62", str(1 << 62)), task)

    assert (await db.claim_one()).lease_epoch == (1 << 62) + 1


# An outcome whose COMMIT got no answer


async def settled(db: Database, claimed: Claimed) -> bool:
    return bool(await outcomes.settled(db.connection, [claimed.lease]))


@EACH_OUTCOME
async def test_an_outcome_that_was_committed_is_known_for_ours(db: Database, outcome: Outcome | HandBack) -> None:
    claimed = await db.running()
    assert not await settled(db, claimed)

    assert await db.ends(claimed, outcome)

    assert not await db.ends(claimed, outcome)
    assert await settled(db, claimed)


async def test_a_failure_that_was_committed_is_known_for_ours_after_the_task_has_gone_on(db: Database) -> None:
    retried = await db.running()
    assert await db.ends(retried, retry_later())
    again = await db.claim_one(B)
    assert await settled(db, retried)

    assert await db.ends(again, BuryNow(FAILED), B)
    await db.redrive(again.id)
    await db.claim_one(A)
    assert await settled(db, again)


@pytest.mark.parametrize("max_attempts", [1, 4])
@pytest.mark.parametrize("cancelled", [False, True])
async def test_what_the_reaper_ended_was_not_ours(db: Database, max_attempts: int, cancelled: bool) -> None:
    claimed = await db.running(max_attempts=max_attempts)
    if cancelled:
        await db.cancel(claimed.id)
    await db.expire_lease(claimed.id)
    assert await db.reap() == 1

    assert not await settled(db, claimed)


async def test_a_later_attempt_of_our_own_is_ours_though_the_reaper_ended_an_earlier_one(db: Database) -> None:
    frozen = await db.running(A)
    live = await reaped_and_claimed(db, frozen)
    assert await db.ends(live, HandBack(), B)
    await db.cancel(live.id)

    assert await settled(db, live)
    assert not await settled(db, frozen)
