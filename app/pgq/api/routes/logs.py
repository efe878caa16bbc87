"""What a task's handler has said."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from pgq.api import paging
from pgq.api.access import Caller, needs
from pgq.api.bodies import StrictRoute
from pgq.api.models.lists import Cursor, Limit
from pgq.api.models.task import LogLines
from pgq.api.problems import FieldError, Problem, responses
from pgq.api.rendering import json_response, log_json
from pgq.api.services import Here
from pgq.api.visible import steerable
from pgq.db.task_logs import BEGINNING, task_logs

router = APIRouter(prefix="/v1/tasks", route_class=StrictRoute, tags=["Tasks"])

PLACE = r"^[0-9]{1,19}\.[0-9]{1,10}$"
After = Annotated[
    str | None,
    Query(pattern=PLACE, description="The `place` of the last line that is known: only what comes behind it."),
]


@router.get(
    "/{id}/logs",
    operation_id="list_logs",
    summary="The log of a task",
    response_model=LogLines,
    responses=responses("not_found"),
)
def list_logs(
    here: Here,
    caller: Annotated[Caller, needs("read")],
    id: Annotated[UUID, Path(description="The task's id.")],
    after: After = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """What its handler has logged and printed, attempt by attempt, the first line first.

    To follow a task that runs, ask again with `after`: its worker writes about once a second.
    """
    begin = place_of(after, cursor)
    with here.pools.connection() as connection:
        task = steerable(connection, caller, id)
        found = task_logs(connection, id, begin, limit + 1)
    lines, more = found[:limit], len(found) > limit
    behind = paging.cursor("logs", *map(str, lines[-1].place)) if more else None
    return json_response({"items": log_json(here, task, lines), "next_cursor": behind})


def place_of(after: str | None, cursor: str | None) -> tuple[int, int]:
    """Where a page begins: an attempt's number and the line's. Raises the problem `invalid`."""
    if after is not None and cursor is not None:
        raise refused("says where to begin, and so does the cursor: send one of them")
    if cursor is not None:
        epoch, n = paging.place("logs", cursor, paging.BIGINT, paging.INTEGER)
        return epoch, n
    if after is None:
        return BEGINNING
    try:
        epoch, n = (read(part) for read, part in zip((paging.BIGINT, paging.INTEGER), after.split("."), strict=True))
    except ValueError:
        raise refused("is not the place of a line") from None
    return epoch, n


def refused(reason: str) -> Problem:
    return Problem("invalid", f"after: {reason}", errors=[FieldError("query/after", reason)])
