"""The tables as SQLAlchemy sees them: what Alembic compares with the migrations and filtered reads are built from."""

from pgq.db.tables import access, fleet, schedules, statistics, workflows
from pgq.db.tables.common import MOMENT, metadata
from pgq.db.tables.tasks import dead_tasks, task_history, tasks

__all__ = [
    "MOMENT",
    "access",
    "dead_tasks",
    "fleet",
    "metadata",
    "schedules",
    "statistics",
    "task_history",
    "tasks",
    "workflows",
]
