"""The tables as SQLAlchemy sees them: what Alembic compares with the migrations and filtered reads are built from."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP

metadata = MetaData(schema="pgq")

MOMENT = TIMESTAMP(timezone=True)
NOW = text("clock_timestamp()")
NO_TAGS = text("'{}'::text[]")
NO_OBJECT = text("'{}'::jsonb")
A_TIMEOUT = "timeout_seconds > 0 AND timeout_seconds <= 315360000"


def request_columns(*, live: bool = False) -> list[Column[object]]:
    """What a task was asked to be, and what became of it: the same in the live, history and dead tables."""
    return [
        Column("id", Uuid, nullable=False, server_default=text("pgq.uuid7()") if live else None),
        Column("lease_epoch", BigInteger, nullable=False, server_default=text("0") if live else None),
        Column("created_at", MOMENT, nullable=False, server_default=NOW if live else None),
        Column("run_at", MOMENT, nullable=False),
        Column("expires_at", MOMENT),
        Column("started_at", MOMENT),
        Column("cancel_requested_at", MOMENT),
        Column("timeout_seconds", Double, nullable=False),
        Column("leased_by", Uuid),
        Column("priority", Integer, nullable=False),
        Column("attempt", Integer, nullable=False, server_default=text("0") if live else None),
        Column("max_attempts", Integer, nullable=False),
        Column("queue", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("idempotency_key", Text),
        Column("tags", ARRAY(Text), nullable=False, server_default=NO_TAGS if live else None),
        Column("headers", JSONB, nullable=False, server_default=NO_OBJECT if live else None),
        Column("payload", JSONB, nullable=False, server_default=NO_OBJECT if live else None),
    ]


tasks = Table(
    "tasks",
    metadata,
    *request_columns(live=True),
    Column("deadline_at", MOMENT),
    Column("lease_expires_at", MOMENT),
    Column("state", Text, nullable=False, server_default=text("'pending'")),
    Column("error", JSONB),
    Column("progress", JSONB),
    PrimaryKeyConstraint("id", name="tasks_pkey"),
    CheckConstraint(
        "CASE WHEN state = 'running' THEN leased_by IS NOT NULL AND lease_expires_at IS NOT NULL "
        "AND deadline_at IS NOT NULL AND started_at IS NOT NULL "
        "ELSE leased_by IS NULL AND lease_expires_at IS NULL AND (state = 'pending' OR state = 'blocked') END",
        name="task_state",
    ),
    Index("tasks_lanes", "queue", "priority", "run_at", "id", postgresql_where=text("state = 'pending'")),
    Index("tasks_running", "queue", "id", postgresql_where=text("state = 'running'")),
    Index("tasks_expiring", "expires_at", postgresql_where=text("expires_at IS NOT NULL AND state <> 'running'")),
)

task_history = Table(
    "task_history",
    metadata,
    *request_columns(),
    Column("finished_at", MOMENT, nullable=False, server_default=NOW),
    Column("state", Text, nullable=False),
    Column("result", JSONB),
    Column("error", JSONB),
    Column("progress", JSONB),
    CheckConstraint("state IN ('succeeded', 'cancelled', 'expired')", name="history_state"),
    PrimaryKeyConstraint("id", "finished_at", name="task_history_pkey"),
    postgresql_partition_by="RANGE (finished_at)",
)

dead_tasks = Table(
    "dead_tasks",
    metadata,
    *request_columns(),
    Column("finished_at", MOMENT, nullable=False, server_default=NOW),
    Column("error", JSONB, nullable=False),
    Column("progress", JSONB),
    PrimaryKeyConstraint("id", name="dead_tasks_pkey"),
    Index("dead_tasks_newest", "finished_at", "id"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("task_id", Uuid, nullable=False),
    Column("lease_epoch", BigInteger, nullable=False),
    Column("failed_at", MOMENT, nullable=False, server_default=NOW),
    Column("started_at", MOMENT),
    Column("worker_id", Uuid),
    Column("attempt", Integer, nullable=False),
    Column("error", JSONB, nullable=False),
    PrimaryKeyConstraint("task_id", "lease_epoch", "failed_at", name="attempts_pkey"),
    postgresql_partition_by="RANGE (failed_at)",
)

task_logs = Table(
    "task_logs",
    metadata,
    Column("task_id", Uuid, nullable=False),
    Column("lease_epoch", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("n", Integer, nullable=False),
    Column("logged_at", MOMENT, nullable=False, server_default=NOW),
    Column("level", Text, nullable=False),
    Column("logger", Text, nullable=False),
    Column("message", Text, nullable=False),
    CheckConstraint("char_length(level) BETWEEN 1 AND 100", name="log_level_length"),
    CheckConstraint("char_length(logger) <= 300", name="log_logger_length"),
    CheckConstraint("char_length(message) <= 11000", name="log_message_length"),
    PrimaryKeyConstraint("task_id", "lease_epoch", "n", "logged_at", name="task_logs_pkey"),
    postgresql_partition_by="RANGE (logged_at)",
)

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

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("task_id", Uuid, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("expires_at", MOMENT, nullable=False),
    Column("hits", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint("char_length(key) BETWEEN 1 AND 255", name="key_length"),
    Index("idempotency_keys_expiry", "expires_at"),
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
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("queues", ARRAY(Text), nullable=False, server_default=NO_TAGS),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("previous_hash", LargeBinary),
    Column("previous_until", MOMENT),
    Column("created_at", MOMENT, nullable=False, server_default=NOW),
    Column("created_by", Text, nullable=False),
    Column("rotated_at", MOMENT),
    Column("expires_at", MOMENT),
    Column("revoked_at", MOMENT),
    CheckConstraint("id ~ '^[0-9a-f]{16}$'", name="token_id"),
    CheckConstraint("char_length(name) BETWEEN 1 AND 128", name="token_name"),
    CheckConstraint(
        "cardinality(scopes) > 0 AND scopes <@ ARRAY['submit', 'read', 'operate', 'work', 'exec', 'admin']",
        name="token_scopes",
    ),
    CheckConstraint("cardinality(queues) <= 100", name="token_queues"),
    CheckConstraint("octet_length(secret_hash) = 32 AND octet_length(previous_hash) = 32", name="token_hash"),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", MOMENT, nullable=False, server_default=NOW),
    Column("actor", Text, nullable=False),
    Column("token_id", Text),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("details", JSONB, nullable=False, server_default=NO_OBJECT),
    Column("request_id", Text, nullable=False, server_default=text("''")),
    Column("address", Text, nullable=False, server_default=text("''")),
)

rate_limits = Table(
    "rate_limits",
    metadata,
    Column("bucket", Text, primary_key=True),
    Column("tokens", Double, nullable=False),
    Column("granted", Double, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    CheckConstraint("char_length(bucket) BETWEEN 1 AND 200", name="bucket_length"),
    prefixes=["UNLOGGED"],
)


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
