"""Schedules: made, changed, paused, run at once."""

import contextlib
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path
from psycopg import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from pgq.api import paging
from pgq.api.access import Caller, hide, needs
from pgq.api.audit import record
from pgq.api.bodies import StrictRoute
from pgq.api.kinds import Kinds, check_payload
from pgq.api.models.lists import Cursor, Limit
from pgq.api.models.schedules import CreateSchedule, PutSchedule, Schedule, ScheduleName, Schedules
from pgq.api.models.task import Task
from pgq.api.problems import responses
from pgq.api.rendering import json_response, redaction_of, task_json
from pgq.api.services import Here, Services
from pgq.api.visible import seen as task_seen
from pgq.db import schedules as reads
from pgq.operate import schedules
from pgq.values import schedule as values
from pgq.values.errors import ScheduleExists

router = APIRouter(prefix="/v1/schedules", tags=["Schedules"], route_class=StrictRoute)

# A path, because a schedule's name may hold slashes.
Name = Annotated[ScheduleName, Path(description="The schedule's name.")]
Reader = Annotated[Caller, needs("read")]
Operator = Annotated[Caller, needs("operate")]
# Whoever has tasks submitted could submit them.
Submitter = Annotated[Caller, needs("operate", also=("submit",))]

LOCATION = {"Location": {"description": "Where it is.", "schema": {"type": "string"}}}


