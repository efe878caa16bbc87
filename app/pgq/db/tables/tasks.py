"""The tasks: live, ended and dead, and what goes with each."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from pgq.db.tables.common import A_TIMEOUT, MOMENT, NO_OBJECT, NO_TAGS, NOW, metadata


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
        Column("depends_on", ARRAY(Uuid)),
        Column("on_parent_failure", Text),
        Column("workflow_id", Uuid),
    ]


def workflow_index(table: str) -> Index:
    """The few tasks that belong to workflows."""
    return Index(f"{table}_workflow", "workflow_id", postgresql_where=text("workflow_id IS NOT NULL"))


tasks = Table(
    "tasks",
    metadata,
    *request_columns(live=True),
    Column("deadline_at", MOMENT),
    Column("lease_expires_at", MOMENT),
    Column("state", Text, nullable=False, server_default=text("'pending'")),
    Column("error", JSONB),
    Column("progress", JSONB),
    Column("waits_for", Integer),
    PrimaryKeyConstraint("id", name="tasks_pkey"),
    CheckConstraint("state IN ('blocked', 'pending', 'running')", name="task_state"),
    CheckConstraint("priority BETWEEN 0 AND 9", name="task_priority"),
    CheckConstraint("attempt >= 0 AND max_attempts BETWEEN 1 AND 1000", name="task_attempts"),
    CheckConstraint(
        "char_length(kind) BETWEEN 1 AND 128 AND char_length(queue) BETWEEN 1 AND 128",
        name="task_names",
    ),
    CheckConstraint(
        "run_at >= '2000-01-01Z' AND run_at < '3000-01-01Z' "
        "AND expires_at >= '2000-01-01Z' AND expires_at < '3000-01-01Z'",
        name="task_times",
    ),
    CheckConstraint(A_TIMEOUT, name="task_timeout"),
    CheckConstraint("jsonb_typeof(payload) = 'object'", name="task_payload"),
    CheckConstraint(
        "CASE state WHEN 'running' THEN leased_by IS NOT NULL AND lease_expires_at IS NOT NULL "
        "AND deadline_at IS NOT NULL AND started_at IS NOT NULL "
        "ELSE leased_by IS NULL AND lease_expires_at IS NULL END",
        name="task_lease",
    ),
    Index("tasks_lanes", "queue", "priority", "run_at", "id", postgresql_where=text("state = 'pending'")),
    Index("tasks_running", "queue", "id", postgresql_where=text("state = 'running'")),
    Index("tasks_expiring", "expires_at", postgresql_where=text("expires_at IS NOT NULL AND state <> 'running'")),
    Index("tasks_blocked", "id", postgresql_where=text("state = 'blocked'")),
    workflow_index("tasks"),
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
    workflow_index("task_history"),
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
    workflow_index("dead_tasks"),
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

task_dependencies = Table(
    "task_dependencies",
    metadata,
    Column("parent_id", Uuid, nullable=False),
    Column("child_id", Uuid, nullable=False),
    PrimaryKeyConstraint("parent_id", "child_id", name="task_dependencies_pkey"),
    Index("task_dependencies_child", "child_id"),
)

new_children = Table(
    "new_children",
    metadata,
    Column("submitted_by", Text, nullable=False),
    Column("n", BigInteger, Identity(always=True), nullable=False),
    Column("child_ids", ARRAY(Uuid), nullable=False),
    PrimaryKeyConstraint("submitted_by", "n", name="new_children_pkey"),
    prefixes=["UNLOGGED"],
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
