"""Tasks in answers."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

State = Literal[
    "blocked", "waiting", "scheduled", "retrying", "pending", "running", "succeeded", "cancelled", "expired", "dead"
]


class TaskError(BaseModel):
    """Why an attempt failed."""

    type: str
    message: str
    traceback: str
    attempt: int
    at: AwareDatetime | None


class Progress(BaseModel):
    """How far a running task has come, by its own word."""

    value: float
    message: str | None
    at: AwareDatetime


class Task(BaseModel):
    """A task. Every key is always present."""

    id: UUID
    kind: str
    queue: str
    state: State
    payload: Annotated[dict[str, Any], Field(description="Configured fields are shown as `[redacted]`.")]
    priority: int
    attempt: Annotated[int, Field(description="How many attempts have begun.")]
    max_attempts: int
    created_at: AwareDatetime
    run_at: AwareDatetime
    expires_at: AwareDatetime | None
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    timeout_seconds: float | None
    idempotency_key: str | None
    concurrency_key: str | None
    unique_key: str | None
    depends_on: list[UUID]
    tags: list[str]
    headers: dict[str, Any]
    workflow_id: UUID | None
    schedule: str | None
    worker_id: UUID | None
    lease_expires_at: AwareDatetime | None
    cancel_requested_at: AwareDatetime | None
    progress: Progress | None
    lease_epoch: int
    result: Any
    error: TaskError | None


class Submitted(Task):
    """A task that was submitted."""

    created: Annotated[bool, Field(description="False: the key was known, and this is the first task that had it.")]


class Batch(BaseModel):
    """Many tasks that were submitted."""

    count: int
    created: Annotated[int, Field(description="How many are new; the others had known keys.")]
    ids: Annotated[list[UUID], Field(description="In the order of the tasks in the request.")]


class Tasks(BaseModel):
    """A page of tasks, newest first."""

    items: list[Task]
    next_cursor: Annotated[str | None, Field(description="For the next page; null on the last one.")]


class Parents(BaseModel):
    """The tasks that another one depends on, in the order of its `depends_on`."""

    items: list[Task]
    next_cursor: Annotated[str | None, Field(description="For the next page; null on the last one.")]


class LogLine(BaseModel):
    """A line that a handler has logged or printed."""

    task_id: UUID
    lease_epoch: Annotated[int, Field(description="Of the attempt that said it.")]
    attempt: int
    n: Annotated[int, Field(description="Its number within the attempt.")]
    logged_at: AwareDatetime
    level: Annotated[str, Field(examples=["info"])]
    logger: Annotated[str, Field(description="Who said it; `print` for what was printed.")]
    message: str
    place: Annotated[str, Field(description="Where it stands, for `after`.")]


class LogLines(BaseModel):
    """A page of a task's log, the first line first."""

    items: list[LogLine]
    next_cursor: Annotated[str | None, Field(description="For the next page; null on the last one.")]


class Attempt(BaseModel):
    """An attempt that failed."""

    attempt: int
    started_at: AwareDatetime | None
    failed_at: AwareDatetime
    worker_id: UUID | None
    error: dict[str, Any]


class Attempts(BaseModel):
    """The attempts that failed, first to last."""

    items: list[Attempt]
    next_cursor: None
