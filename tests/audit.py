"""The auditor: checks the database against the outside log, an invariant of the design a function.

It may be run once every task has ended.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID

from psycopg.rows import class_row

from tests.outside_log import Event
from tests.tasks import ENDED, Row, Tasks
from tests.workers import Fleet

FORGETS = 2.0
"""Seconds before its crash within which a server may have told of claims that it had not written yet."""

FROZEN = 10.0
"""Seconds that a handler may start later than its claim: its process was frozen in between."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt, as pgq.attempts has it; its length by the database's clock."""

    task: UUID
    epoch: int
    attempt: int
    seconds: float
    reaped: bool
    error: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt, as its handler wrote it to the outside log."""

    start: Event
    end: Event | None

    @property
    def epoch(self) -> int:
        return int(self.start.facts["epoch"])

    @property
    def number(self) -> int:
        return int(self.start.facts["attempt"])


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found, inside and outside. `said` is all that the workers have said.

    Processes are dead since they were killed, or ended by themselves; only the killed could hand nothing back. A crash
    of the server may have forgotten the claims of the moment before.
    """

    rows: dict[UUID, Row]
    places: Counter[UUID]
    failures: dict[UUID, list[Failure]]
    acknowledged: list[UUID]
    attempts: dict[UUID, list[Attempt]]
    dead_since: dict[int, float]
    killed: set[int]
    crashes: list[float]
    said: str


def gather(tasks: Tasks, fleet: Fleet) -> Evidence:
    """Read both sides."""
    failures: dict[UUID, list[Failure]] = defaultdict(list)
    with tasks.connection.cursor(row_factory=class_row(Failure)) as cursor:
        for failure in cursor.execute(
            "SELECT task_id AS task, lease_epoch AS epoch, attempt, error ? 'reaped' AS reaped,"
            " error ->> 'type' AS error,"
            " extract(epoch FROM failed_at - started_at)::float8 AS seconds FROM pgq.attempts ORDER BY lease_epoch"
        ):
            failures[failure.task].append(failure)
    places = tasks.connection.execute(
        "SELECT id FROM pgq.tasks UNION ALL SELECT id FROM pgq.task_history UNION ALL SELECT id FROM pgq.dead_tasks"
    )
    return Evidence(
        rows=tasks.rows(),
        places=Counter(row[0] for row in places),
        failures=failures,
        acknowledged=[UUID(task) for event in fleet.outside.events("acknowledged") for task in event.facts["tasks"]],
        attempts=attempts_of(fleet.outside.events()),
        dead_since={event.pid: event.at for name in ("killed", "exited") for event in fleet.outside.events(name)},
        killed={event.pid for event in fleet.outside.events("killed")},
        crashes=[event.at for event in fleet.outside.events("crashed")],
        said=fleet.said(),
    )


def attempts_of(events: Sequence[Event]) -> dict[UUID, list[Attempt]]:
    """Per task the attempts that began, in the order of their fences."""
    ends = {(event.task, event.facts["epoch"], event.pid): event for event in events if event.name == "end"}
    found: dict[UUID, list[Attempt]] = defaultdict(list)
    for event in events:
        if event.name == "start":
            found[event.task].append(Attempt(event, ends.get((event.task, event.facts["epoch"], event.pid))))
    return {task: sorted(attempts, key=lambda one: one.epoch) for task, attempts in found.items()}


def audit(tasks: Tasks, fleet: Fleet, *, lease: float) -> Evidence:
    """All of them; `lease` is that of the workers, in seconds."""
    found = gather(tasks, fleet)
    what_was_acknowledged_exists(found)
    no_two_leases_live_at_once(found)
    only_the_holder_of_the_lease_wrote(found)
    failures_are_what_handlers_raised(found)
    attempts_are_counted_at_claim(found)
    only_expired_leases_were_reaped(found, lease)
    return found


def what_was_acknowledged_exists(found: Evidence) -> None:
    """Invariant 1; and whatever exists has ended, and is in one place."""
    assert found.acknowledged, "nothing was acknowledged: this test shows nothing"
    lost = [task for task in found.acknowledged if task not in found.rows]
    assert not lost, f"{len(lost)} acknowledged tasks are lost: {lost[:5]}"
    twice = [task for task, places in found.places.items() if places != 1]
    assert not twice, f"{len(twice)} tasks are in more than one table: {twice[:5]}"
    live = [row for row in found.rows.values() if row.state not in ENDED]
    assert not live, f"{len(live)} tasks have not ended: {live[:5]}"


