"""Queues, kinds, workers and their upkeep."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from pgq.db.tables.common import A_TIMEOUT, MOMENT, NOW, metadata

queues = Table(
    "queues",
    metadata,
    Column("name", Text, primary_key=True),
    Column("paused_at", MOMENT),
    Column("paused_until", MOMENT),
    Column("timeout_seconds", Double),
    Column("max_depth", Integer),
    Column("retention_seconds", Double),
    Column("history_pruned_before", MOMENT),
    CheckConstraint("char_length(name) BETWEEN 1 AND 128", name="queue_name_length"),
    CheckConstraint(A_TIMEOUT, name="queue_timeout_range"),
    CheckConstraint("max_depth BETWEEN 1 AND 1000000000", name="queue_depth_range"),
    CheckConstraint("retention_seconds BETWEEN 3600 AND 315360000", name="queue_retention_range"),
)

kinds = Table(
    "kinds",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("queue", Text),
    Column("priority", Integer),
    Column("max_attempts", Integer),
    Column("timeout_seconds", Double),
    Column("payload_schema", JSONB),
    Column("seen_at", MOMENT, nullable=False, server_default=NOW),
    CheckConstraint("char_length(kind) BETWEEN 1 AND 128", name="kind_length"),
    CheckConstraint("char_length(queue) BETWEEN 1 AND 128", name="kind_queue_length"),
    CheckConstraint("priority BETWEEN 0 AND 9", name="kind_priority"),
    CheckConstraint("max_attempts BETWEEN 1 AND 1000", name="kind_attempts"),
    CheckConstraint(A_TIMEOUT, name="kind_timeout_range"),
)

workers = Table(
    "workers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("hostname", Text, nullable=False),
    Column("pid", Integer),
    Column("version", Text, nullable=False),
    Column("queues", ARRAY(Text), nullable=False),
    Column("kinds", ARRAY(Text), nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'running'")),
    Column("started_at", MOMENT, nullable=False, server_default=NOW),
    Column("beat_at", MOMENT, nullable=False, server_default=NOW),
    Column("listener", Text),
    Column("listener_since", MOMENT),
    Column("remote", Boolean, nullable=False, server_default=text("false")),
    Column("token_id", Text),
    CheckConstraint("capacity > 0", name="worker_capacity"),
    CheckConstraint("state IN ('running', 'draining')", name="worker_state"),
    CheckConstraint("listener IN ('listening', 'polling', 'reconnecting')", name="worker_listener"),
)

waiting_workers = Table(
    "waiting_workers",
    metadata,
    Column("worker_id", Uuid, ForeignKey("pgq.workers.id", ondelete="CASCADE"), primary_key=True),
    Column("queues", ARRAY(Text), nullable=False),
)

maintenance = Table(
    "maintenance",
    metadata,
    Column("duty", Text, primary_key=True),
    Column("next_due_at", MOMENT, nullable=False, server_default=text("'-infinity'::timestamptz")),
    Column("held_until", MOMENT),
    Column("last_started_at", MOMENT),
    Column("last_run_by", Uuid),
    Column("last_seconds", Double),
    Column("last_changed", BigInteger),
    Column("runs", BigInteger, nullable=False, server_default=text("0")),
    Column("failed_at", MOMENT),
    Column("failure", Text),
    Column("place", ARRAY(Uuid)),
)
