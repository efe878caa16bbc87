"""The statements that the state machine drives, synchronously: Hypothesis has no loop."""

import asyncio
import json
from collections.abc import Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from pgq.db import leases
from pgq.db.outcomes import Finished, HandBack, record
from pgq.values.outcome import BuryNow, Outcome
from pgq.values.task import Claimed
from tests.properties.model import Attempt
from tests.verbs import CANCELLED, DONE, FAILED, A, duty, retry_later, snooze, take_turn

R = TypeVar("R")

OUTCOMES: dict[str, Outcome | HandBack] = {
    "complete": DONE,
    "cancel": CANCELLED,
    "bury": BuryNow(FAILED),
    "retry": retry_later(),
    "snooze": snooze(),
    "hand back": HandBack(),
}
TABLES = ("tasks", "task_history", "dead_tasks", "attempts", "idempotency_keys")


class Desk:
    """One database, by two sessions: one that waits, and one on a loop of its own."""

    def __init__(self, conninfo: str) -> None:
        self.connection = psycopg.connect(conninfo, autocommit=True, row_factory=dict_row)
        self.loop = asyncio.new_event_loop()
        self.session: AsyncConnection[Any] = self.wait_for(AsyncConnection.connect(conninfo, autocommit=True))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.wait_for(self.session.close())
        self.loop.close()
        self.connection.close()

    def wait_for(self, doing: Coroutine[Any, Any, R]) -> R:
        return self.loop.run_until_complete(doing)

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        return self.connection.execute(query.encode(), values or None).fetchall()

    def run(self, statement: str, *values: object) -> None:
        self.connection.execute(statement.encode(), values or None)

    def empty(self) -> None:
        for table in TABLES:
            self.run(f"DELETE FROM pgq.{table}")

    # Submitters and operators

    def submit_many(self, tasks: Sequence[Mapping[str, object]]) -> list[tuple[UUID, bool]]:
        rows = self.rows("SELECT id, created FROM pgq.submit_many(%s::jsonb) ORDER BY position", json.dumps(tasks))
        return [(row["id"], row["created"]) for row in rows]

    def insert(self, key: str) -> UUID | None:
        """A plain INSERT; None when the key is known."""
        try:
            [row] = self.rows("INSERT INTO pgq.tasks (kind, idempotency_key) VALUES ('echo', %s) RETURNING id", key)
        except psycopg.errors.UniqueViolation:
            return None
        return UUID(str(row["id"]))

    def cancel(self, task: UUID) -> str:
        return str(self.rows("SELECT pgq.cancel(%s) AS answer", task)[0]["answer"])

    def redrive(self, task: UUID) -> None:
        self.run("SELECT pgq.redrive(%s)", task)

    # Workers and duties

    def claim(self, worker: UUID, room: int) -> list[Claimed]:
        return self.wait_for(
            leases.claim(
                self.session, worker=worker, queues=["default"], budgets=[room], kinds=["echo"], room=room, lease=60
            )
        )

    def extend(self, attempt: Attempt) -> list[leases.Extension]:
        with self.connection.transaction():
            return leases.extend(self.connection, worker=attempt.worker, leases=[attempt.claimed.lease], lease=60)

    def end(self, attempt: Attempt, outcome: str) -> bool:
        finished = [Finished(attempt.claimed.lease, OUTCOMES[outcome])]
        return bool(self.wait_for(record(self.session, attempt.worker, finished)))

    def reap(self) -> int:
        return self.duty("reaper")

    def prune(self) -> None:
        self.duty("pruner")

    def duty(self, name: str) -> int:
        # Due, and not after an outage, however long the test thought in between.
        self.run("UPDATE pgq.maintenance SET next_due_at = '-infinity', last_started_at = NULL WHERE duty = %s", name)
        return self.wait_for(take_turn(self.session, duty(name), A))[0]

    # Time

    def expire_lease(self, task: UUID) -> None:
        self.run("UPDATE pgq.tasks SET lease_expires_at = clock_timestamp() - interval '1 s' WHERE id = %s", task)

    def all_due(self) -> None:
        self.run("UPDATE pgq.tasks SET run_at = clock_timestamp() WHERE state = 'pending'")

    def end_window(self, key: str) -> None:
        self.run("UPDATE pgq.idempotency_keys SET expires_at = now() - interval '1 s' WHERE key = %s", key)

    # What is

    def tasks(self) -> dict[UUID, dict[str, Any]]:
        rows = self.rows(
            "SELECT id, CASE WHEN state IN ('scheduled', 'retrying') THEN 'pending' ELSE state END AS state, attempt "
            "FROM pgq.task_status"
        )
        return {row["id"]: row for row in rows}

    def rows_of_tasks(self) -> int:
        """How many rows tasks have, live, ended and dead together."""
        [row] = self.rows(
            "SELECT (SELECT count(*) FROM pgq.tasks) + (SELECT count(*) FROM pgq.task_history) "
            "+ (SELECT count(*) FROM pgq.dead_tasks) AS rows"
        )
        return int(row["rows"])

    def leases(self) -> dict[UUID, tuple[UUID, int]]:
        rows = self.rows("SELECT id, leased_by, lease_epoch FROM pgq.tasks WHERE leased_by IS NOT NULL")
        return {row["id"]: (row["leased_by"], row["lease_epoch"]) for row in rows}

    def failed_attempts(self) -> dict[UUID, int]:
        rows = self.rows("SELECT task_id, count(*) AS times FROM pgq.attempts GROUP BY task_id")
        return {row["task_id"]: row["times"] for row in rows}

    def keys(self) -> dict[str, UUID]:
        return {row["key"]: row["task_id"] for row in self.rows("SELECT key, task_id FROM pgq.idempotency_keys")}
