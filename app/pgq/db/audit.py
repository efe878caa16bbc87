"""The audit log: appended to, and read."""

from collections.abc import Mapping
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from pgq.db.sql import sql
from pgq.values.json_text import to_text


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
    """Write one line, in the caller's transaction."""
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


def list_audit(connection: Connection[Any], *, before: int | None, limit: int) -> list[dict[str, Any]]:
    """The newest lines, from behind the one with the id `before` on."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql("api/list_audit"), {"before": before, "limit": limit}).fetchall()
