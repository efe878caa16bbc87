"""Submit one task."""

from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from pgq.api.access import Caller, needs
from pgq.api.direct import DirectRoute
from pgq.api.kinds import Kinds, check_payload
from pgq.api.lanes import Accepted
from pgq.api.models.submit import SubmitTask
from pgq.api.models.task import Submitted
from pgq.api.parents import sees_everything, unseen_parents
from pgq.api.problems import FieldError, Problem, responses
from pgq.api.rendering import json_response, task_json
from pgq.api.services import Services, services_of
from pgq.api.submitter import Submitter
from pgq.api.visible import marked, may_read
from pgq.client.ids import uuid7s
from pgq.client.options import KEY_LENGTH
from pgq.client.submission import NewTask
from pgq.values import fields
from pgq.values.errors import InvalidTask, UnknownParent

router = APIRouter(route_class=DirectRoute, tags=["Tasks"])

LOCATION = {"Location": {"description": "Where the task is.", "schema": {"type": "string"}}}


@router.post(
    "/v1/tasks",
    status_code=201,
    operation_id="submit_task",
    summary="Submit a task",
    response_description="It is stored, durably.",
    response_model=Submitted,
    responses={
        200: {"model": Submitted, "description": "The key was known; this is the first task that had it."},
        **responses("unknown_parent", "idempotency_conflict", "queue_full", "commit_unknown"),
    },
)
async def submit_task(
    body: SubmitTask,
    request: Request,
    caller: Annotated[Caller, needs("submit")],
    idempotency_key: Annotated[str | None, Header(description="The same as `idempotency_key` in the body.")] = None,
) -> Response:
    """Store one task; answered only after its commit.

    With an idempotency key the same request may be sent again: it answers with the first task. What is left out is
    filled in from the kind's handler, then its queue. A payload that does not fit the schema of its kind is refused.
    """
    here = services_of(request)
    key = body.idempotency_key if idempotency_key is None else merged_key(idempotency_key, body.idempotency_key)
    task = body.new_task(id := next(uuid7s()), key)
    kind = await here.part(Kinds).kind(task.kind)
    task = marked(task, caller, kind)
    await check_payload(kind, body.payload.value, task.payload)
    stored, created = await submitted(here, caller, id, task, body.payload.value)
    if not (created or may_read(caller, stored)):
        stored = replace(stored, headers={}, result=None, error=None)  # another one's task, by the key that both know
    answer = task_json(here, stored)
    answer["created"] = created
    return json_response(answer, 201 if created else 200, {"Location": f"/v1/tasks/{stored.id}"})


async def submitted(here: Services, caller: Caller, id: UUID, task: NewTask[Any], payload: dict[str, Any]) -> Accepted:
    """Store it. A parent that the caller may not see is as unknown as one that nobody has."""
    submitter = here.part(Submitter)
    if not task.parents or sees_everything(caller):
        return await submitter.submit(id, task, payload)
    unseen = await run_in_threadpool(unseen_parents, here.pools, caller, [task])
    try:
        return await submitter.submit(id, unseen.hidden(task), payload)
    except UnknownParent as error:
        raise unseen.named(error) from None


def merged_key(header: str, field: str | None) -> str:
    """The key of the header, which must not contradict the body's."""
    try:
        key = fields.name(header, "idempotency_key", KEY_LENGTH)
    except InvalidTask as error:
        raise Problem("invalid", str(error), errors=[FieldError("header/idempotency-key", error.reason)]) from None
    if field not in (None, key):
        reason = "differs from the idempotency_key in the body"
        raise Problem("invalid", f"Idempotency-Key {reason}", errors=[FieldError("header/idempotency-key", reason)])
    return key