def no_two_leases_live_at_once(found: Evidence) -> None:
    """Invariant 2: no fence was given twice, and an attempt began only after the one before was over.

    Over: its handler had ended, its process was dead, or its lease was lost, which the worker itself said. (Leases are
    lost when they run out, and when a crash of the server forgets a claim.) An attempt that is frozen between the last
    look at its lease and its handler's first line even begins after the next one: nothing can exclude that, so it
    must be said.
    """
    for task, attempts in found.attempts.items():
        epochs = [attempt.epoch for attempt in attempts]
        assert len(epochs) == len(set(epochs)), f"task {task}: fences {epochs}"
        for earlier, later in pairwise(attempts):
            over = [earlier.end.at] if earlier.end else []
            over += [found.dead_since[earlier.start.pid]] if earlier.start.pid in found.dead_since else []
            assert (
                min(over, default=later.start.at + 1) <= later.start.at or f"lease lost: task {task}" in found.said
            ), f"task {task}: attempt {later.number} began while attempt {earlier.number} went on"


def only_the_holder_of_the_lease_wrote(found: Evidence) -> None:
    """Invariant 3: the outcome is that of the last attempt, and of nobody else."""
    for task, row in found.rows.items():
        attempts = found.attempts.get(task, [])
        if row.state != "succeeded" or not isinstance(row.result, dict) or "epoch" not in row.result:
            continue
        assert row.result["epoch"] == row.lease_epoch, f"task {task}: another attempt's result was kept"
        assert attempts, f"task {task} succeeded, but no handler of it began"
        last = attempts[-1]
        assert last.epoch == row.lease_epoch, f"task {task}: it was begun again after it had ended"
        assert last.end, f"task {task} succeeded before its handler had ended"
        assert last.end.facts["how"] == "returned", f"task {task} succeeded, but its handler {last.end.facts['how']}"


def failures_are_what_handlers_raised(found: Evidence) -> None:
    """Invariant 3, for attempts that fail: each is in the outside log, and ended as the database says."""
    for task, failures in found.failures.items():
        ends = {attempt.epoch: attempt.end for attempt in found.attempts.get(task, [])}
        for failure in failures:
            end = ends.get(failure.epoch)
            raised = end is not None and end.facts["how"] == failure.error
            assert failure.reaped or raised, f"task {task}: {failure}, but its handler {end}"


def attempts_are_counted_at_claim(found: Evidence) -> None:
    """Invariant 5: what was begun counts, also when its worker died; and nothing counts twice."""
    for task, row in found.rows.items():
        failures, attempts = found.failures.get(task, []), found.attempts.get(task, [])
        assert row.attempt <= row.max_attempts, f"task {task}: {row}"
        if row.state in ("succeeded", "dead"):
            assert row.attempt == len(failures) + (row.state == "succeeded"), f"task {task}: {row} after {failures}"
        numbers = [failure.attempt for failure in failures]
        assert numbers == list(range(1, len(failures) + 1)), f"task {task}: {failures}"
        for earlier, later in pairwise(attempts):
            forgotten = any(crash - FORGETS <= earlier.start.at <= crash + FROZEN for crash in found.crashes)
            told_to_stop = earlier.start.pid in found.dead_since and earlier.start.pid not in found.killed
            handed_back = earlier.end is not None or told_to_stop
            uncounted = earlier.number == later.number and (forgotten or handed_back)
            assert later.number > earlier.number or uncounted, f"task {task}: an attempt that died was not counted"
        assert all(attempt.number <= row.attempt for attempt in attempts), f"task {task}: {row}"


def only_expired_leases_were_reaped(found: Evidence, lease: float) -> None:
    """Invariant 6: nothing was taken from a worker before its lease had run out, by the database's clock."""
    early = [f for failures in found.failures.values() for f in failures if f.reaped and f.seconds < lease - 0.001]
    assert not early, f"{len(early)} attempts were reaped within their lease of {lease} s: {early[:5]}"
