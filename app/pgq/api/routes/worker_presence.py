"""Remote workers come and go."""

from importlib.metadata import version
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from psycopg import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from pgq.api.access import Caller, hide, needs
from pgq.api.audit import record
from pgq.api.bodies import StrictRoute
from pgq.api.models.worker_protocol import Draining, Registered, RegisterWorker
from pgq.api.outcomes import Outcomes
from pgq.api.problems import responses
from pgq.api.remote import RemoteWorkers, heartbeat_seconds, lease_seconds, own
from pgq.api.rendering import json_response
from pgq.api.services import Here, Services
from pgq.api.waiting import Waiting
from pgq.client.ids import uuid7s
from pgq.db import remote as db
from pgq.db import workers
from pgq.db.errors import our_errors
from pgq.db.leases import running_here

router = APIRouter(prefix="/v1/workers", tags=["Workers"], route_class=StrictRoute)

Worker = Annotated[Caller, needs("work")]


@router.post(
    "",
    status_code=201,
    operation_id="register_worker",
    summary="Register a worker",
    response_description="It may claim now.",
    response_model=Registered,
)
def register_worker(here: Here, caller: Worker, body: RegisterWorker) -> Response:
    """Make a worker that works over HTTP known. Only the token that registers it may speak for it.

    Registered again, it is another worker. One that is silent is not shown after 15 s, and forgotten after an hour.
    """
    for queue in body.queues:
        caller.require_queue(queue)
    kinds = list(dict.fromkeys(body.kinds or ()))
    queues = list(dict.fromkeys(body.queues))
    worker = db.RemoteWorker(next(uuid7s()), body.name, caller.token_id, queues, kinds, False)
    with here.pools.connection() as connection, connection.transaction():
        db.register(connection, worker, hostname=caller.address or "unknown", version=version("pgq-tasks"))
        details = {"name": worker.name, "queues": worker.queues, "kinds": worker.kinds}
        record(connection, caller, "worker.register", str(worker.id), details)
    lease, heartbeat = lease_seconds(here.settings), heartbeat_seconds(here.settings)
    answer = {"id": str(worker.id), "lease_seconds": lease, "heartbeat_seconds": heartbeat}
    return json_response(answer, 201)


@router.post(
    "/{worker_id}/drain",
    operation_id="drain_worker",
    summary="Have a worker finish",
    response_model=Draining,
    responses=responses("not_found"),
)
async def drain_worker(worker_id: UUID, here: Here, caller: Annotated[Caller, needs("work", "operate")]) -> Response:
    """The worker gets no more tasks, and is told so: it finishes what it holds, and leaves.

    An operator may say so of every remote worker that serves its queues only, a worker of itself.
    """
    await run_in_threadpool(drain, here, caller, worker_id)
    here.part(Waiting).end_waits_of(worker_id)
    return json_response({"id": str(worker_id), "draining": True})


def drain(here: Services, caller: Caller, worker_id: UUID) -> None:
    with our_errors(), here.pools.connection() as connection, connection.transaction():
        worker = db.find(connection, worker_id)
        if worker is None or not (caller.may("operate") and all(map(caller.may_see, worker.queues))):
            worker = own(caller, worker)
        db.drain(connection, worker_id)
        if not worker.draining:
            record(connection, caller, "worker.drain", str(worker_id), {"name": worker.name})


@router.delete(
    "/{worker_id}",
    status_code=204,
    operation_id="delete_worker",
    summary="Leave",
    response_description="It is forgotten.",
    responses=responses("not_found"),
)
async def delete_worker(worker_id: UUID, here: Here, caller: Worker) -> Response:
    """The worker is gone. What it still holds runs again at once, and loses no attempt by it."""
    await here.part(RemoteWorkers).speaks_for(caller, worker_id)
    with our_errors():
        async with here.pools.connection_async() as connection:
            held = await running_here(connection, worker_id)
    if held:
        await here.part(Outcomes).hand_back(worker_id, held)
    await run_in_threadpool(leave, here, caller, worker_id)
    here.part(RemoteWorkers).known.pop(worker_id, None)
    here.part(Waiting).end_waits_of(worker_id)
    return Response(status_code=204)


def leave(here: Services, caller: Caller, worker_id: UUID) -> None:
    with our_errors(), here.pools.connection() as connection, connection.transaction():
        left(connection, caller, worker_id)


def left(connection: Connection[object], caller: Caller, worker_id: UUID) -> None:
    if (worker := db.find(connection, worker_id)) is None:
        hide("worker")
    workers.leave(connection, worker_id)
    record(connection, caller, "worker.leave", str(worker_id), {"name": worker.name})
