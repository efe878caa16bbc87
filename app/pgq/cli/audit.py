"""What is changed at a terminal is in the audit log, like what is changed over HTTP."""

import getpass
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection


def record(connection: "Connection[Any]", action: str, target: str, details: Mapping[str, Any] | None = None) -> None:
    """Write down who does `action` (`schedule.pause`) to `target`. Call it inside the change's transaction."""
    from pgq.db.audit import append

    append(
        connection,
        actor=who(),
        token_id=None,
        action=action,
        target=target,
        details=details or {},
        request_id="",
        address="",
    )


def who() -> str:
    """The person at the terminal, as far as it is known."""
    try:
        return f"command line ({getpass.getuser()})"
    except (KeyError, OSError):
        return "command line"
