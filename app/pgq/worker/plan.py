"""What one worker process is to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from pgq.client.handler import Handler
from pgq.db.workers import PublishedKind
from pgq.values.new_schedule import NewSchedule

Handlers = Mapping[str, Handler[..., Any, ..., Any]]


@dataclass(frozen=True, slots=True)
class ServedQueue:
    """A queue and its weight: its share of the free slots when several queues have tasks."""

    name: str
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPlan:
    """The settings of a worker, resolved; durations in seconds.

    The id is new for every process: a restarted worker never takes itself for the one that died.
    """

    conninfo: str
    listen_conninfo: str
    handlers: Handlers
    queues: Sequence[ServedQueue]
    name: str
    schedules: Sequence[NewSchedule] = ()
    concurrency: int = 100
    lease: float = 60
    poll: float = 1
    grace: float = 25
    kind_grace: float = 86_400
    retention: float = 7 * 86_400
    drain: bool = False
    """Stop when nothing is ready, running or retrying in the queues."""
    id: UUID = field(default_factory=uuid4)

    @property
    def kinds(self) -> list[str]:
        """The kinds that this worker can run."""
        return sorted(self.handlers)

    @property
    def queue_names(self) -> list[str]:
        """The queues that this worker serves."""
        return [queue.name for queue in self.queues]


def queues_of(handlers: Handlers) -> list[ServedQueue]:
    """The queues that handlers name, and `default`."""
    names = {handler.declaration.queue for handler in handlers.values()} | {"default"}
    return [ServedQueue(name) for name in sorted(names)]


def published(handlers: Handlers) -> list[PublishedKind]:
    """What all submitters are told of the handlers."""
    return [
        PublishedKind(
            kind=kind,
            queue=handler.declaration.queue,
            priority=handler.declaration.priority,
            max_attempts=handler.declaration.max_attempts,
            timeout_seconds=handler.declaration.timeout_seconds,
            payload_schema=handler.signature.json_schema(),
        )
        for kind, handler in sorted(handlers.items())
    ]
