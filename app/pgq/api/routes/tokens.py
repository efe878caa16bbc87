"""Tokens: who may use this service."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, Field

from pgq.api.access import Caller, hide, needs
from pgq.api.audit import record
from pgq.api.bodies import Body, StrictRoute
from pgq.api.paging import cursor, place
from pgq.api.problems import responses
from pgq.api.services import Here
from pgq.db.errors import our_errors
from pgq.db.tokens import StoredToken, list_tokens
from pgq.operate import tokens
from pgq.values.task import json_value
from pgq.values.token import ID, ScopeName

router = APIRouter(route_class=StrictRoute, tags=["Tokens"])

Admin = Annotated[Caller, needs("admin")]
TokenId = Annotated[str, Path(pattern=ID, examples=["0123456789abcdef"], description="The token's id.")]


class TokenRequest(Body):
    """A new token. Without `expires_at` and `expires_in_seconds` it never expires."""

    name: str = Field(min_length=1, max_length=128, examples=["mail service"])
    scopes: list[ScopeName] = Field(min_length=1, examples=[["submit", "read"]])
    queues: list[str] = Field([], max_length=100, examples=[["mail-*"]], description="Patterns; none: every queue.")
    expires_at: AwareDatetime | None = None
    expires_in_seconds: float | None = Field(None, gt=0, examples=[7_776_000])


class RotationRequest(Body):
    """How long the secret before stays valid."""

    grace_seconds: float = Field(86_400, ge=0, examples=[3_600])


class TokenDocument(BaseModel):
    """A token without its secret."""

    id: str
    name: str
    scopes: list[str]
    queues: list[str]
    created_at: datetime
    created_by: str
    rotated_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, stored: StoredToken, **more: str) -> Self:
        return cls(**{name: json_value(getattr(stored, name)) for name in TokenDocument.model_fields}, **more)


class NewTokenDocument(TokenDocument):
    """A token with its secret, which is shown this once."""

    token: str = Field(examples=["pgq_0123456789abcdef_..."])


class TokenList(BaseModel):
    """The newest first."""

    items: list[TokenDocument]
    next_cursor: str | None


@router.get("/v1/tokens", operation_id="list_tokens", summary="List tokens", responses=responses("invalid"))
def list_all(
    here: Here,
    _caller: Admin,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor_: Annotated[str | None, Query(alias="cursor", max_length=500)] = None,
) -> TokenList:
    """All tokens, newest first; expired and revoked ones too. Never a secret."""
    before = None
    if cursor_ is not None:
        at, token_id = place("tokens", cursor_, datetime.fromisoformat, str)
        before = at, token_id
    with our_errors(), here.pools.connection() as connection:
        found = list_tokens(connection, before=before, limit=limit + 1)
    page = found[:limit]
    more = cursor("tokens", page[-1].created_at.isoformat(), page[-1].id) if len(found) > limit else None
    return TokenList(items=[TokenDocument.of(one) for one in page], next_cursor=more)


@router.post(
    "/v1/tokens", operation_id="create_token", summary="Create a token", status_code=201, responses=responses("invalid")
)
def create(here: Here, caller: Admin, body: TokenRequest) -> NewTokenDocument:
    """The answer holds the token, which is shown this once: only its hash is kept."""
    with our_errors(), here.pools.connection() as connection, connection.transaction():
        stored, secret = tokens.create_token(
            connection,
            name=body.name,
            scopes=list(body.scopes),
            queues=body.queues,
            created_by=caller.name,
            expires_at=body.expires_at,
            expires_in=body.expires_in_seconds,
        )
        details = {"name": stored.name, "scopes": stored.scopes, "queues": stored.queues}
        record(connection, caller, "token.create", stored.id, details)
    return NewTokenDocument.of(stored, token=str(secret))


@router.post(
    "/v1/tokens/{id}/rotate",
    operation_id="rotate_token",
    summary="Give a token a new secret",
    responses=responses("not_found", "invalid"),
)
def rotate(here: Here, caller: Admin, id: TokenId, body: RotationRequest) -> NewTokenDocument:
    """The secret before stays valid for `grace_seconds`; one that a rotation before replaced ends now."""
    with our_errors(), here.pools.connection() as connection, connection.transaction():
        rotated = tokens.rotate_token(connection, id, grace=body.grace_seconds)
        if rotated is None:
            hide("token")
        record(connection, caller, "token.rotate", id, {"grace_seconds": body.grace_seconds})
    return NewTokenDocument.of(rotated[0], token=str(rotated[1]))


@router.delete(
    "/v1/tokens/{id}",
    operation_id="revoke_token",
    summary="Revoke a token",
    status_code=204,
    responses=responses("not_found", "invalid"),
)
def revoke(here: Here, caller: Admin, id: TokenId) -> None:
    """At once: no request that comes after this answer is accepted with it, by any process."""
    with our_errors(), here.pools.connection() as connection, connection.transaction():
        name = tokens.revoke_token(connection, id)
        if name is None:
            hide("token")
        record(connection, caller, "token.revoke", id, {"name": name})
