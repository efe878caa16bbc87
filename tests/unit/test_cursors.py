"""Cursors step over what was claimed, and hide nothing for longer than a sweep's interval."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from pgq.values.lanes import START, Position, Reading
from pgq.values.task import Claimed
from pgq.worker.cursors import LAG, SWEEP_SHARE, Cursors

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def at(seconds: float, number: int = 1) -> Position:
    return NOON + timedelta(seconds=seconds), UUID(int=number)


def claimed(position: Position, priority: int = 5, queue: str = "default") -> Claimed:
    return Claimed(
        id=position[1],
        kind="echo",
        queue=queue,
        payload="{}",
        attempt=1,
        max_attempts=4,
        lease_epoch=1,
        priority=priority,
        run_at=position[0],
        timeout_seconds=300,
        lease_seconds=60,
        tags=[],
        headers="{}",
    )


def where(reading: Reading, priority: int, queue: str = "default") -> Position:
    return reading.positions[list(zip(reading.queues, reading.priorities, strict=True)).index((queue, priority))]


def after_a_full_claim(cursors: Cursors, now: float, *tasks: Claimed, took: float = 0.001) -> Reading:
    reading = cursors.reading(now, saturated=True)
    cursors.learn(reading, tasks, exhausted=[], now=now, took=took, clock=NOON)
    return reading


def test_a_new_connection_reads_every_lane_from_its_start() -> None:
    assert set(Cursors(["a", "b"], poll=1).reading(0, saturated=True).positions) == {START}


def test_a_saturated_worker_goes_on_where_it_stopped() -> None:
    cursors = Cursors(["default"], poll=1)
    after_a_full_claim(cursors, 0, claimed(at(1)), claimed(at(2)))
    assert where(cursors.reading(0.5, saturated=True), 5) == at(2)


def test_a_worker_with_free_slots_reads_from_where_it_was_seconds_ago() -> None:
    cursors = Cursors(["default"], poll=100)
    after_a_full_claim(cursors, 0, claimed(at(1)))
    after_a_full_claim(cursors, LAG, claimed(at(2)))
    after_a_full_claim(cursors, 2 * LAG, claimed(at(3)))
    assert where(cursors.reading(2 * LAG + 0.1, saturated=False), 5) == at(1)


def test_a_lane_is_swept_once_per_poll_interval_also_when_the_worker_is_saturated() -> None:
    cursors = Cursors(["default"], poll=1)
    after_a_full_claim(cursors, 0, claimed(at(1)))
    assert where(cursors.reading(0.9, saturated=True), 5) == at(1)
    assert where(cursors.reading(1.0, saturated=True), 5) == START


def test_a_lane_that_a_full_claim_did_not_reach_stays_due_for_its_sweep() -> None:
    cursors = Cursors(["default"], poll=1)
    after_a_full_claim(cursors, 0, claimed(at(1), priority=9), claimed(at(2), priority=0))
    after_a_full_claim(cursors, 1, claimed(at(3), priority=9))
    reading = cursors.reading(1.5, saturated=True)
    assert where(reading, 9) == at(3)
    assert where(reading, 0) == START


def test_late_rows_that_a_sweep_finds_are_read_on_from_there() -> None:
    cursors = Cursors(["default"], poll=1)
    after_a_full_claim(cursors, 0, claimed(at(50)))
    after_a_full_claim(cursors, 1, claimed(at(10)), claimed(at(11)))
    assert where(cursors.reading(1.5, saturated=True), 5) == at(11)


def test_rows_that_are_not_for_this_worker_are_not_walked_over_again_by_every_claim() -> None:
    cursors = Cursors(["default"], poll=1)
    reading = cursors.reading(0, saturated=False)
    cursors.learn(reading, [], exhausted=["default"], now=0, took=0.5, clock=NOON)
    assert where(cursors.reading(0.5, saturated=True), 5)[0] == NOON - timedelta(seconds=LAG)


def test_dear_sweeps_become_rarer() -> None:
    cursors = Cursors(["default"], poll=1)
    after_a_full_claim(cursors, 0, claimed(at(1)), took=0.5)
    assert where(cursors.reading(0.5 / SWEEP_SHARE - 0.1, saturated=True), 5) == at(1)
    assert where(cursors.reading(0.5 / SWEEP_SHARE, saturated=True), 5) == START
