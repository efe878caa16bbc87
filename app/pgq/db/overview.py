"""The views and facts that are read whole, without filters."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row, scalar_row, tuple_row

from pgq.db.sql import sql
from pgq.values.task import COLUMNS, TaskStatus

Row = dict[str, Any]


def queue_depth(connection: Connection[Any]) -> list[Row]:
    """How full each queue is, by name."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql("queue_depth")).fetchall()


def queues(connection: Connection[Any], queue: str | None = None) -> list[Row]:
    """The queues by name: how full they are, and what is set of them. Or `queue` alone, which always is one."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql("queues"), {"queue": queue}).fetchall()


def unknown_kinds(connection: Connection[Any]) -> list[Row]:
    """The kinds of waiting tasks that no live worker has, with how many wait."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql("unknown_kinds")).fetchall()


def worker_utilization(connection: Connection[Any]) -> list[Row]:
    """The live workers and how busy they are."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql("worker_utilization")).fetchall()


def kinds(connection: Connection[Any]) -> list[Row]:
    """What workers have published, by name."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql("kinds")).fetchall()


def failed_attempts(connection: Connection[Any], task_id: UUID) -> list[Row]:
    """The attempts of a task that failed, in order."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql("failed_attempts"), {"id": task_id}).fetchall()


def days_of_partitions_ahead(connection: Connection[Any]) -> int:
    """For how many whole days after today the ended tasks have their partitions; -1 when today's is missing."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        days: int = cursor.execute(sql("partition_days_ahead")).fetchone() or 0
    return days


def tasks_by_id(connection: Connection[Any], wanted: Sequence[UUID]) -> list[TaskStatus]:
    """These tasks in this order; one that nobody has (any more) is left out."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(sql("task_statuses"), {"ids": list(wanted)})
        found = {row[0]: TaskStatus.of_row(dict(zip(COLUMNS, row, strict=True))) for row in cursor}
    return [found[id] for id in wanted if id in found]
