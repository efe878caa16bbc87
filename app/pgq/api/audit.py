"""Who changed what: written in the same transaction as the change, never changed afterwards."""

from collections.abc import Mapping
from typing import Any

from psycopg import Connection

from pgq.api.access import Caller
from pgq.db.audit import append


def record(
    connection: Connection[Any], caller: Caller, action: str, target: str, details: Mapping[str, Any] | None = None
) -> None:
    """Write down that `caller` does `action` (`queue.pause`) to `target`. Call it inside the change's transaction."""
    append(
        connection,
        actor=caller.name,
        token_id=caller.token_id,
        action=action,
        target=target,
        details=details or {},
        request_id=caller.request_id,
        address=caller.address,
    )
