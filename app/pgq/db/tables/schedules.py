"""The tables of schedules."""

from sqlalchemy import CheckConstraint, Column, Double, Index, Integer, PrimaryKeyConstraint, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from pgq.db.tables.common import MOMENT, NOW, metadata

READ = ("next_tick_at", "due_at", "last_tick_at", "paused_at", "error_at", "seen_at", "created_at", "updated_at")

schedules = Table(
    "schedules",
    metadata,
    Column("name", Text, primary_key=True),
    Column("cron", Text, nullable=False),
    Column("timezone", Text, nullable=False, server_default=text("'UTC'")),
    Column("kind", Text, nullable=False),
    Column("payload", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("queue", Text),
    Column("priority", Integer),
    Column("misfire", Text, nullable=False, server_default=text("'once'")),
    Column("overlap", Text, nullable=False, server_default=text("'allow'")),
    Column("jitter_seconds", Double, nullable=False, server_default=text("0")),
    Column("source", Text, nullable=False, server_default=text("'user'")),
    Column("paused_at", MOMENT),
    Column("next_tick_at", MOMENT),
    Column("due_at", MOMENT),
    Column("last_tick_at", MOMENT),
    Column("last_task_id", Uuid),
    Column("error", Text),
    Column("error_at", MOMENT),
    Column("seen_at", MOMENT),
    Column("created_at", MOMENT, nullable=False, server_default=NOW),
    Column("updated_at", MOMENT, nullable=False, server_default=NOW),
    CheckConstraint(r"char_length(name) BETWEEN 1 AND 128 AND name !~ '[\x01-\x1f\x7f]'", name="schedule_name"),
    CheckConstraint("char_length(cron) BETWEEN 1 AND 200", name="schedule_cron_length"),
    CheckConstraint("char_length(timezone) BETWEEN 1 AND 64", name="schedule_timezone_length"),
    CheckConstraint("char_length(kind) BETWEEN 1 AND 128", name="schedule_kind_length"),
    CheckConstraint(
        "jsonb_typeof(payload) = 'object' AND octet_length(payload::text) <= 1000000", name="schedule_payload"
    ),
    CheckConstraint("char_length(queue) BETWEEN 1 AND 128", name="schedule_queue_length"),
    CheckConstraint("priority BETWEEN 0 AND 9", name="schedule_priority"),
    CheckConstraint("misfire IN ('skip', 'once', 'all')", name="schedule_misfire"),
    CheckConstraint("overlap IN ('allow', 'skip')", name="schedule_overlap"),
    CheckConstraint("jitter_seconds >= 0 AND jitter_seconds <= 86400", name="schedule_jitter_range"),
    CheckConstraint("source IN ('user', 'code')", name="schedule_source"),
    CheckConstraint("source <> 'code' OR seen_at IS NOT NULL", name="schedule_seen"),
    CheckConstraint(
        " AND ".join(f"{name} >= '2000-01-01Z' AND {name} < '3000-01-01Z'" for name in READ), name="schedule_times"
    ),
    Index("schedules_due", "due_at", postgresql_where=text("paused_at IS NULL")),
)

schedule_ticks = Table(
    "schedule_ticks",
    metadata,
    Column("schedule", Text, nullable=False),
    Column("tick_at", MOMENT, nullable=False),
    Column("task_id", Uuid),
    PrimaryKeyConstraint("schedule", "tick_at", name="schedule_ticks_pkey"),
    Index("schedule_ticks_oldest", "tick_at"),
)
