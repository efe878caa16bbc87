"""Tasks in every state, made without a worker."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection

REQUEST = (
    "id, lease_epoch, created_at, run_at, timeout_seconds, priority, max_attempts, queue, kind, tags, headers, payload,"
    " depends_on, on_parent_failure, workflow_id"
)


@contextmanager
def connected(dsn: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def submitted(connection: Connection[Any], kind: str = "echo", **options: Any) -> UUID:
    """A task, by pgq.submit()."""
    payload = json.dumps(options.pop("payload", {}))
    named = "".join(f", {name} => %({name})s" for name in options)
    row = connection.execute(
        f"SELECT pgq.submit(%(kind)s, %(payload)s{named})", {"kind": kind, "payload": payload, **options}
    ).fetchone()
    assert row is not None
    return UUID(str(row[0]))


def start(connection: Connection[Any], task_id: UUID) -> None:
    """What a claim does to a task."""
    connection.execute(
        "UPDATE pgq.tasks SET state = 'running', attempt = attempt + 1, lease_epoch = lease_epoch + 1,"
        " leased_by = pgq.uuid7(), started_at = clock_timestamp(), deadline_at = clock_timestamp() + interval '1 h',"
        " lease_expires_at = clock_timestamp() + interval '1 h' WHERE id = %s",
        [task_id],
    )


def progress(connection: Connection[Any], task_id: UUID, value: float, message: str) -> None:
    """What a running attempt says of itself."""
    connection.execute(
        "UPDATE pgq.tasks SET progress = jsonb_build_object('value', %s::float8, 'message', %s::text,"
        " 'at', pgq.rfc3339(clock_timestamp())) WHERE id = %s",
        [value, message, task_id],
    )


def move_to_history(connection: Connection[Any], task_id: UUID, state: str, result: Any) -> None:
    """What the end of a task does to it."""
    connection.execute(
        f"WITH gone AS (DELETE FROM pgq.tasks WHERE id = %s RETURNING *)"
        f" INSERT INTO pgq.task_history ({REQUEST}, progress, attempt, state, result)"
        f" SELECT {REQUEST}, progress, 1, %s, %s FROM gone",
        [task_id, state, json.dumps(result)],
    )


def bury(connection: Connection[Any], task_id: UUID, type: str = "ValueError", message: str = "no such file") -> None:
    """What the last failed attempt does to a task."""
    error = {"type": type, "message": message, "traceback": "  File x\n", "attempt": 4, "at": "2030-01-01T00:00:00Z"}
    connection.execute(
        f"WITH gone AS (DELETE FROM pgq.tasks WHERE id = %s RETURNING *)"
        f" INSERT INTO pgq.dead_tasks ({REQUEST}, attempt, error) SELECT {REQUEST}, 4, %s FROM gone",
        [task_id, json.dumps(error)],
    )


def running(connection: Connection[Any], kind: str = "echo", **options: Any) -> UUID:
    """A task that a worker has claimed."""
    task_id = submitted(connection, kind, **options)
    start(connection, task_id)
    return task_id


def retrying(connection: Connection[Any], kind: str = "echo", **options: Any) -> UUID:
    """A task that waits for its second attempt."""
    task_id = submitted(connection, kind, **options)
    connection.execute(
        "UPDATE pgq.tasks SET attempt = 1, run_at = clock_timestamp() + interval '1 h' WHERE id = %s", [task_id]
    )
    return task_id


def ended(connection: Connection[Any], state: str = "succeeded", result: Any = None, **options: Any) -> UUID:
    """A task in the history."""
    task_id = submitted(connection, **options)
    move_to_history(connection, task_id, state, result)
    return task_id


def dead(
    connection: Connection[Any], error_type: str = "ValueError", message: str = "no such file", **options: Any
) -> UUID:
    """A dead letter."""
    task_id = submitted(connection, **options)
    bury(connection, task_id, error_type, message)
    return task_id


def state(connection: Connection[Any], task_id: UUID) -> str | None:
    """The shown state, or None for a task that nobody knows."""
    row = connection.execute("SELECT state FROM pgq.task_status WHERE id = %s", [task_id]).fetchone()
    return row[0] if row else None


def worker(connection: Connection[Any], kinds: list[str], name: str = "w1") -> None:
    """A worker that beat just now."""
    connection.execute(
        "INSERT INTO pgq.workers (id, name, hostname, pid, version, queues, kinds, capacity)"
        " VALUES (pgq.uuid7(), %s, 'host', 1, '0', '{default}', %s, 10)",
        [name, kinds],
    )


def workflow(connection: Connection[Any], *tasks: Mapping[str, Any], on_failure: str = "cancel") -> UUID:
    """A workflow of these tasks, by pgq.submit_workflow()."""
    whole = json.dumps({"name": "a flow", "on_failure": on_failure, "tasks": tasks})
    row = connection.execute("SELECT pgq.submit_workflow(%s::jsonb)", [whole]).fetchone()
    assert row is not None
    return UUID(str(row[0]))


def node(connection: Connection[Any], workflow_id: UUID, name: str) -> UUID:
    """The task with this name."""
    row = connection.execute(
        "SELECT task_id FROM pgq.workflow_tasks WHERE workflow_id = %s AND name = %s", [workflow_id, name]
    ).fetchone()
    assert row is not None
    return UUID(str(row[0]))
