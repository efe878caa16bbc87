"""Remote workers claim tasks, keep them, and report what became of them."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pgq.api.access import Caller, needs
from pgq.api.claims import Claims
from pgq.api.credentials import still_known
from pgq.api.direct import DirectRoute
from pgq.api.heartbeats import renew
from pgq.api.models.worker_protocol import (
    Claim,
    Claimed,
    CompleteTask,
    FailTask,
    Heard,
    Heartbeat,
    Recorded,
    SnoozeTask,
)
from pgq.api.outcomes import Failed, Outcomes
from pgq.api.parents import results_of_parents
from pgq.api.presence import ClientGone, while_there
from pgq.api.problems import FieldError, Problem, pointer, responses
from pgq.api.reader import Lot
from pgq.api.remote import RemoteWorkers, lease_seconds
from pgq.api.rendering import json_response, json_text
from pgq.api.services import services_of
from pgq.db.remote import RemoteWorker
from pgq.values.outcome import Complete, SnoozeFor
from pgq.values.task import Claimed as ClaimedRow
from pgq.values.task import Lease, json_value

router = APIRouter(prefix="/v1/workers/{worker_id}", tags=["Workers"], route_class=DirectRoute)

Worker = Annotated[Caller, needs("work")]


@router.post(
    "/tasks/{task_id}/complete",
    operation_id="complete_task",
    summary="A task succeeded",
    response_model=Recorded,
    responses=responses("not_found", "lease_lost"),
)
async def complete_task(
    worker_id: UUID, task_id: UUID, request: Request, caller: Worker, body: CompleteTask
) -> Response:
    """The task ends as succeeded; answered after the commit. The same again is answered the same."""
    return await tell(request, caller, worker_id, Lease(task_id, body.lease_epoch), Complete(body.result))


@router.post(
    "/claim",
    operation_id="claim_tasks",
    summary="Claim tasks",
    response_model=Claimed,
    responses=responses("not_found"),
)
async def claim_tasks(worker_id: UUID, request: Request, caller: Worker, body: Claim) -> Response:
    """Ready tasks, most urgent first; each is the worker's until its lease ends. A claim is a sign of life.

    With `wait_seconds` the answer comes as soon as there is a task, or empty when the time is over. An answer that got
    lost is not repeated: its tasks run again when their leases end, unless a heartbeat lists them.
    """
    here = services_of(request)
    remote = here.part(RemoteWorkers)
    worker = await remote.alive(caller, worker_id, body.limit)
    queues, kinds = wanted(worker, body)
    if worker.draining or here.stopping.is_set():
        return json_response({"tasks": [], "draining": worker.draining})
    claim = here.part(Claims).claim(worker_id, queues, kinds, body.limit, body.wait_seconds)
    if body.wait_seconds == 0:
        lot = await claim
        return claimed(lot, await results_of_parents(here, caller, lot), draining=False)
    lot = await while_there(request, claim)
    try:
        if not await still_known(here, request):
            raise Problem("unauthenticated", "the token was revoked, or has expired")
        parents = await results_of_parents(here, caller, lot)
        if await request.is_disconnected():
            raise ClientGone
    except BaseException:  # also when the database, or the process, ends just now: nobody gets these tasks
        here.part(Claims).hand_back(worker_id, lot)
        raise
    if lot.tasks or here.stopping.is_set():
        return claimed(lot, parents, draining=False)
    return claimed(lot, {}, draining=(await remote.alive(caller, worker_id)).draining)


def wanted(worker: RemoteWorker, body: Claim) -> tuple[list[str], list[str] | None]:
    """The queues and kinds of a claim; None: every kind. Raises the problem 422 for one that is not the worker's."""
    queues = worker.queues if body.queues is None else list(dict.fromkeys(body.queues))
    kinds = worker.kinds or None
    if body.kinds is not None:
        kinds = list(dict.fromkeys(body.kinds))
    if not set(queues) <= set(worker.queues):
        raise not_registered("queues")
    if kinds is not None and worker.kinds and not set(kinds) <= set(worker.kinds):
        raise not_registered("kinds")
    return queues, kinds


