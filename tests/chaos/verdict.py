"""What must be true once everything was let loose and has ended."""

import time
from datetime import datetime
from typing import Any

from tests.audit import Evidence, audit
from tests.chaos.fleet import ChaosFleet, Member
from tests.tasks import ENDED, Tasks
from tests.until import until
from tests.workers import LEASE

DRAINED_WITHIN = 120.0
"""Seconds: several leases and backoffs, one after the other, on a slow machine."""


def stop_gracefully(member: Member, fleet: ChaosFleet, tasks: Tasks) -> None:
    """Invariant 11: undisturbed, a worker that stops leaves no running row of its own."""
    healed: datetime = tasks.value("SELECT clock_timestamp()")
    until(
        lambda: tasks.value(
            "SELECT NOT EXISTS (SELECT FROM pgq.tasks WHERE leased_by IS NOT NULL AND started_at < %s)", healed
        ),
        "what was claimed in chaos to end, or to run out",
        within=DRAINED_WITHIN,
    )
    worker = until(
        lambda: tasks.value("SELECT id FROM pgq.workers WHERE pid = %s ORDER BY started_at DESC", member.process.pid),
        "the worker to be registered again",
    )
    member.process.tell_to_stop()
    assert member.process.exit_code() == 0, member.process.said()[-3000:]
    fleet.outside.write("exited", pid=member.process.pid)
    left = tasks.value("SELECT count(*) FROM pgq.tasks WHERE leased_by = %s", worker)
    assert not left, f"the worker that stopped left {left} running rows"


def judge(fleet: ChaosFleet, tasks: Tasks) -> Evidence:
    """Invariants 1, 2, 3, 5 and 6, and 8 as far as keys were used; then what is peculiar to a chaos run."""
    assert not fleet.failures(), f"a submitter failed: {fleet.failures()}"
    found = audit(tasks, fleet.fleet, lease=LEASE)
    running = tasks.value("SELECT count(*) FROM pgq.tasks WHERE state = 'running' OR leased_by IS NOT NULL")
    assert not running, f"{running} rows are still running"
    states = {row.state for row in found.rows.values()}
    assert states <= set(ENDED), f"odd states: {states}"
    keys: Any = tasks.connection.execute(
        "SELECT idempotency_key FROM (SELECT idempotency_key FROM pgq.task_history UNION ALL"
        " SELECT idempotency_key FROM pgq.dead_tasks UNION ALL SELECT idempotency_key FROM pgq.tasks) AS k"
        " WHERE idempotency_key IS NOT NULL GROUP BY 1 HAVING count(*) > 1"
    ).fetchall()
    assert not keys, f"keys with several tasks: {keys}"
    dead_of_what = {row.error["type"] for row in found.rows.values() if row.state == "dead"}
    assert dead_of_what <= {"Refused", "LeaseExpired"}, f"dead of {dead_of_what}"
    dead_early = [row for row in found.rows.values() if row.state == "dead" and row.attempt < row.max_attempts]
    assert not dead_early, f"dead before their last attempt: {dead_early[:5]}"
    return found


def summary(found: Evidence, began: float) -> str:
    """In one line, what happened."""
    states: dict[str, int] = {}
    for row in found.rows.values():
        states[row.state] = states.get(row.state, 0) + 1
    reaped = sum(failure.reaped for failures in found.failures.values() for failure in failures)
    attempts = sum(map(len, found.attempts.values()))
    return (
        f"{len(found.acknowledged)} acknowledged tasks, {attempts} attempts begun, {reaped} leases reaped, "
        f"{found.said.count('lease lost')} found lost, ends {states}; {time.monotonic() - began:.0f} s"
    )
