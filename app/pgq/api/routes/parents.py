"""What a task depends on."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from pgq.api import paging
from pgq.api.access import Caller, needs
from pgq.api.bodies import StrictRoute
from pgq.api.models.lists import Cursor
from pgq.api.models.task import Parents
from pgq.api.problems import responses
from pgq.api.rendering import json_response, task_json
from pgq.api.services import Here
from pgq.api.visible import steerable
from pgq.db.overview import tasks_by_id

router = APIRouter(prefix="/v1/tasks", route_class=StrictRoute, tags=["Tasks"])

Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]


@router.get(
    "/{id}/parents",
    operation_id="list_parents",
    summary="The parents of a task, with their results",
    response_model=Parents,
    responses=responses("not_found"),
)
def list_parents(
    here: Here,
    caller: Annotated[Caller, needs("read")],
    id: Annotated[UUID, Path(description="The task's id.")],
    limit: Limit = 500,
    cursor: Cursor = None,
) -> Response:
    """In the order of its `depends_on`. A parent whose retention has ended is left out, as is one in a queue that the
    token may not see.
    """
    begin = 0 if cursor is None else paging.place("parents", cursor, paging.INTEGER)[0]
    with here.pools.connection() as connection:
        depends_on = steerable(connection, caller, id).depends_on
        parents = tasks_by_id(connection, depends_on[begin : begin + limit])
    items = [task_json(here, one) for one in parents if caller.may_see(one.queue)]
    end = begin + limit
    behind = paging.cursor("parents", str(end)) if end < len(depends_on) else None
    return json_response({"items": items, "next_cursor": behind})
