"""Queues, as they are set and shown."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from pgq.api.bodies import Body
from pgq.api.models.fields import NotYet, moment, nullable, or_none, ours, text_schema
from pgq.values import fields, queue_settings
from pgq.values.duration import LONGEST
from pgq.values.queue_settings import DEEPEST, SHORTEST_RETENTION

QueueName = Annotated[
    str,
    ours(lambda value: fields.name(value, "queue")),
    WithJsonSchema(text_schema(fields.NAME_LENGTH, examples=["email"])),
]
Until = Annotated[
    datetime | None,
    or_none(lambda value: moment(value, "until")),
    nullable({"type": "string", "format": "date-time", "description": "Resume by itself then. Left out: never."}),
]


def setting(name: str) -> Any:
    """Checks a setting; null takes it back."""
    return or_none(lambda value: queue_settings.checked(name, value))


MaxDepth = Annotated[
    int | None,
    setting("max_depth"),
    nullable({
        "type": "integer", "minimum": 1, "maximum": DEEPEST,
        "description": "So many tasks may wait in it (scheduled ones, too); a submit beyond is answered `queue_full`."
        " Submits at the same moment do not see one another, and may exceed it together.",
    }),
]  # fmt: skip
TimeoutSeconds = Annotated[
    float | None,
    setting("timeout_seconds"),
    nullable({
        "type": "number", "exclusiveMinimum": 0, "maximum": LONGEST,
        "description": "The timeout of tasks for which neither their submit nor their kind says one.",
    }),
]  # fmt: skip
RetentionSeconds = Annotated[
    float | None,
    setting("retention_seconds"),
    nullable({
        "type": "number", "minimum": SHORTEST_RETENTION, "maximum": LONGEST,
        "description": "How long its ended tasks are kept; forgotten by whole days, in UTC. Longer than the workers'"
        " PGQ_RETENTION keeps nothing longer.",
    }),
]  # fmt: skip


class SetQueue(Body):
    """What to set of a queue. What is left out stays as it is; null takes a setting back."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"max_depth": 10_000, "timeout_seconds": 60}]}
    )

    max_depth: MaxDepth = None
    timeout_seconds: TimeoutSeconds = None
    retention_seconds: RetentionSeconds = None
    max_running: NotYet = None
    max_running_per_key: NotYet = None
    rate_limit: NotYet = None
    rate_limit_per_key: NotYet = None
    rate_period_seconds: NotYet = None
    fifo: NotYet = None
    weight: NotYet = None
    lease_seconds: NotYet = None
    keep_history: NotYet = None
    python_exec: NotYet = None

    def given(self) -> dict[str, Any]:
        """The settings that the body names."""
        return self.model_dump(include=self.model_fields_set & set(queue_settings.SETTINGS))


class PauseQueue(Body):
    """How long to pause a queue."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}, {"until": "2030-01-31T09:00:00Z"}]})

    until: Until = None


class Queue(BaseModel):
    """How full a queue is, and what is set of it."""

    queue: str
    pending: int = Field(description="Due, scheduled and retrying together.")
    ready: int
    scheduled: int
    retrying: int
    blocked: int
    waiting: int
    running: int
    dead: int
    oldest_ready_seconds: float
    paused: bool
    paused_until: datetime | None
    max_depth: int | None
    timeout_seconds: float | None
    retention_seconds: float | None
    max_running: int | None
    max_running_per_key: int | None
    rate_limit: int | None
    rate_limit_per_key: int | None
    rate_period_seconds: float | None
    fifo: bool | None
    weight: int | None
    lease_seconds: float | None
    keep_history: bool | None
    python_exec: bool | None


class Queues(BaseModel):
    """All queues that the token may see, by name: one page."""

    items: list[Queue]
    next_cursor: str | None
