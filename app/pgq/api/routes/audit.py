"""The audit log."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from pgq.api.access import Caller, needs
from pgq.api.bodies import StrictRoute
from pgq.api.paging import BIGINT, cursor, place
from pgq.api.problems import responses
from pgq.api.services import Here
from pgq.db.audit import list_audit
from pgq.db.errors import our_errors
from pgq.values.task import json_value

router = APIRouter(route_class=StrictRoute, tags=["Audit"])


class AuditEntry(BaseModel):
    """Who did what, when, from where."""

    id: int
    at: datetime
    actor: str
    token_id: str | None
    action: str
    target: str
    details: dict[str, Any]
    request_id: str
    address: str


class AuditList(BaseModel):
    """The newest first."""

    items: list[AuditEntry]
    next_cursor: str | None


@router.get("/v1/audit", operation_id="list_audit", summary="Who changed what", responses=responses("invalid"))
def list_all(
    here: Here,
    _caller: Annotated[Caller, needs("admin")],
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor_: Annotated[str | None, Query(alias="cursor", max_length=500)] = None,
) -> AuditList:
    """Every change by an operator or admin, newest first. The log is only appended to."""
    before = None if cursor_ is None else place("audit", cursor_, BIGINT)[0]
    with our_errors(), here.pools.connection() as connection:
        found = list_audit(connection, before=before, limit=limit + 1)
    page = found[:limit]
    more = cursor("audit", str(page[-1]["id"])) if len(found) > limit else None
    return AuditList(
        items=[AuditEntry(**{name: json_value(value) for name, value in one.items()}) for one in page], next_cursor=more
    )
