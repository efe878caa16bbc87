"""The kinds of tasks that workers can run."""

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from pgq.api.access import Caller, needs
from pgq.api.bodies import StrictRoute
from pgq.api.models.workers import Kinds
from pgq.api.rendering import json_response
from pgq.api.services import Here
from pgq.db import overview
from pgq.values.task import json_value

router = APIRouter(prefix="/v1/kinds", tags=["Kinds"], route_class=StrictRoute)


@router.get("", operation_id="list_kinds", summary="List kinds", response_model=Kinds)
def list_kinds(here: Here, caller: Annotated[Caller, needs("read", "submit")]) -> Response:
    """What workers publish of their handlers: defaults, and the JSON Schema of the payload."""
    with here.pools.connection() as connection:
        found = [one for one in overview.kinds(connection) if caller.may_see(one["queue"] or "default")]
    items = [{name: json_value(value) for name, value in one.items()} for one in found]
    return json_response({"items": items, "next_cursor": None})
