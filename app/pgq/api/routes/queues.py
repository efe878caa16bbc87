"""Queues: how full they are, what is set of them, pausing and resuming them."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from psycopg import Connection
from starlette.responses import Response

from pgq.api.access import Caller, needs
from pgq.api.audit import record
from pgq.api.bodies import StrictRoute
from pgq.api.models.queues import PauseQueue, Queue, QueueName, Queues, SetQueue
from pgq.api.problems import responses
from pgq.api.rendering import json_response
from pgq.api.services import Here
from pgq.db import overview
from pgq.operate import queues
from pgq.values.queue_settings import queue_json
from pgq.values.task import json_value

router = APIRouter(prefix="/v1/queues", tags=["Queues"], route_class=StrictRoute)

# A path, because a queue's name may hold slashes.
Name = Annotated[QueueName, Path(description="The queue's name. A queue needs no tasks and no settings.")]
Reader = Annotated[Caller, needs("read")]
Operator = Annotated[Caller, needs("operate")]


@router.get("", operation_id="list_queues", summary="List queues", response_model=Queues)
def list_queues(here: Here, caller: Reader) -> Response:
    """The queues that hold tasks or have settings, by name: how full they are, and what is set of them."""
    with here.pools.connection() as connection:
        found = overview.queues(connection)
    items = [queue_json(one) for one in found if caller.may_see(one["queue"])]
    return json_response({"items": items, "next_cursor": None})


@router.get(
    "/{name:path}",
    operation_id="get_queue",
    summary="Show a queue",
    response_model=Queue,
    responses=responses("not_found"),
)
def get_queue(here: Here, caller: Reader, name: Name) -> Response:
    """How full a queue is, and what is set of it. Null: the worker's or the handler's own."""
    caller.hide_unless_seen(name, "queue")
    with here.pools.connection() as connection:
        return shown(connection, name)


@router.put(
    "/{name:path}",
    operation_id="set_queue",
    summary="Set what holds for a queue",
    response_model=Queue,
    responses=responses("not_found"),
)
def set_queue(here: Here, caller: Operator, name: Name, body: SetQueue) -> Response:
    """Set limits and defaults of a queue. What is left out stays as it is; null takes a setting back."""
    caller.hide_unless_seen(name, "queue")
    given = body.given()
    with here.pools.connection() as connection, connection.transaction():
        queues.set_queue(connection, name, given)
        record(connection, caller, "queue.set", name, given)
        return shown(connection, name)


@router.post(
    "/{name:path}/pause",
    operation_id="pause_queue",
    summary="Pause a queue",
    response_model=Queue,
    responses=responses("not_found"),
)
def pause_queue(here: Here, caller: Operator, name: Name, body: PauseQueue | None = None) -> Response:
    """Workers claim nothing from the queue until it is resumed, or until a time. What runs goes on."""
    caller.hide_unless_seen(name, "queue")
    until = body.until if body else None
    with here.pools.connection() as connection, connection.transaction():
        queues.pause(connection, name, until=until)
        record(connection, caller, "queue.pause", name, {"until": json_value(until)})
        return shown(connection, name)


@router.post(
    "/{name:path}/resume",
    operation_id="resume_queue",
    summary="Resume a queue",
    response_model=Queue,
    responses=responses("not_found"),
)
def resume_queue(here: Here, caller: Operator, name: Name) -> Response:
    """Workers claim from the queue again. A queue that was not paused stays as it is."""
    caller.hide_unless_seen(name, "queue")
    with here.pools.connection() as connection, connection.transaction():
        queues.resume(connection, name)
        record(connection, caller, "queue.resume", name)
        return shown(connection, name)


def shown(connection: Connection[Any], name: str) -> Response:
    (queue,) = overview.queues(connection, name)
    return json_response(queue_json(queue))
