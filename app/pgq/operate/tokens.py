"""Verbs on the tokens of the HTTP service."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection

from pgq.db import tokens
from pgq.db.errors import our_errors
from pgq.db.tokens import StoredToken
from pgq.values import fields
from pgq.values.errors import InvalidTask
from pgq.values.token import TokenSecret, check_patterns, check_scopes, new_token

LONGEST = 10 * 365 * 86_400.0
"""Seconds that a token may last at most, when it is to expire; and a rotated secret."""


def create_token(
    connection: Connection[Any],
    *,
    name: str,
    scopes: Sequence[str],
    queues: Sequence[str] = (),
    created_by: str,
    expires_at: datetime | None = None,
    expires_in: float | None = None,
) -> tuple[StoredToken, TokenSecret]:
    """Make a token with these scopes, for queues that fit one of the patterns (none: every queue).

    The secret is answered here and never again. Raises InvalidTask.
    """
    if expires_at is not None and expires_in is not None:
        raise InvalidTask("expires_at", "cannot be given together with a duration")
    if expires_in is not None and not 0 < expires_in <= LONGEST:
        raise InvalidTask("expires_in_seconds", f"must be more than 0 and at most {LONGEST:,.0f} seconds")
    if "admin" in scopes and queues:
        raise InvalidTask("queues", "cannot narrow an admin token, which could make itself another one")
    secret = new_token()
    with our_errors():
        stored = tokens.create_token(
            connection,
            secret,
            name=fields.name(name, "name"),
            scopes=check_scopes(list(scopes)),
            queues=check_patterns(list(queues)),
            created_by=created_by,
            expires_at=None if expires_at is None else fields.moment(expires_at, "expires_at"),
            expires_in=expires_in,
        )
    return stored, secret


def rotate_token(connection: Connection[Any], token_id: str, *, grace: float) -> tuple[StoredToken, TokenSecret] | None:
    """Give a token a new secret, answered here and never again; the one before stays valid for `grace` seconds.

    None when there is no such token, or it was revoked. Raises InvalidTask.
    """
    if not 0 <= grace <= LONGEST:
        raise InvalidTask("grace_seconds", f"must be from 0 to {LONGEST:,.0f} seconds")
    secret = new_token(token_id)
    with our_errors():
        stored = tokens.rotate_token(connection, secret, grace=grace)
    return None if stored is None else (stored, secret)


def revoke_token(connection: Connection[Any], token_id: str) -> str | None:
    """End a token at once; its name, or None when there is none."""
    with our_errors():
        return tokens.revoke_token(connection, token_id)
