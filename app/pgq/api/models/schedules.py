"""Schedules, as they are made and shown."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from pgq.api.bodies import Body
from pgq.api.models.fields import (
    Kind,
    Payload,
    PayloadField,
    Priority,
    Queue,
    nullable,
    or_none,
    ours,
    text_schema,
)
from pgq.values import fields, new_schedule
from pgq.values.cron import ZONE_LENGTH

NAME_SCHEMA = text_schema(fields.NAME_LENGTH, description="Names it, and stands in `headers.schedule` of its tasks.")

ScheduleName = Annotated[str, ours(lambda value: fields.name(value, "name")), WithJsonSchema(NAME_SCHEMA)]
CronText = Annotated[
    str,
    ours(new_schedule.cron),
    WithJsonSchema(
        text_schema(
            new_schedule.CRON_LENGTH,
            description="Five fields (minute to weekday), six with seconds first, or `@daily` and its kin.",
            examples=["0 9 * * 1-5"],
        )
    ),
]
Timezone = Annotated[
    str | None,
    or_none(new_schedule.timezone),
    nullable(text_schema(ZONE_LENGTH, description="Whose clock the cron reads: `Europe/Paris`. Left out: UTC.")),
]
Misfire = Annotated[
    str | None,
    or_none(new_schedule.misfire),
    nullable({
        "enum": list(new_schedule.MISFIRES),
        "description": "What becomes of ticks that were missed while nobody could fire them: none of them fires, the "
        "last one does, or all do. Left out: once.",
    }),
]  # fmt: skip
Overlap = Annotated[
    str | None,
    or_none(new_schedule.overlap),
    nullable({
        "enum": list(new_schedule.OVERLAPS),
        "description": "What a tick does while the schedule's last task has not ended. Left out: allow.",
    }),
]  # fmt: skip
JitterSeconds = Annotated[
    float | None,
    or_none(new_schedule.jitter_seconds),
    nullable({
        "type": "number", "minimum": 0, "maximum": new_schedule.LONGEST_JITTER,
        "description": "Each tick fires up to so much later, at random. Left out: 0.",
    }),
]  # fmt: skip

EXAMPLE: dict[str, Any] = {
    "cron": "0 9 * * 1-5",
    "timezone": "Europe/Paris",
    "kind": "echo",
    "payload": {"hello": "morning"},
    "overlap": "skip",
}


class PutSchedule(Body):
    """A schedule, whole: what is left out, or null, is the default again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    cron: CronText
    kind: Kind
    payload: PayloadField = Field(default_factory=lambda: Payload({}, "{}"))
    timezone: Timezone = None
    queue: Queue = None
    priority: Priority = None
    misfire: Misfire = None
    overlap: Overlap = None
    jitter_seconds: JitterSeconds = None

    def given(self) -> dict[str, Any]:
        """What the body says besides cron, kind and payload."""
        said = self.model_dump(include={"timezone", "queue", "priority", "misfire", "overlap", "jitter_seconds"})
        return {name: value for name, value in said.items() if value is not None}


class CreateSchedule(PutSchedule):
    """A new schedule."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"name": "morning", **EXAMPLE},
                {"name": "each quarter of a minute", "cron": "*/15 * * * * *", "kind": "echo"},
                {"name": "clean-up", "cron": "@daily", "kind": "echo", "misfire": "skip", "jitter_seconds": 600},
            ]
        },
    )

    name: ScheduleName


class Schedule(BaseModel):
    """A schedule. Every key is always present."""

    name: str
    cron: str
    timezone: str
    kind: str
    payload: dict[str, Any] = Field(description="Configured fields are shown as `[redacted]`.")
    queue: str | None = Field(description="Null: the kind's queue, else `default`.")
    priority: int | None = Field(description="Null: the kind's, else 5.")
    misfire: Literal["skip", "once", "all"]
    overlap: Literal["allow", "skip"]
    jitter_seconds: float
    source: Literal["user", "code"] = Field(description="`code`: an app declares it; change it there.")
    paused: bool
    paused_at: datetime | None
    next_tick_at: datetime | None = Field(
        description="The tick that fires next; null while it is paused, and until a scheduler has looked."
    )
    next_ticks: list[datetime] = Field(description="The next ten ticks, as if it were not paused.")
    last_tick_at: datetime | None
    last_task_id: UUID | None
    error: str | None = Field(description="Why it does not fire; null while it does.")
    error_at: datetime | None
    seen_at: datetime | None = Field(description="When a live worker last had it in its code; null for `user`.")
    created_at: datetime
    updated_at: datetime


class Schedules(BaseModel):
    """A page of schedules, newest first."""

    items: list[Schedule]
    next_cursor: str | None = Field(description="For the next page; null on the last one.")
