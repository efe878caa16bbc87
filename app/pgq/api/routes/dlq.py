"""The dead letters: tasks that were buried."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path
from psycopg import Connection
from pydantic import ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from pgq.api import paging
from pgq.api.access import Caller, hide, needs
from pgq.api.audit import record
from pgq.api.bodies import Body, StrictRoute
from pgq.api.kinds import Kinds, check_payload
from pgq.api.models.fields import Payload, PayloadField
from pgq.api.models.lists import After, Before, Cursor, ErrorTypes, Limit, Queues
from pgq.api.models.lists import Kinds as KindNames
from pgq.api.models.task import Task, Tasks
from pgq.api.problems import responses
from pgq.api.rendering import json_response, task_json
from pgq.api.services import Here, Services
from pgq.client.follow import look
from pgq.client.links import PsycopgLink
from pgq.client.run import run
from pgq.db import reads
from pgq.db.filters import DeadLetterFilter
from pgq.operate import tasks
from pgq.values.errors import TaskNotFound
from pgq.values.task import TaskStatus, json_value

router = APIRouter(prefix="/v1/dlq", tags=["Dead letters"], route_class=StrictRoute)

Reader = Annotated[Caller, needs("read")]
Operator = Annotated[Caller, needs("operate")]
Id = Annotated[UUID, Path(description="The dead letter's id: the task's own.")]


class Redrive(Body):
    """What to change of a dead letter before it runs again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}, {"payload": {"hello": "again"}}]})

    payload: PayloadField | None = Field(None, description="In place of its own payload; checked as a submit's is.")


@router.get("", operation_id="list_dead_letters", summary="List dead letters", response_model=Tasks)
def list_dead_letters(
    here: Here,
    caller: Reader,
    queue: Queues = [],  # noqa: B006  FastAPI copies it
    kind: KindNames = [],  # noqa: B006  FastAPI copies it
    error_type: ErrorTypes = [],  # noqa: B006  FastAPI copies it
    dead_after: After = None,
    dead_before: Before = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The dead letters, the last buried first. Of several queues, kinds or error types one must fit."""
    which = DeadLetterFilter(
        queues=tuple(queue),
        kinds=tuple(kind),
        error_types=tuple(error_type),
        dead_after=dead_after,
        dead_before=dead_before,
        visible=caller.queues,
    )
    behind = None if cursor is None else reads.DeadAt(*paging.place("dlq", cursor, datetime.fromisoformat, UUID))
    with here.pools.connection() as connection:
        found = reads.list_dead_letters(connection, which, before=behind, limit=limit + 1)
    items, more = found[:limit], found[limit:]
    return json_response(
        {"items": [task_json(here, one) for one in items], "next_cursor": cursor_behind(items[-1]) if more else None}
    )


@router.get(
    "/{id}",
    operation_id="get_dead_letter",
    summary="Show a dead letter",
    response_model=Task,
    responses=responses("not_found"),
)
def get_dead_letter(here: Here, caller: Reader, id: Id) -> Response:
    """The task as it was buried, with its last error."""
    with here.pools.connection() as connection:
        return json_response(task_json(here, dead_letter(connection, caller, id)))


@router.delete(
    "/{id}",
    operation_id="purge_dead_letter",
    summary="Forget a dead letter for good",
    status_code=204,
    responses=responses("not_found", "wrong_state"),
)
def purge_dead_letter(here: Here, caller: Operator, id: Id) -> None:
    """Delete it. Nothing of the task is kept but its line in the audit log."""
    with here.pools.connection() as connection, connection.transaction():
        task = seen(connection, caller, id)
        tasks.purge(connection, id)
        record(connection, caller, "dlq.purge", str(id), {"kind": task.kind, "queue": task.queue})


@router.post(
    "/{id}/redrive",
    operation_id="redrive_dead_letter",
    summary="Bring a dead letter back",
    response_model=Task,
    responses=responses("not_found", "wrong_state", "queue_full"),
)
async def redrive_dead_letter(here: Here, caller: Operator, id: Id, body: Redrive | None = None) -> Response:
    """Due now, with all its attempts again; with another payload if the body holds one."""
    payload = body.payload if body else None
    if payload is not None:
        task = await run_in_threadpool(letter, here, caller, id)
        await check_payload(await here.part(Kinds).kind(task.kind), payload.value, payload.text)
    return await run_in_threadpool(redriven, here, caller, id, payload)


def letter(here: Services, caller: Caller, id: UUID) -> TaskStatus:
    with here.pools.connection() as connection:
        return seen(connection, caller, id)


def redriven(here: Services, caller: Caller, id: UUID, payload: Payload | None) -> Response:
    """Redrive it, and write that down."""
    with here.pools.connection() as connection, connection.transaction():
        task = seen(connection, caller, id)
        tasks.redrive(connection, id, payload.value if payload else None)
        details = {"kind": task.kind, "queue": task.queue, "new_payload": payload is not None}
        record(connection, caller, "dlq.redrive", str(id), details)
        return json_response(task_json(here, seen(connection, caller, id)))


def dead_letter(connection: Connection[Any], caller: Caller, id: UUID) -> TaskStatus:
    """The dead letter. Raises the problem 404, also for a task that is none."""
    task = seen(connection, caller, id)
    if task.state != "dead":
        hide("dead letter")
    return task


def seen(connection: Connection[Any], caller: Caller, id: UUID) -> TaskStatus:
    """The task. Raises the problem 404, the same when the caller may not know of it."""
    try:
        task = run(look(id), PsycopgLink(connection))
    except TaskNotFound:
        hide("dead letter")
    caller.hide_unless_seen(task.queue, "dead letter")
    return task


def cursor_behind(task: TaskStatus) -> str:
    return paging.cursor("dlq", str(json_value(task.finished_at)), str(task.id))
