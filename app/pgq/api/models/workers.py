"""Workers and kinds, as they are shown."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field


class Worker(BaseModel):
    """A live worker, and how busy it is."""

    id: UUID
    name: str
    state: str = Field(examples=["running", "draining"])
    busy: int
    capacity: int
    utilization: float
    queues: list[str]
    kinds: list[str] = Field(description="Empty: every kind of its queues.")
    hostname: str
    pid: int | None = Field(description="Null for a worker that works over HTTP.")
    version: str
    listener: str | None = Field(description="How it hears of new tasks; it polls while this is not `listening`.")
    listener_since: datetime | None
    started_at: datetime
    beat_at: datetime


class Workers(BaseModel):
    """The live workers that serve a queue which the token may see, by name: one page."""

    items: list[Worker]
    next_cursor: str | None


class Kind(BaseModel):
    """What workers publish of a handler."""

    kind: str
    queue: str | None = Field(description="Where its tasks go that name no queue; null: `default`.")
    priority: int | None
    max_attempts: int | None
    timeout_seconds: float | None
    payload_schema: dict[str, Any] | None = Field(description="JSON Schema of the payload.")
    seen_at: datetime = Field(description="When a worker last had it.")
    workers: int = Field(description="How many live workers have it.")


class Kinds(BaseModel):
    """The kinds that workers have published, by name: one page."""

    items: list[Kind]
    next_cursor: str | None
