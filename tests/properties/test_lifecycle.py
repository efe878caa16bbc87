"""Whatever workers, submitters, operators and clocks do, in whatever order: the invariants hold after every step."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.properties.desk import Desk
from tests.properties.model import Attempt, Model, ModelTask

WORKERS = [UUID(int=n) for n in (1, 2, 3)]
KEYS = ["a", "b"]
which = st.integers(0, 1_000_000)

BOUNDED = settings(
    settings.default,  # in CI that one is Hypothesis' own "ci": the same examples every time
    deadline=None,
    max_examples=40,
    stateful_step_count=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Lifecycle(RuleBasedStateMachine):
    """Three logical workers with stale handles, on one real database."""

    desk: Desk

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.over: set[str] = set()
        self.desk.empty()

    def pick(self, number: int, *states: str) -> ModelTask | None:
        fitting = [task for task in self.model.tasks.values() if task.state in states]
        return fitting[number % len(fitting)] if fitting else None

    def believed(self, number: int) -> Attempt:
        return self.model.believed[number % len(self.model.believed)]

    # Submitters

    @rule(max_attempts=st.integers(1, 3))
    def submit(self, max_attempts: int) -> None:
        [(task, created)] = self.desk.submit_many([{"kind": "echo", "max_attempts": max_attempts}])
        assert created
        self.model.tasks[task] = ModelTask(task, None, max_attempts)

    @rule(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=3), by_insert=st.booleans())
    def submit_under_keys(self, keys: list[str], by_insert: bool) -> None:
        if by_insert:
            free = self.model.key_is_free(keys[0], keys[0] in self.over)
            answer = self.desk.insert(keys[0])
            assert (answer is not None) is free
            if answer is not None:
                self.taken(keys[0], answer)
            return
        answers = self.desk.submit_many([{"kind": "echo", "idempotency_key": key} for key in keys])
        for key, (task, created) in zip(keys, answers, strict=True):
            assert created is self.model.key_is_free(key, key in self.over)
            if created:
                self.taken(key, task)
            assert self.model.keys[key] == task

    def taken(self, key: str, task: UUID) -> None:
        assert task not in self.model.tasks
        self.model.tasks[task] = ModelTask(task, key, 4)
        self.model.keys[key] = task
        self.over.discard(key)

    # Workers

    @rule(worker=st.sampled_from(WORKERS), room=st.integers(1, 3))
    def claim(self, worker: UUID, room: int) -> None:
        self.desk.all_due()
        claimed = self.desk.claim(worker, room)
        assert len(claimed) == min(room, len(self.model.claimable()))
        for one in claimed:
            task = self.model.tasks[one.id]
            assert task.state == "pending"
            task.attempt += 1
            assert one.attempt == task.attempt
            assert (one.id, one.lease_epoch) not in self.model.fences
            self.model.fences.add((one.id, one.lease_epoch))
            task.state, task.live = "running", Attempt(worker, one)
            self.model.believed.append(task.live)

    @precondition(lambda self: self.model.believed)
    @rule(number=which)
    def extend(self, number: int) -> None:
        attempt = self.believed(number)
        [answer] = self.desk.extend(attempt)
        holds = self.model.holds(attempt)
        assert (answer.held, answer.extended) == (holds, holds)
        if holds:
            task = self.model.tasks[attempt.claimed.id]
            task.expired = False
            assert answer.cancel_requested is task.cancel_requested

    @precondition(lambda self: self.model.believed)
    @rule(number=which, outcome=st.sampled_from(["complete", "cancel", "bury", "retry", "snooze", "hand back"]))
    def end(self, number: int, outcome: str) -> None:
        attempt = self.believed(number)
        holds = self.model.holds(attempt)
        assert self.desk.end(attempt, outcome) is holds
        if not holds:
            return
        task = self.model.tasks[attempt.claimed.id]
        match outcome:
            case "complete":
                task.wait("succeeded")
            case "cancel":
                task.wait("cancelled")
            case "bury":
                task.failed += 1
                task.wait("dead")
            case "retry":
                task.failed += 1
                task.wait("cancelled" if task.cancel_requested else "pending")
            case _:
                if task.cancel_requested:
                    task.wait("cancelled")
                else:
                    task.attempt -= 1
                    task.wait()

    # Clocks and duties

    @rule(number=which)
    def let_a_lease_run_out(self, number: int) -> None:
        if task := self.pick(number, "running"):
            self.desk.expire_lease(task.id)
            task.expired = True

    @rule()
    def reap(self) -> None:
        gone = [task for task in self.model.tasks.values() if task.state == "running" and task.expired]
        assert self.desk.reap() == len(gone)
        for task in gone:
            task.fail()

    @rule(key=st.sampled_from(KEYS))
    def let_a_window_end(self, key: str) -> None:
        self.desk.end_window(key)
        if key in self.model.keys:
            self.over.add(key)

    @rule()
    def prune(self) -> None:
        self.desk.prune()
        for key in list(self.over):
            if self.model.key_is_free(key, over=True):
                del self.model.keys[key]
                self.over.discard(key)

    # Operators

    @rule(number=which)
    def cancel(self, number: int) -> None:
        if (task := self.pick(number, "pending", "running")) is None:
            return
        if task.state == "running":
            assert self.desk.cancel(task.id) == "requested"
            task.cancel_requested = True
        else:
            assert self.desk.cancel(task.id) == "cancelled"
            task.wait("cancelled")

    @rule(number=which)
    def cancel_what_has_ended(self, number: int) -> None:
        if task := self.pick(number, "succeeded", "cancelled", "dead"):
            with pytest.raises(psycopg.Error, match=f"is {task.state}"):
                self.desk.cancel(task.id)

    @rule(number=which)
    def redrive(self, number: int) -> None:
        if task := self.pick(number, "dead"):
            self.desk.redrive(task.id)
            task.attempt, task.cancel_requested = 0, False
            task.wait()

    # What must be true after every step

    @invariant()
    def every_acknowledged_task_exists_once_in_its_state(self) -> None:
        shown = self.desk.tasks()
        assert {id: row["state"] for id, row in shown.items()} == {
            id: task.state for id, task in self.model.tasks.items()
        }
        assert self.desk.rows_of_tasks() == len(self.model.tasks)
        for id, task in self.model.tasks.items():
            assert shown[id]["attempt"] == task.attempt

    @invariant()
    def a_running_task_has_the_lease_of_its_last_claim_and_no_other_has_one(self) -> None:
        leases = {task.id: task.live for task in self.model.tasks.values() if task.live is not None}
        expected = {id: (live.worker, live.claimed.lease_epoch) for id, live in leases.items()}
        assert self.desk.leases() == expected

    @invariant()
    def every_failed_attempt_is_kept_once(self) -> None:
        assert self.desk.failed_attempts() == {
            task.id: task.failed for task in self.model.tasks.values() if task.failed
        }

    @invariant()
    def every_key_has_its_one_task(self) -> None:
        assert self.desk.keys() == self.model.keys


@contextmanager
def on(desk: Desk) -> Iterator[type[RuleBasedStateMachine]]:
    class OnThisDatabase(Lifecycle):
        pass

    OnThisDatabase.desk = desk
    yield OnThisDatabase


def test_the_invariants_hold_after_every_step(dsn: str) -> None:
    with Desk(dsn) as desk, on(desk) as machine:
        run_state_machine_as_test(machine, settings=BOUNDED)
