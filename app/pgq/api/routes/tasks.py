"""List tasks, look at their attempts, change, cancel and retry them."""

from collections.abc import Callable
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query
from psycopg import Connection
from pydantic import ConfigDict
from starlette.responses import Response

from pgq.api import paging
from pgq.api.access import Caller, needs
from pgq.api.audit import record
from pgq.api.bodies import Body, StrictRoute
from pgq.api.models.fields import Priority, Queue, RunAt
from pgq.api.models.lists import After, Before, Cursor, Kinds, Limit, Name, Queues
from pgq.api.models.task import Attempts, Task, Tasks
from pgq.api.problems import responses
from pgq.api.rendering import attempt_json, json_response, task_json
from pgq.api.services import Here
from pgq.api.visible import seen, steerable
from pgq.db import reads
from pgq.db.filters import TaskFilter
from pgq.db.overview import failed_attempts
from pgq.operate import tasks
from pgq.operate.change import change
from pgq.values.task import json_value

router = APIRouter(prefix="/v1/tasks", route_class=StrictRoute, tags=["Tasks"])

Reader = Annotated[Caller, needs("read")]
Operator = Annotated[Caller, needs("operate")]
Id = Annotated[UUID, Path(description="The task's id.")]
State = Literal["blocked", "scheduled", "retrying", "pending", "running", "succeeded", "cancelled", "expired", "dead"]
States = Annotated[
    list[State],
    Query(max_length=20, description="In this state; repeatable. `pending` also finds scheduled and retrying."),
]
Tags = Annotated[list[Name], Query(max_length=32, description="With this tag; repeatable, all must be there.")]

Workflow = Annotated[UUID | None, Query(description="Of this workflow.")]


class ChangeTask(Body):
    """What to change; at least one of them. A time that has passed means now."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"priority": "high"}]})

    priority: Priority = None
    run_at: RunAt = None
    queue: Queue = None


@router.get("", operation_id="list_tasks", summary="List tasks", response_model=Tasks)
def list_tasks(
    here: Here,
    caller: Reader,
    state: States = [],  # noqa: B006  FastAPI copies it
    queue: Queues = [],  # noqa: B006  FastAPI copies it
    kind: Kinds = [],  # noqa: B006  FastAPI copies it
    tag: Tags = [],  # noqa: B006  FastAPI copies it
    workflow_id: Workflow = None,
    created_after: After = None,
    created_before: Before = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The tasks, newest first. Of several states, queues or kinds one must fit; of several tags, all."""
    which = TaskFilter(
        states=frozenset(state),
        queues=tuple(queue),
        kinds=tuple(kind),
        tags=tuple(tag),
        workflow_id=workflow_id,
        created_after=created_after,
        created_before=created_before,
        visible=caller.queues,
    )
    before = None if cursor is None else paging.place("tasks", cursor, UUID)[0]
    with here.pools.connection() as connection:
        found = reads.list_tasks(connection, which, before=before, limit=limit + 1)
    items, more = found[:limit], found[limit:]
    behind = paging.cursor("tasks", str(items[-1].id)) if more else None
    return json_response({"items": [task_json(here, one) for one in items], "next_cursor": behind})


@router.get(
    "/{id}/attempts",
    operation_id="list_attempts",
    summary="The attempts of a task that failed",
    response_model=Attempts,
    responses=responses("not_found"),
)
def list_attempts(here: Here, caller: Reader, id: Id) -> Response:
    """Each with its error, first to last."""
    with here.pools.connection() as connection:
        task = steerable(connection, caller, id)
        found = failed_attempts(connection, id)
    return json_response({"items": [attempt_json(here, task, one) for one in found], "next_cursor": None})


@router.patch(
    "/{id}",
    operation_id="change_task",
    summary="Change a task that waits",
    response_model=Task,
    responses=responses("not_found", "wrong_state"),
)
def change_task(here: Here, caller: Operator, id: Id, body: ChangeTask) -> Response:
    """Another priority, time or queue for a task that has neither begun nor ended."""
    given = {name: getattr(body, name) for name in body.model_fields_set if getattr(body, name) is not None}
    if body.queue is not None:
        caller.require_queue(body.queue)

    def verb(connection: Connection[Any]) -> UUID:
        change(connection, id, **given)
        return id

    details = {name: json_value(value) for name, value in given.items()}
    return carried_out(here, caller, id, "task.change", verb, details)


@router.post(
    "/{id}/cancel",
    operation_id="cancel_task",
    summary="Cancel a task",
    response_model=Task,
    responses=responses("not_found", "wrong_state"),
)
def cancel_task(here: Here, caller: Operator, id: Id) -> Response:
    """One that waits ends at once. A running handler is told to stop: `cancel_requested_at` is set until it has."""

    def verb(connection: Connection[Any]) -> UUID:
        tasks.cancel(connection, id)
        return id

    return carried_out(here, caller, id, "task.cancel", verb, {})


@router.post(
    "/{id}/retry",
    operation_id="retry_task",
    summary="Run a task again",
    response_model=Task,
    response_description="The task that runs: the same one, or a new one.",
    responses=responses("not_found", "wrong_state", "queue_full"),
)
def retry_task(here: Here, caller: Operator, id: Id) -> Response:
    """A dead task is redriven; one that waits for its time runs now.

    One that succeeded, was cancelled or expired gives a new task, whose `headers.retried_from` is this one's id.
    """
    return carried_out(here, caller, id, "task.retry", lambda connection: tasks.retry(connection, id), {})


def carried_out(
    here: Here,
    caller: Caller,
    task_id: UUID,
    action: str,
    verb: Callable[[Connection[Any]], UUID],
    details: dict[str, Any],
) -> Response:
    """Do a verb to a task and write that down, in one transaction; the task that it leads to."""
    with here.pools.connection() as connection, connection.transaction():
        task = steerable(connection, caller, task_id)
        leads_to = verb(connection)
        more = {} if leads_to == task_id else {"new_task": str(leads_to)}
        record(connection, caller, action, str(task_id), {"kind": task.kind, "queue": task.queue, **details, **more})
        return json_response(task_json(here, seen(connection, leads_to)))
