"""The tasks of a database, as plain SQL shows them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Json

from tests.until import PATIENCE, until

ENDED = ("succeeded", "cancelled", "expired", "dead")


@dataclass(frozen=True, slots=True)
class Row:
    """What pgq.task_status says of a task."""

    id: UUID
    state: str
    attempt: int
    max_attempts: int
    lease_epoch: int
    worker_id: UUID | None
    result: Any
    error: Any


class Tasks:
    """Submits, asks and waits, over one connection in autocommit mode."""

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = connection

    def value(self, query: str, *parameters: Any) -> Any:
        """The first column of the first row."""
        row = self.connection.execute(query.encode(), parameters or None).fetchone()
        return None if row is None else row[0]

    def submit(
        self, kind: str, /, *, timeout: float | None = None, attempts: int | None = None, **payload: Any
    ) -> UUID:
        """One task, by INSERT; `timeout` in seconds."""
        task: UUID = self.value(
            "INSERT INTO pgq.tasks (kind, payload, timeout_seconds, max_attempts) VALUES (%s, %s, %s, %s) RETURNING id",
            kind, Json(payload), timeout, attempts,
        )  # fmt: skip
        return task

    def submit_many(self, kind: str, count: int, /, *, priority: int = 5, **payload: Any) -> list[UUID]:
        """Many of the same."""
        rows = self.connection.execute(
            "INSERT INTO pgq.tasks (kind, payload, priority) SELECT %s, %s, %s FROM generate_series(1, %s)"
            " RETURNING id",
            [kind, Json(payload), priority, count],
        )
        return [row[0] for row in rows]

    def rows(self, *ids: UUID) -> dict[UUID, Row]:
        """These tasks, or all."""
        with self.connection.cursor(row_factory=class_row(Row)) as cursor:
            cursor.execute(
                "SELECT id, state, attempt, max_attempts, lease_epoch, worker_id, result, error FROM pgq.task_status"
                " WHERE %(all)s OR id = ANY (%(ids)s)",
                {"all": not ids, "ids": list(ids)},
            )
            return {row.id: row for row in cursor}

    def row(self, task: UUID) -> Row:
        """This task."""
        return self.rows(task)[task]

    def ended(self, task: UUID) -> Row:
        """This task, once it has ended."""

        until(lambda: self.row(task).state in ENDED, lambda: f"the end of a task; it is {self.row(task)}")
        return self.row(task)

    def all_ended(self, within: float = max(100.0, PATIENCE)) -> None:
        """Until no live task is left."""
        until(
            lambda: self.value("SELECT NOT EXISTS (SELECT FROM pgq.tasks)"),
            lambda: f"all tasks to end; these have not: {self.live()[:10]}",
            within=within,
        )

    def live(self) -> Sequence[Row]:
        """What has not ended."""
        return [row for row in self.rows().values() if row.state not in ENDED]


@contextmanager
def tasks_of(conninfo: str) -> Iterator[Tasks]:
    """The tasks of this database."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        yield Tasks(connection)
