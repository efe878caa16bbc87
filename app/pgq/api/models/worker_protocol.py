"""What remote workers send and are told."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, StrictBool, WithJsonSchema

from pgq.api.bodies import Body
from pgq.api.models.fields import A_DURATION, ours, refuse
from pgq.api.models.lists import Name
from pgq.values.duration import seconds
from pgq.values.json_text import Unstorable, to_text
from pgq.values.outcome import LONGEST_MESSAGE, LONGEST_TRACEBACK, ErrorInfo, clean
from pgq.values.report import LONGEST_LINE, LONGEST_WORDS, Said

MOST_QUEUES, MOST_KINDS, MOST_TASKS, MOST_LINES = 100, 1_000, 500, 1_000

Queues = Annotated[list[Name], Field(min_length=1, max_length=MOST_QUEUES)]
Kinds = Annotated[list[Name], Field(min_length=1, max_length=MOST_KINDS)]
Epoch = Annotated[int, Field(strict=True, ge=0, le=2**63 - 1, description="The fence: as the claim told it.")]
Delay = Annotated[
    float,
    ours(lambda value: seconds(value, "delay_seconds")),
    WithJsonSchema({**A_DURATION, "minimum": 0}),
]


class RegisterWorker(Body):
    """A worker that wants to work over HTTP."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "resizer-1", "queues": ["images"], "kinds": ["resize"]}]},
    )

    name: Name
    queues: Queues
    kinds: Kinds | None = Field(None, description="What it can run. Left out: every kind of its queues.")


class Registered(BaseModel):
    """The worker is known; what it is to keep to."""

    id: UUID
    lease_seconds: float = Field(description="How long a claim lasts unless a heartbeat renews it.")
    heartbeat_seconds: float = Field(description="How often to send a heartbeat.")


class Claim(Body):
    """How much a worker wants, and of what."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"limit": 4, "wait_seconds": 0}]})

    queues: Queues | None = Field(None, description="Of its queues only these.")
    kinds: Kinds | None = Field(None, description="Of its kinds only these.")
    limit: Annotated[int, Field(strict=True, ge=1, le=MOST_TASKS, description="At most so many tasks.")] = 1
    wait_seconds: Annotated[
        float, Field(strict=True, ge=0, le=60, description="Answer when there is a task, or after so long without.")
    ] = 0


class ClaimedTask(BaseModel):
    """A task that the worker holds now."""

    id: UUID
    kind: str
    queue: str
    payload: dict[str, Any]
    attempt: int
    max_attempts: int
    lease_epoch: int = Field(description="The fence: every word of this attempt must show it.")
    lease_expires_at: datetime
    timeout_seconds: float
    headers: dict[str, Any]
    tags: list[str]
    parents: dict[str, Any] | None = Field(
        description="The results of the tasks that it depends on, by their names in the workflow, else by their ids; "
        "null where that is too much for this answer: ask for /v1/tasks/{id}/parents."
    )


class Claimed(BaseModel):
    """Fewer tasks than were asked for when fewer are ready, or when they are large."""

    tasks: list[ClaimedTask]
    draining: bool = Field(description="The worker is to finish what it holds, and leave.")


class ProgressSaid(Body):
    """How far an attempt is."""

    value: Annotated[float, Field(strict=True, ge=0, le=1)]
    message: Annotated[str, Field(strict=True, max_length=LONGEST_WORDS)] = ""

    def said(self) -> Said:
        return Said(float(self.value), clean(self.message, LONGEST_WORDS))


class LineSaid(Body):
    """A line for the log of an attempt; one that is too long is cut."""

    message: Annotated[str, Field(strict=True)]
    level: Annotated[str, Field(strict=True, min_length=1, max_length=50)] = "info"
    logger: Annotated[str, Field(strict=True, max_length=200)] = ""
    n: Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)] | None = Field(
        None, description="Which line of the attempt it is: 1, 2 …. Then a heartbeat that is sent again doubles none."
    )

    def text(self) -> str:
        """The message as it is kept."""
        return clean(self.message, LONGEST_LINE)


class HeldTask(Body):
    """A lease to be renewed, and what its attempt has said since the last heartbeat."""

    id: UUID
    lease_epoch: Epoch
    progress: ProgressSaid | None = None
    log: Annotated[list[LineSaid], Field(max_length=MOST_LINES)] | None = None


class Heartbeat(Body):
    """What a worker holds."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"tasks": []}]})

    tasks: Annotated[list[HeldTask], Field(max_length=1_000)] = Field(default_factory=list)


class Heard(BaseModel):
    """What became of the leases that were listed."""

    lease_expires_at: datetime = Field(
        description="Until when those that are not lost last, at least; a task's timeout may come first."
    )
    lost: list[UUID] = Field(description="These are another worker's: stop, and do not report them.")
    not_renewed: list[UUID] = Field(
        description="These are yours, but no longer than before, as somebody had them locked: list them again."
    )
    cancel: list[UUID] = Field(description="Somebody wants these to end: stop, and report them as failed.")
    draining: bool


def result_text(value: Any) -> str:
    """A result as it is kept."""
    try:
        return to_text(value, "it")
    except Unstorable as error:
        refuse(str(error))


class CompleteTask(Body):
    """The attempt succeeded."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"lease_epoch": 1, "result": {"width": 640}}]}
    )

    lease_epoch: Epoch
    result: Annotated[
        str, PlainValidator(result_text), WithJsonSchema({"description": "Any JSON value of at most 1 MB."})
    ] = "null"


class ErrorSaid(Body):
    """Why an attempt failed; what is too long is cut."""

    type: Annotated[str, Field(strict=True, min_length=1)]
    message: Annotated[str, Field(strict=True)]
    traceback: Annotated[str, Field(strict=True)] | None = None

    def info(self) -> ErrorInfo:
        """As it is kept."""
        return ErrorInfo(
            clean(self.type, 200),
            clean(self.message, LONGEST_MESSAGE),
            clean(self.traceback or "", LONGEST_TRACEBACK, keep="end"),
        )


class FailTask(Body):
    """The attempt failed."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"lease_epoch": 1, "error": {"type": "ValueError", "message": "no such image"}, "retry": False}
            ]
        },
    )

    lease_epoch: Epoch
    error: ErrorSaid
    retry: StrictBool = Field(True, description="False: no further attempt can help; to the dead letters.")
    delay_seconds: Delay | None = Field(
        None, description="The next attempt after so long. Left out: 2, 4, 8 … seconds."
    )


class SnoozeTask(Body):
    """Not now: the attempt does not count."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"lease_epoch": 1, "delay_seconds": 60}]})

    lease_epoch: Epoch
    delay_seconds: Delay


class Recorded(BaseModel):
    """It is written down, by this request or one before."""

    id: UUID
    lease_epoch: int


class Draining(BaseModel):
    """The worker is to finish what it holds, and leave."""

    id: UUID
    draining: bool
