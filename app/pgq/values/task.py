"""The values that stand for a task: as it is shown, and as a worker holds it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from pgq.values.json_text import Unstorable, from_text

JSON_COLUMNS = ("payload", "headers", "result", "error", "progress")

ENDED = frozenset({"succeeded", "cancelled", "expired", "dead"})
"""The states that a task does not leave by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskError:
    """Why a task's last attempt failed, or why the task ended without a result."""

    type: str
    message: str
    traceback: str
    attempt: int
    at: datetime | None

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "TaskError":
        """From the JSON object that is kept with a task."""
        at = kept.get("at")
        return cls(
            type=str(kept.get("type", "")),
            message=str(kept.get("message", "")),
            traceback=str(kept.get("traceback", "")),
            attempt=int(kept.get("attempt") or 0),
            at=datetime.fromisoformat(at) if at else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a running attempt said that it is: `value` from 0 to 1, in words, and when that was kept."""

    value: float
    message: str
    at: datetime | None

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Progress":
        """From the JSON object that is kept with a task."""
        at = kept.get("at")
        return cls(
            value=float(kept.get("value") or 0),
            message=str(kept.get("message", "")),
            at=datetime.fromisoformat(at) if at else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStatus:
    """A task as everybody sees it: the columns of `pgq.task_status`, the keys of its JSON."""

    id: UUID
    kind: str
    queue: str
    state: str
    payload: dict[str, Any]
    priority: int
    attempt: int
    max_attempts: int
    created_at: datetime
    run_at: datetime
    expires_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    timeout_seconds: float | None
    idempotency_key: str | None
    depends_on: list[UUID]
    on_parent_failure: str | None
    """`cancel`, `run` or `wait`; None stands for `cancel`."""
    tags: list[str]
    headers: dict[str, Any]
    workflow_id: UUID | None
    worker_id: UUID | None
    lease_expires_at: datetime | None
    cancel_requested_at: datetime | None
    lease_epoch: int
    result: Any
    error: TaskError | None
    progress: Progress | None
    """What the last attempt said; None before it says anything, and again once the task waits for another attempt."""

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "TaskStatus":
        """From the columns of `pgq.task_status`, JSON as text."""
        read = {name: shown(row[name]) for name in JSON_COLUMNS}
        error = TaskError.of(read["error"]) if read["error"] is not None else None
        progress = Progress.of(read["progress"]) if read["progress"] is not None else None
        parents = row["depends_on"] or []
        return cls(**{**row, **read, "error": error, "progress": progress, "depends_on": parents})

    @property
    def schedule(self) -> str | None:
        """The schedule that made the task."""
        made_by = self.headers.get("schedule")
        return made_by if isinstance(made_by, str) else None

    @property
    def ended(self) -> bool:
        """Whether the task has come to its end (succeeded, cancelled, expired or dead)."""
        return self.state in ENDED

    def to_json(self) -> dict[str, Any]:
        """The task as JSON values; times as RFC 3339 in UTC. What this version does not have yet is null or empty."""
        found = dict(EMPTY)
        for key, value in zip(SHOWN, values_shown(self), strict=True):
            found[key] = value if type(value) in PLAIN else json_value(value)
        found["depends_on"] = [str(parent) for parent in self.depends_on]
        return found


def shown(text: str | None) -> Any:
    """The value of JSON text; the text itself when Python cannot read it, so that one such task hides no other."""
    try:
        return None if text is None else from_text(text)
    except Unstorable:
        return text


COLUMNS = tuple(field.name for field in fields(TaskStatus))

PLAIN = frozenset({str, int, float, bool, type(None), dict, list})
"""What stands in JSON as it is: payload, headers and result were read from there."""

JSON_KEYS = (
    "id", "kind", "queue", "state", "payload", "priority", "attempt", "max_attempts", "created_at", "run_at",
    "expires_at", "started_at", "finished_at", "timeout_seconds", "idempotency_key", "concurrency_key", "unique_key",
    "depends_on", "tags", "headers", "workflow_id", "schedule", "worker_id", "lease_expires_at", "cancel_requested_at",
    "progress", "lease_epoch", "result", "error",
)  # fmt: skip
"""The keys of a task's JSON: every one is always present."""

MISSING: Mapping[str, Any] = {"concurrency_key": None, "unique_key": None}
"""What a task shows for what this version does not have."""

EMPTY: Mapping[str, Any] = {key: MISSING.get(key) for key in JSON_KEYS}
SHOWN = tuple(key for key in JSON_KEYS if key not in MISSING)
values_shown = attrgetter(*SHOWN)


def json_value(value: Any) -> Any:
    """A column's value as JSON has it: UUIDs as text, times as RFC 3339 in UTC with `Z`."""
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        case UUID():
            return str(value)
        case TaskError() | Progress():
            return {key: json_value(inner) for key, inner in asdict(value).items()}
        case _:
            return value


class Lease(NamedTuple):
    """The right to run a task: its id and the fence that each write of the worker must show."""

    id: UUID
    lease_epoch: int


REMOTE_LEASE_SECONDS = 10.0
"""How long a claim over HTTP lasts unless it is renewed: what a worker that vanished held goes on within 15 s."""


class Claimed(NamedTuple):
    """A task as its worker sees it. The payload is still text, so that one that cannot be read costs only itself.

    A tuple, like a lease: a worker makes thousands of them a second, and a frozen dataclass takes six times as long.
    """

    id: UUID
    kind: str
    queue: str
    payload: str
    attempt: int
    max_attempts: int
    lease_epoch: int
    priority: int
    run_at: datetime
    timeout_seconds: float
    lease_seconds: float
    tags: list[str]
    headers: str
    has_parents: bool = False

    @property
    def lease(self) -> Lease:
        """The fence of this attempt."""
        return Lease(self.id, self.lease_epoch)
