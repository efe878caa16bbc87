"""The audit log: appended to, and read."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from pgq.db.sql import sql
from pgq.values.json_text import to_text

BY_FILTER = "by filter"
"""The target of a line about a batch of a verb by filter."""


def append(
    connection: Connection[Any],
    *,
    actor: str,
    token_id: str | None,
    action: str,
    target: str,
    details: Mapping[str, Any],
    request_id: str,
    address: str,
) -> None:
    """Write one line about a request, in the caller's transaction."""
    given = {
        "actor": actor,
        "token_id": token_id,
        "action": action,
        "target": target,
        "details": to_text(dict(details), "details"),
        "request_id": request_id,
        "address": address,
    }
    connection.execute(sql("api/append_audit"), given)


def append_from_command_line(
    connection: Connection[Any], *, actor: str, action: str, target: str, details: Mapping[str, Any]
) -> None:
    """Write one line about a command, in the caller's transaction; it has no token, request or address."""
    given = {"actor": actor, "action": action, "target": target, "details": to_text(dict(details), "details")}
    connection.execute(sql("audit_command_line"), given)


def of_batch(asked: Mapping[str, Any], ids: Sequence[UUID]) -> dict[str, Any]:
    """The details of a line about a batch: what was asked for, and the tasks that were changed."""
    return {"asked": dict(asked), "changed": len(ids), "ids": [str(one) for one in ids]}


def list_audit(connection: Connection[Any], *, before: int | None, limit: int) -> list[dict[str, Any]]:
    """The newest lines, from behind the one with the id `before` on."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql("api/list_audit"), {"before": before, "limit": limit}).fetchall()
