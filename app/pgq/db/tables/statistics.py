"""What was counted and measured."""

from sqlalchemy import BigInteger, Boolean, Column, Double, PrimaryKeyConstraint, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY

from pgq.db.tables.common import MOMENT, metadata


def counted_columns(*, default: str | None = None) -> list[Column[object]]:
    """How many attempts ended how, and how long they took in all."""
    zero = text(default) if default else None
    counts = ("succeeded", "failed", "dead", "cancelled", "expired")
    durations = ("wait_seconds", "run_seconds", "total_seconds")
    return [
        *(Column(name, BigInteger, nullable=False, server_default=zero) for name in counts),
        *(Column(name, Double, nullable=False, server_default=zero) for name in durations),
    ]


def histogram_columns() -> list[Column[object]]:
    """How many took how long, by the buckets of pgq.latency_bounds()."""
    return [Column(name, ARRAY(BigInteger), nullable=False) for name in ("wait", "run", "total")]


task_stats = Table(
    "task_stats",
    metadata,
    Column("minute", MOMENT, nullable=False),
    Column("worker_id", Uuid, nullable=False),
    *counted_columns(default="0"),
    Column("queue", Text, nullable=False),
    Column("kind", Text, nullable=False),
    *histogram_columns(),
    PrimaryKeyConstraint("minute", "queue", "kind", "worker_id", name="task_stats_pkey"),
)

task_minutes = Table(
    "task_minutes",
    metadata,
    Column("minute", MOMENT, nullable=False),
    *counted_columns(),
    Column("queue", Text, nullable=False),
    Column("kind", Text, nullable=False),
    *histogram_columns(),
    PrimaryKeyConstraint("minute", "queue", "kind", name="task_minutes_pkey"),
)

task_totals = Table(
    "task_totals",
    metadata,
    *counted_columns(),
    Column("queue", Text, nullable=False),
    Column("kind", Text, nullable=False),
    *histogram_columns(),
    PrimaryKeyConstraint("queue", "kind", name="task_totals_pkey"),
)

DEPTHS = ("pending", "ready", "scheduled", "retrying", "blocked", "waiting", "running", "dead")

queue_samples = Table(
    "queue_samples",
    metadata,
    Column("sampled_at", MOMENT, nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in DEPTHS),
    Column("oldest_ready_seconds", Double, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("queue", Text, nullable=False),
    PrimaryKeyConstraint("sampled_at", "queue", name="queue_samples_pkey"),
)
