"""Follow one task: as it is, until it has ended, and change by change."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from pgq.api.access import Caller, needs
from pgq.api.bodies import StrictRoute
from pgq.api.credentials import still_known
from pgq.api.follower import Follower
from pgq.api.models.task import Task
from pgq.api.presence import EventStream, while_there
from pgq.api.problems import Problem, responses
from pgq.api.rendering import json_bytes, json_response, task_json
from pgq.api.services import Here, Services
from pgq.api.visible import readable
from pgq.values.task import TaskStatus

router = APIRouter(route_class=StrictRoute, tags=["Tasks"])

Id = Annotated[UUID, Path(description="The task's id.")]

LONGEST_WAIT = 60.0
HEARTBEAT = 15.0
"""Seconds without news after which a stream says that it lives, and asks whether its token still does."""


@router.get(
    "/v1/tasks/{id}",
    operation_id="get_task",
    summary="One task",
    response_model=Task,
    responses=responses("not_found"),
)
async def get_task(
    id: Id,
    here: Here,
    request: Request,
    caller: Annotated[Caller, needs("read", "submit")],
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT, description="Answer once it has ended, or after so long.")] = 0,
) -> Response:
    """The task as it is now. With `wait` the answer comes when the task has ended or so many seconds have passed.

    A token with the scope `submit` alone reads the tasks that it submitted.
    """
    follower = here.part(Follower)
    task = readable(caller, await follower.look(id))
    if wait > 0 and not task.ended:
        awaited = await while_there(request, follower.wait(task, wait))
        if not await still_known(here, request):
            raise Problem("unauthenticated", "the token was revoked, or has expired")
        task = readable(caller, awaited)
    return json_response(task_json(here, task))


@router.get(
    "/v1/tasks/{id}/events",
    operation_id="follow_task",
    summary="The changes of a task, as they happen",
    response_class=Response,
    responses={
        200: {
            "content": {"text/event-stream": {"example": "id: pending-0-0\nevent: task\ndata: {...}\n\n"}},
            "description": "Server-sent events, until the task has ended.",
        },
        204: {"description": "The task has ended, and `Last-Event-ID` says that this is known."},
        **responses("not_found"),
    },
)
async def follow_task(
    id: Id,
    here: Here,
    request: Request,
    caller: Annotated[Caller, needs("read")],
    last_event_id: Annotated[str | None, Header(description="The id of the last event that was received.")] = None,
) -> Response:
    """Server-sent events called `task` with the task's state, attempt and progress; the first one at once.

    With `Last-Event-ID` (as browsers send it) what is known already is not told again. Of changes that follow one
    another closely only the last is told.
    """
    follower = here.part(Follower)
    task = readable(caller, await follower.look(id))
    if task.ended and last_event_id == event_id(task):
        return Response(status_code=204)
    return EventStream(events(follower, request, caller, task, last_event_id))


async def events(
    follower: Follower, request: Request, caller: Caller, task: TaskStatus, told: str | None
) -> AsyncGenerator[bytes]:
    """An event for each change, a comment now and then; ends with the task, the token, or the process."""
    with follower.waiting(task, progress=True) as waiter:
        while waiter.task is not None and caller.may_see(waiter.task.queue):
            if event_id(waiter.task) != told:
                told = event_id(waiter.task)
                yield event(follower.services, waiter.task)
            if waiter.task.ended or follower.services.stopping.is_set():
                return
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await waiter.news.wait()
                waiter.news.clear()
            except TimeoutError:
                if not await still_known(follower.services, request):
                    return
                yield b": nothing new\n\n"


def event_id(task: TaskStatus) -> str:
    """The same as long as the task is the same to those who follow it."""
    said = "" if task.progress is None or task.progress.at is None else f"-{task.progress.at.timestamp():.6f}"
    return f"{task.state}-{task.attempt}-{task.lease_epoch}{said}"


def event(here: Services, task: TaskStatus) -> bytes:
    """One server-sent event."""
    shown = task_json(here, task)
    data = {name: shown[name] for name in ("id", "kind", "queue", "state", "attempt", "max_attempts", "progress")}
    return b"id: %b\nevent: task\ndata: %b\n\n" % (event_id(task).encode(), json_bytes(data))