def not_registered(field: str) -> Problem:
    """No 404: by that a worker hears that it is not known itself."""
    reason = "holds one that the worker did not register with"
    return Problem("invalid", f"{field}: {reason}", errors=[FieldError(pointer([field]), reason)])


def claimed(lot: Lot, parents: Mapping[UUID, str], *, draining: bool) -> Response:
    """Payloads, headers and results go out as the database gave them: nothing is lost on the way, or hidden."""
    until = {expires: json_value(expires) for expires in {expires for _, expires in lot.tasks}}
    tasks = ",".join(
        claimed_json(task, until[expires], parents.get(task.id, "null") if task.has_parents else "{}")
        for task, expires in lot.tasks
    )
    known = "true" if draining else "false"
    return Response(f'{{"tasks":[{tasks}],"draining":{known}}}', media_type="application/json")


def claimed_json(task: ClaimedRow, expires: str, parents: str) -> str:
    """One of them; put together by hand, as there are many."""
    return (
        f'{{"id":"{task.id}","attempt":{task.attempt},"max_attempts":{task.max_attempts},'
        f'"lease_epoch":{task.lease_epoch},"lease_expires_at":"{expires}",'
        f'"timeout_seconds":{task.timeout_seconds},{words(task.kind, task.queue, tuple(task.tags))},'
        f'"payload":{task.payload},"headers":{task.headers},"parents":{parents}}}'
    )


@lru_cache(1_000)
def words(kind: str, queue: str, tags: tuple[str, ...]) -> str:
    """What many tasks have in common, as members of an object."""
    return json_text({"kind": kind, "queue": queue, "tags": tags})[1:-1]


@router.post(
    "/heartbeat",
    operation_id="heartbeat",
    summary="Keep tasks",
    response_model=Heard,
    responses=responses("not_found"),
)
async def heartbeat(worker_id: UUID, request: Request, caller: Worker, body: Heartbeat) -> Response:
    """Renew the leases of the listed tasks, and no others; say how far they are, and what goes to their logs."""
    here = services_of(request)
    worker = await here.part(RemoteWorkers).alive(caller, worker_id)
    renewed = await renew(here, worker_id, body.tasks, lease_seconds(here.settings))
    return json_response(
        {
            "lease_expires_at": json_value(renewed.expires_at),
            "lost": [str(one) for one in renewed.lost],
            "not_renewed": [str(one) for one in renewed.not_renewed],
            "cancel": [str(one) for one in renewed.cancel],
            "draining": worker.draining,
        }
    )


@router.post(
    "/tasks/{task_id}/fail",
    operation_id="fail_task",
    summary="An attempt failed",
    response_model=Recorded,
    responses=responses("not_found", "lease_lost"),
)
async def fail_task(worker_id: UUID, task_id: UUID, request: Request, caller: Worker, body: FailTask) -> Response:
    """Another attempt follows, or after the last one the dead letters. A task that is to be cancelled is, by this."""
    failed = Failed(body.error.info(), body.retry, body.delay_seconds)
    return await tell(request, caller, worker_id, Lease(task_id, body.lease_epoch), failed)


@router.post(
    "/tasks/{task_id}/snooze",
    operation_id="snooze_task",
    summary="Not now",
    response_model=Recorded,
    responses=responses("not_found", "lease_lost"),
)
async def snooze_task(worker_id: UUID, task_id: UUID, request: Request, caller: Worker, body: SnoozeTask) -> Response:
    """The task runs again after the delay; the attempt does not count."""
    return await tell(request, caller, worker_id, Lease(task_id, body.lease_epoch), SnoozeFor(body.delay_seconds))


async def tell(
    request: Request, caller: Caller, worker_id: UUID, lease: Lease, said: Complete | SnoozeFor | Failed
) -> Response:
    """Write an outcome of the caller's worker down."""
    here = services_of(request)
    await here.part(RemoteWorkers).speaks_for(caller, worker_id)
    await here.part(Outcomes).tell(worker_id, lease, said)
    answer = f'{{"id":"{lease.id}","lease_epoch":{lease.lease_epoch}}}'
    return Response(answer, media_type="application/json")
