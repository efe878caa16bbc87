"""The numbers of a dashboard's first page."""

from datetime import datetime

from pydantic import BaseModel, Field


class Totals(BaseModel):
    """Tasks by state, now; and what ever ended: an attempt once, as succeeded, failed (and tried again) or dead."""

    pending: int = Field(description="Due, scheduled and retrying together.")
    ready: int
    scheduled: int
    retrying: int
    blocked: int
    waiting: int
    running: int
    dead_letters: int
    succeeded: int
    failed: int
    dead: int
    cancelled: int
    expired: int


class Minute(BaseModel):
    """What ended in one minute."""

    minute: datetime
    succeeded: int
    failed: int
    dead: int
    cancelled: int
    expired: int


class Percentiles(BaseModel):
    """In seconds; null where nothing was measured."""

    p50: float | None
    p95: float | None
    p99: float | None


class Latency(BaseModel):
    """From due to start, from start to end, and from submit to end."""

    wait: Percentiles
    run: Percentiles
    total: Percentiles


class Averages(BaseModel):
    """Over all that ever ended, in seconds; null where nothing was measured."""

    wait: float | None
    run: float | None
    total: float | None


class ErrorRate(BaseModel):
    """What failed in the last hour."""

    failure_ratio: float = Field(description="The share of attempts that failed.")
    dead_per_hour: int


class QueueStats(BaseModel):
    """One queue."""

    queue: str
    pending: int
    ready: int
    scheduled: int
    retrying: int
    blocked: int
    waiting: int
    running: int
    dead_letters: int
    oldest_ready_seconds: float
    paused: bool
    latency: Latency
    error_rate: ErrorRate


class WorkerStats(BaseModel):
    """The live workers together."""

    count: int
    busy: int
    capacity: int
    utilization: float


class UnknownKind(BaseModel):
    """Tasks that wait though no live worker has their kind."""

    queue: str
    kind: str
    pending: int
    oldest_created_at: datetime
    seen_at: datetime | None = Field(description="When a worker last had it; null: never.")


class Stats(BaseModel):
    """What is going on, in queues that the token may see."""

    at: datetime
    minutes: int = Field(description="Of how many minutes throughput and latency are.")
    totals: Totals
    throughput: list[Minute] = Field(description="First to last; a minute in which nothing ended is left out.")
    latency: Latency
    averages: Averages
    error_rate: ErrorRate
    workers: WorkerStats
    queues: list[QueueStats]
    unknown_kinds: list[UnknownKind]
