"""What pgq promises of a task, in plain Python: the model that the database is held against."""

from dataclasses import dataclass, field
from uuid import UUID

from pgq.values.task import Claimed


@dataclass
class Attempt:
    """An attempt that some worker believes to run, perhaps long after it has lost its lease."""

    worker: UUID
    claimed: Claimed


@dataclass
class ModelTask:
    """A task as it should be."""

    id: UUID
    key: str | None
    max_attempts: int
    state: str = "pending"
    attempt: int = 0
    live: Attempt | None = None
    expired: bool = False
    cancel_requested: bool = False
    failed: int = 0

    def wait(self, state: str = "pending") -> None:
        """No attempt runs any more."""
        self.state, self.live, self.expired = state, None, False

    def fail(self) -> None:
        """The attempt failed with an error that is kept."""
        self.failed += 1
        if self.cancel_requested:
            self.wait("cancelled")
        elif self.attempt >= self.max_attempts:
            self.wait("dead")
        else:
            self.wait()


@dataclass
class Model:
    """All tasks, the keys, and every lease that was ever given."""

    tasks: dict[UUID, ModelTask] = field(default_factory=dict)
    keys: dict[str, UUID] = field(default_factory=dict)
    fences: set[tuple[UUID, int]] = field(default_factory=set)
    believed: list[Attempt] = field(default_factory=list)

    def holds(self, attempt: Attempt) -> bool:
        """Whether this attempt has the lease."""
        task = self.tasks[attempt.claimed.id]
        return task.state == "running" and task.live is attempt

    def claimable(self) -> list[UUID]:
        return [task.id for task in self.tasks.values() if task.state == "pending"]

    def key_is_free(self, key: str, over: bool) -> bool:
        """Free keys, and keys whose window is over and whose task has ended."""
        owner = self.keys.get(key)
        return owner is None or (over and self.tasks[owner].state not in ("pending", "running"))
