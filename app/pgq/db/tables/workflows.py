"""Workflows, their tasks' names, and what has happened to them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from pgq.db.tables.common import MOMENT, NOW, metadata

ENDED = ("succeeded", "cancelled", "expired", "dead")
ZERO = text("0")

workflows = Table(
    "workflows",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("on_failure", Text, nullable=False),
    Column("created_at", MOMENT, nullable=False, server_default=NOW),
    Column("ended_at", MOMENT),
    Column("cancel_requested_at", MOMENT),
    Column("stopped_at", MOMENT),
    Column("reopened_at", MOMENT),
    Column("stopping", Boolean, nullable=False, server_default=text("false")),
    Column("total", Integer, nullable=False, server_default=ZERO),
    *(Column(name, Integer, nullable=False, server_default=ZERO) for name in ENDED),
    Column("queues", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    Column("idempotency_key", Text),
    Column("fingerprint", LargeBinary),
    CheckConstraint("char_length(name) BETWEEN 1 AND 128", name="workflow_name"),
    CheckConstraint("on_failure IN ('cancel', 'continue')", name="workflow_on_failure"),
    CheckConstraint("char_length(idempotency_key) BETWEEN 1 AND 255", name="workflow_key"),
)
Index("workflows_stopping", workflows.c.id, postgresql_where=text("stopping"))
Index(
    "workflows_key",
    workflows.c.idempotency_key,
    unique=True,
    postgresql_where=workflows.c.idempotency_key.is_not(None),
)

workflow_tasks = Table(
    "workflow_tasks",
    metadata,
    Column("workflow_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("task_id", Uuid, nullable=False),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    PrimaryKeyConstraint("workflow_id", "name"),
    UniqueConstraint("task_id", name="workflow_tasks_once"),
    CheckConstraint("char_length(name) BETWEEN 1 AND 128", name="workflow_task_name"),
)

workflow_changes = Table(
    "workflow_changes",
    metadata,
    Column("workflow_id", Uuid, nullable=False),
    Column("n", BigInteger, Identity(always=True), nullable=False),
    Column("at", MOMENT, nullable=False, server_default=NOW),
    Column("queue", Text),
    Column("total", Integer, nullable=False, server_default=ZERO),
    *(Column(name, Integer, nullable=False, server_default=ZERO) for name in ENDED),
    PrimaryKeyConstraint("workflow_id", "n"),
)
