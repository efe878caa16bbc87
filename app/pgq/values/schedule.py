"""A schedule, as it is shown."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pgq.values.cron import Cron
from pgq.values.errors import InvalidTask
from pgq.values.fields import LATEST
from pgq.values.new_schedule import CODE_ALIVE
from pgq.values.redaction import Redaction
from pgq.values.task import json_value, shown

TICKS_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A row of `pgq.schedules`. `task_queue` is where its tasks go, `read_at` the database's time when it was read."""

    name: str
    cron: str
    timezone: str
    kind: str
    payload: str
    queue: str | None
    priority: int | None
    misfire: str
    overlap: str
    jitter_seconds: float
    source: str
    paused_at: datetime | None
    next_tick_at: datetime | None
    last_tick_at: datetime | None
    last_task_id: UUID | None
    error: str | None
    error_at: datetime | None
    seen_at: datetime | None
    created_at: datetime
    updated_at: datetime
    task_queue: str
    read_at: datetime

    @property
    def unseen(self) -> bool:
        """Whether code declares it that no live worker has: it does not fire."""
        alive = timedelta(seconds=CODE_ALIVE)
        return self.source == "code" and (self.seen_at is None or self.read_at - self.seen_at > alive)

    @property
    def next_ticks(self) -> list[datetime]:
        """The next ten ticks, as if it were not paused; none of a cron that SQL wrote and nobody can read."""
        try:
            return Cron.parse(self.cron, self.timezone).ticks(self.read_at, LATEST, TICKS_SHOWN)
        except InvalidTask:
            return []

    def to_json(self, redaction: Redaction) -> dict[str, Any]:
        """The schedule as JSON values; times as RFC 3339 in UTC."""
        return {
            "name": self.name,
            "cron": self.cron,
            "timezone": self.timezone,
            "kind": self.kind,
            "payload": redaction.value(shown(self.payload)),
            "queue": self.queue,
            "priority": self.priority,
            "misfire": self.misfire,
            "overlap": self.overlap,
            "jitter_seconds": self.jitter_seconds,
            "source": self.source,
            "paused": self.paused_at is not None,
            "paused_at": json_value(self.paused_at),
            "next_tick_at": None if self.paused_at else json_value(self.next_tick_at),
            "next_ticks": [json_value(tick) for tick in self.next_ticks],
            "last_tick_at": json_value(self.last_tick_at),
            "last_task_id": json_value(self.last_task_id),
            "error": self.error,
            "error_at": json_value(self.error_at),
            "seen_at": json_value(self.seen_at),
            "created_at": json_value(self.created_at),
            "updated_at": json_value(self.updated_at),
        }
