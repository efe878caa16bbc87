"""Workflows: submit, list, show, add tasks, cancel, run again."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query
from psycopg import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from pgq.api import paging
from pgq.api.access import Caller, hide, needs
from pgq.api.audit import record
from pgq.api.batch import BatchReader
from pgq.api.bodies import JSON, StrictRoute, media_type, parse, read_body
from pgq.api.description import Described, Fault, Unreadable, described, described_tasks, path_of
from pgq.api.kinds import Kinds, errors_in
from pgq.api.models import workflows as models
from pgq.api.models.lists import Cursor, Limit, Name
from pgq.api.problems import FieldError, Problem, pointer, responses
from pgq.api.rendering import json_response
from pgq.api.routes.submit import merged_key
from pgq.api.services import Here, Services
from pgq.api.storing import carried_out
from pgq.client.flows import Drafts, add_tasks, look_at_all, submit_workflow
from pgq.client.ids import uuid7s
from pgq.client.steps import Plan, Statement
from pgq.client.submission import NewTask
from pgq.client.submit import Submitted
from pgq.db import workflows as db
from pgq.operate.workflows import cancel_workflow, retry_workflow
from pgq.values.errors import IdempotencyConflict, InvalidTask
from pgq.values.workflow import WorkflowStatus, WorkflowTask, live_counts, tasks_json

router = APIRouter(prefix="/v1/workflows", route_class=StrictRoute, tags=["Workflows"])

Submitter = Annotated[Caller, needs("submit")]
Reader = Annotated[Caller, needs("read")]
Operator = Annotated[Caller, needs("operate")]
Id = Annotated[UUID, Path(description="The workflow's id.")]
States = Annotated[list[models.State], Query(max_length=20, description="In this state; repeatable.")]
Names = Annotated[list[Name], Query(max_length=100, description="With this name; repeatable.")]

R = TypeVar("R")


def body_of(schema: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema, "example": example}}}}


@router.post(
    "",
    status_code=201,
    operation_id="submit_workflow",
    summary="Submit a workflow",
    response_description="All its tasks are stored, durably.",
    response_model=models.SubmittedWorkflow,
    responses={
        200: {
            "model": models.SubmittedWorkflow,
            "description": "The key was known; this is the first one that had it.",
        },
        **responses("idempotency_conflict", "queue_full", "commit_unknown"),
    },
    openapi_extra=body_of(models.SUBMIT_WORKFLOW, models.A_WORKFLOW),
)
async def submit(
    request: Request,
    here: Here,
    caller: Submitter,
    idempotency_key: Annotated[str | None, Header(description="The same as `idempotency_key` in the body.")] = None,
) -> Response:
    """Store up to 20,000 tasks that depend on one another, all or none.

    Each has a name, and names its parents in `depends_on`. Its handler finds their results by their names. A batch is a
    workflow with a `callback`. With an idempotency key the same request may be sent again: it answers with the first
    workflow, as long as that one is kept.
    """
    value = await big_body(request, here)
    return await run_in_threadpool(submitted, here, caller, value, idempotency_key)


@router.get("", operation_id="list_workflows", summary="List workflows", response_model=models.Workflows)
def list_workflows(
    here: Here,
    caller: Reader,
    state: States = [],  # noqa: B006  FastAPI copies it
    name: Names = [],  # noqa: B006  FastAPI copies it
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The workflows, newest first. A token with queue patterns is shown those that are all in its queues."""
    before = None if cursor is None else paging.place("workflows", cursor, UUID)[0]
    visible = caller.queue_likes
    with here.pools.connection() as connection:
        found = db.list_workflows(connection, states=state, names=name, visible=visible, before=before, limit=limit + 1)
    items, more = found[:limit], found[limit:]
    behind = paging.cursor("workflows", str(items[-1].id)) if more else None
    return json_response({"items": [one.to_json() for one in items], "next_cursor": behind})


@router.get(
    "/{id}",
    operation_id="get_workflow",
    summary="Show a workflow",
    response_model=models.WorkflowInFull,
    responses=responses("not_found"),
)
def get_workflow(here: Here, caller: Reader, id: Id) -> Response:
    """How far it is, and each of its tasks."""
    with here.pools.connection() as connection, connection.transaction():
        return json_response(shown(seen(connection, caller, id), db.workflow_tasks(connection, id)))


@router.post(
    "/{id}/cancel",
    operation_id="cancel_workflow",
    summary="Cancel a workflow",
    response_model=models.Workflow,
    responses=responses("not_found", "wrong_state"),
)
def cancel(here: Here, caller: Operator, id: Id) -> Response:
    """All its tasks that have not ended: those that wait end at once, running handlers are told to stop."""
    return carried_out_on(here, caller, id, "workflow.cancel", cancel_workflow)


@router.post(
    "/{id}/retry",
    operation_id="retry_workflow",
    summary="Run a workflow again from where it failed",
    response_model=models.Workflow,
    responses=responses("not_found", "wrong_state", "queue_full"),
)
def retry(here: Here, caller: Operator, id: Id) -> Response:
    """Dead, cancelled and expired tasks run again under their ids, all or none; what has succeeded stays."""
    return carried_out_on(here, caller, id, "workflow.retry", retry_workflow)


