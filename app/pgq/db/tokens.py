"""The tokens of the HTTP service."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection, Connection
from psycopg.rows import class_row, scalar_row, tuple_row

from pgq.db.sql import sql
from pgq.values.token import TokenSecret


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A token as it is listed: without its secret."""

    id: str
    name: str
    scopes: list[str]
    queues: list[str]
    created_at: datetime
    created_by: str
    rotated_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class ValidToken:
    """A token that is neither expired nor revoked, to compare a secret with."""

    id: str
    name: str
    scopes: list[str]
    queues: list[str]
    secret_hash: bytes
    previous_hash: bytes | None


def create_token(
    connection: Connection[Any],
    token: TokenSecret,
    *,
    name: str,
    scopes: Sequence[str],
    queues: Sequence[str],
    created_by: str,
    expires_at: datetime | None,
    expires_in: float | None,
) -> StoredToken:
    """Keep a new token's hash. It expires at a time, or after some seconds, or never."""
    given = {
        "id": token.id,
        "name": name,
        "scopes": list(scopes),
        "queues": list(queues),
        "secret_hash": token.hash,
        "created_by": created_by,
        "expires_at": expires_at,
        "expires_in": expires_in,
    }
    with connection.cursor(row_factory=class_row(StoredToken)) as cursor:
        stored = cursor.execute(sql("api/create_token"), given).fetchone()
    assert stored is not None
    return stored


def list_tokens(
    connection: Connection[Any], *, before: tuple[datetime, str] | None, limit: int | None
) -> list[StoredToken]:
    """The newest tokens, from behind `before` on; expired and revoked ones too."""
    before_at, before_id = before or (None, None)
    given = {"before_at": before_at, "before_id": before_id, "limit": limit}
    with connection.cursor(row_factory=class_row(StoredToken)) as cursor:
        return cursor.execute(sql("api/list_tokens"), given).fetchall()


def revoke_token(connection: Connection[Any], token_id: str) -> str | None:
    """End a token for good; its name, or None when there is none."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        name: str | None = cursor.execute(sql("api/revoke_token"), {"id": token_id}).fetchone()
    return name


def rotate_token(connection: Connection[Any], token: TokenSecret, *, grace: float) -> StoredToken | None:
    """Give a token a new secret; the one before stays valid for `grace` seconds. None: no such token, or revoked."""
    given = {"id": token.id, "secret_hash": token.hash, "grace": grace}
    with connection.cursor(row_factory=class_row(StoredToken)) as cursor:
        return cursor.execute(sql("api/rotate_token"), given).fetchone()


async def find_tokens(connection: AsyncConnection[Any], ids: Sequence[str]) -> dict[str, ValidToken]:
    """Those of the tokens that are valid at this moment."""
    async with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        rows = await (await cursor.execute(sql("api/find_tokens"), {"ids": list(ids)})).fetchall()
    return {row[0]: ValidToken(*row) for row in rows}
