"""What happened, counted: the numbers of dashboards and of Prometheus."""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from pgq.db.sql import sql

Row = dict[str, Any]
Likes = Sequence[str] | None
"""Patterns for LIKE that a queue must fit; None for every queue."""


def task_counts(connection: Connection[Any]) -> list[Row]:
    """What ever happened, by queue and kind."""
    return rows(connection, "task_counts")


def throughput(connection: Connection[Any], visible: Likes, minutes: int) -> list[Row]:
    """What ended in each of the last minutes; a minute in which nothing did has no row."""
    return rows(connection, "stats/throughput", visible=visible, minutes=minutes)


def latency(connection: Connection[Any], visible: Likes, minutes: int) -> list[Row]:
    """Percentiles over the last minutes, in seconds: of all queues together (queue None), then of each."""
    return rows(connection, "stats/latency", visible=visible, minutes=minutes)


def totals(connection: Connection[Any], visible: Likes) -> Row:
    """What ever ended, and how long it took on average."""
    return rows(connection, "stats/totals", visible=visible)[0]


def failures(connection: Connection[Any], visible: Likes) -> Row:
    """How much failed in the last hour, in all queues together."""
    return rows(connection, "stats/failures", visible=visible)[0]


def error_rate(connection: Connection[Any]) -> list[Row]:
    """How much failed in the last hour, by queue."""
    return rows(connection, "stats/error_rate")


def rows(connection: Connection[Any], statement: str, **given: Any) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql(statement), given or None).fetchall()