@router.post(
    "/{id}/tasks",
    status_code=201,
    operation_id="add_workflow_tasks",
    summary="Add tasks to a workflow that runs",
    response_description="They are stored, durably.",
    response_model=models.Added,
    responses=responses("not_found", "wrong_state", "queue_full", "commit_unknown"),
    openapi_extra=body_of(models.ADD_TASKS, models.MORE_TASKS),
)
async def add(request: Request, here: Here, caller: Submitter, id: Id) -> Response:
    """All or none; `depends_on` may name tasks that are in the workflow already."""
    value = await big_body(request, here)
    return await run_in_threadpool(added, here, caller, id, value)


async def big_body(request: Request, here: Services) -> Any:
    """A body as long as a batch's may be. What is published of the kinds is known afterwards."""
    if media_type(request) != JSON:
        raise Problem("unsupported_media_type", f"send the body as {JSON}")
    body = await read_body(request, here.settings.max_batch_bytes)
    await here.part(Kinds).refresh()
    return await run_in_threadpool(parse, body)


def submitted(here: Services, caller: Caller, value: Any, header: str | None) -> Response:
    reader = BatchReader(caller, here.part(Kinds))
    flow: Described = readable(lambda: described(value, partial(checked, reader)))
    key = flow.key if header is None else merged_key(header, flow.key)
    answer: dict[str, Any] = {}

    def plan() -> Plan[list[Submitted]]:
        made = yield from submit_workflow(next(uuid7s()), flow.name, flow.on_failure, flow.drafts, key)
        if not made.created:
            ((queues,),) = yield Statement("workflows/queues", {"id": made.id})
            if not all(caller.may_see(queue) for queue in queues):
                raise IdempotencyConflict(f"idempotency_key: {key} was used for another workflow")
        status, tasks = yield from look_at_all(made.id)  # before the commit: afterwards it could fail
        if not (made.created or caller.may("read")):  # another one's workflow, perhaps, by the key that both know
            tasks = [replace(task, error=None) for task in tasks]
        answer.update(shown(status, tasks), created=made.created)
        return flow.drafts.submitted(made.created)

    try:
        carried_out(here.pools, plan())
    except InvalidTask as error:
        raise refused([Fault(path_of(error, len(value["tasks"])), error.reason)]) from None
    return json_response(answer, 201 if answer["created"] else 200, {"Location": f"/v1/workflows/{answer['id']}"})


def added(here: Services, caller: Caller, id: UUID, value: Any) -> Response:
    with here.pools.connection() as connection:
        seen(connection, caller, id)
    reader = BatchReader(caller, here.part(Kinds))
    drafts: Drafts = readable(lambda: described_tasks(value, partial(checked, reader)))
    try:
        carried_out(here.pools, add_tasks(id, drafts))
    except InvalidTask as error:
        raise refused([Fault(path_of(error), error.reason)]) from None
    names = [task["name"] for task in value["tasks"]]
    items = [{"name": name, "id": str(task_id)} for name, task_id in zip(names, drafts.ids, strict=True)]
    return json_response({"items": items}, 201)


def checked(reader: BatchReader, value: Any, at: tuple[str | int, ...]) -> NewTask[Any]:
    """A task as this caller may submit it. Raises ValidationError, InvalidTask, Unreadable, the problem `forbidden`."""
    if value.get("idempotency_key") is not None:
        raise InvalidTask("idempotency_key", "is not for the tasks of a workflow: their names are unique in it")
    task, kind = reader.checked(value)
    found = errors_in(kind, value.get("payload", {}), at)
    if found:
        raise Unreadable([Fault((*at, "payload"), one.detail) for one in found])
    return task


def readable(read: Callable[[], R]) -> R:
    try:
        return read()
    except Unreadable as error:
        raise refused(error.faults) from None


def refused(faults: list[Fault]) -> Problem:
    errors = [FieldError(pointer(fault.path), fault.reason) for fault in faults]
    words = "; ".join(f"{one.pointer}: {one.detail}" for one in errors[:3])
    return Problem("invalid", f"nothing was submitted: {words}", errors=errors)


def carried_out_on(
    here: Services, caller: Caller, id: UUID, action: str, verb: Callable[[Connection[Any], UUID], int]
) -> Response:
    """Do a verb to a workflow and write that down, in one transaction."""
    with here.pools.connection() as connection, connection.transaction():
        flow = seen(connection, caller, id)
        tasks = verb(connection, id)
        record(connection, caller, action, str(id), {"name": flow.name, "tasks": tasks})
        return json_response(seen(connection, caller, id).to_json())


def seen(connection: Connection[Any], caller: Caller, id: UUID) -> WorkflowStatus:
    """The workflow, if all its queues are the caller's. Raises the problem 404."""
    flow = db.status(connection, id)
    if flow is None:
        hide("workflow")
    if caller.queues and not all(caller.may_see(queue) for queue in db.workflow_queues(connection, id) or ()):
        hide("workflow")
    return flow


def shown(flow: WorkflowStatus, tasks: Sequence[WorkflowTask]) -> dict[str, Any]:
    return {**flow.to_json(), "live": live_counts(tasks), "tasks": tasks_json(tasks)}