@router.get("", operation_id="list_schedules", summary="List schedules", response_model=Schedules)
def list_schedules(here: Here, caller: Reader, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """The schedules of users and of code, newest first, each with its next ten ticks."""
    before = None if cursor is None else tuple(paging.place("schedules", cursor, datetime.fromisoformat, str))
    with here.pools.connection() as connection:
        found = reads.list_schedules(connection, before=before, limit=limit + 1, likes=caller.queue_likes)
    items, more = found[:limit], found[limit:]
    return json_response(
        {
            "items": [schedule_json(here, one) for one in items],
            "next_cursor": cursor_behind(items[-1]) if more else None,
        }
    )


@router.post(
    "",
    operation_id="create_schedule",
    summary="Create a schedule",
    status_code=201,
    response_model=Schedule,
    responses={201: {"headers": LOCATION}, **responses("duplicate")},
)
async def create_schedule(here: Here, caller: Submitter, body: CreateSchedule) -> Response:
    """It fires first at the first tick after now. A token with queue patterns binds it to the queue it has now."""
    given = await checked(here, caller, body)
    return await run_in_threadpool(created, here, caller, body.name, given)


@router.get(
    "/{name:path}",
    operation_id="get_schedule",
    summary="Show a schedule",
    response_model=Schedule,
    responses=responses("not_found"),
)
def get_schedule(here: Here, caller: Reader, name: Name) -> Response:
    """What it runs, when it fires next, and why it does not fire if it does not."""
    with here.pools.connection() as connection:
        return shown(here, connection, caller, name)


@router.put(
    "/{name:path}",
    operation_id="put_schedule",
    summary="Create or replace a schedule",
    response_model=Schedule,
    responses={
        201: {"model": Schedule, "description": "There was none of this name.", "headers": LOCATION},
        **responses("not_found", "wrong_state"),
    },
)
async def put_schedule(here: Here, caller: Submitter, name: Name, body: PutSchedule) -> Response:
    """The whole of it: what is left out is the default again. A paused one stays paused.

    Another cron or time zone counts from now on. A schedule that an app's code declares is changed there: 409.
    """
    given = await checked(here, caller, body)
    return await run_in_threadpool(replaced, here, caller, name, given)


@router.delete(
    "/{name:path}",
    operation_id="delete_schedule",
    summary="Delete a schedule",
    status_code=204,
    responses=responses("not_found", "wrong_state"),
)
def delete_schedule(here: Here, caller: Operator, name: Name) -> None:
    """It fires no more; its tasks stay. A schedule that an app's code declares is taken away there: 409."""
    with here.pools.connection() as connection, connection.transaction():
        hold(connection, caller, name)
        schedules.delete_schedule(connection, name)
        record(connection, caller, "schedule.delete", name)


@router.post(
    "/{name:path}/pause",
    operation_id="pause_schedule",
    summary="Pause a schedule",
    response_model=Schedule,
    responses=responses("not_found"),
)
def pause_schedule(here: Here, caller: Operator, name: Name) -> Response:
    """It does not fire until it is resumed, whoever declares it; the ticks meanwhile are gone, not missed."""
    with here.pools.connection() as connection, connection.transaction():
        hold(connection, caller, name)
        schedules.pause_schedule(connection, name)
        record(connection, caller, "schedule.pause", name)
        return shown(here, connection, caller, name)


@router.post(
    "/{name:path}/resume",
    operation_id="resume_schedule",
    summary="Resume a schedule",
    response_model=Schedule,
    responses=responses("not_found"),
)
def resume_schedule(here: Here, caller: Operator, name: Name) -> Response:
    """It fires again from its next tick on. One that was not paused stays as it is."""
    with here.pools.connection() as connection, connection.transaction():
        hold(connection, caller, name)
        schedules.resume_schedule(connection, name)
        record(connection, caller, "schedule.resume", name)
        return shown(here, connection, caller, name)


@router.post(
    "/{name:path}/run",
    operation_id="run_schedule",
    summary="Run a schedule's task now",
    status_code=201,
    response_model=Task,
    responses={201: {"headers": LOCATION}, **responses("not_found", "queue_full")},
)
def run_schedule(here: Here, caller: Submitter, name: Name) -> Response:
    """Submit its task now, beside its ticks: paused or not, whatever runs. Answers the task."""
    with here.pools.connection() as connection, connection.transaction():
        hold(connection, caller, name)
        id = schedules.run_schedule(connection, name)
        record(connection, caller, "schedule.run", name, {"task": str(id)})
        task = task_json(here, task_seen(connection, id))
    return json_response(task, 201, {"Location": f"/v1/tasks/{id}"})


async def checked(here: Services, caller: Caller, body: PutSchedule) -> dict[str, Any]:
    """What the body asks for. Raises the problems `forbidden`, for another's queue, and `invalid`, for its payload.

    The queue is stated where the caller is bound to some: what was checked is what is stored.
    """
    given = body.given()
    kind = await here.part(Kinds).kind(body.kind)
    if caller.queues:
        given["queue"] = body.queue or kind.queue or "default"
        caller.require_queue(given["queue"])
    await check_payload(kind, body.payload.value, body.payload.text)
    return {"cron": body.cron, "kind": body.kind, "payload": body.payload.value, **given}


def created(here: Services, caller: Caller, name: str, given: dict[str, Any]) -> Response:
    with here.pools.connection() as connection, connection.transaction():
        schedules.create_schedule(connection, name, **given)
        record(connection, caller, "schedule.create", name, told(given))
        return shown(here, connection, caller, name, 201)


def replaced(here: Services, caller: Caller, name: str, given: dict[str, Any]) -> Response:
    with here.pools.connection() as connection, connection.transaction():
        new = put(connection, caller, name, given)
        record(connection, caller, "schedule.create" if new else "schedule.replace", name, told(given))
        return shown(here, connection, caller, name, 201 if new else 200)


def put(connection: Connection[Any], caller: Caller, name: str, given: dict[str, Any]) -> bool:
    """Whether it is new. Raises the problem 404 for one of another queue."""
    while (queue := reads.lock_schedule(connection, name)) is None:
        with contextlib.suppress(ScheduleExists):  # somebody makes it now: it is looked at whose it is
            schedules.create_schedule(connection, name, **given)
            return True
    caller.hide_unless_seen(queue, "schedule")
    return schedules.put_schedule(connection, name, **given)


def told(given: dict[str, Any]) -> dict[str, Any]:
    """What the audit log keeps of a schedule: all but the payload, which may be long and secret."""
    return {name: value for name, value in given.items() if name != "payload"}


def hold(connection: Connection[Any], caller: Caller, name: str) -> None:
    """Keep a schedule as it is until the transaction ends. Raises the problem 404, also for one of another queue."""
    queue = reads.lock_schedule(connection, name)
    if queue is None:
        hide("schedule")
    caller.hide_unless_seen(queue, "schedule")


def shown(here: Services, connection: Connection[Any], caller: Caller, name: str, status: int = 200) -> Response:
    found = reads.find_schedule(connection, name)
    if found is None:
        hide("schedule")
    caller.hide_unless_seen(found.task_queue, "schedule")
    headers = {"Location": f"/v1/schedules/{quote(name, safe='')}"} if status == 201 else None
    return json_response(schedule_json(here, found), status, headers)


def schedule_json(here: Services, found: values.Schedule) -> dict[str, Any]:
    """A schedule as this service shows it."""
    return found.to_json(redaction_of(here.settings.redact))


def cursor_behind(found: values.Schedule) -> str:
    return paging.cursor("schedules", found.created_at.isoformat(), found.name)
