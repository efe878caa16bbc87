"""The verbs by filter: on tasks and on dead letters."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body
from psycopg import Connection
from starlette.responses import Response

from pgq.api.access import Caller, needs
from pgq.api.audit import record
from pgq.api.bodies import StrictRoute
from pgq.api.models.bulk import Bulk, BulkReport, SomeDeadLetters, SomeTasks
from pgq.api.problems import responses
from pgq.api.rendering import json_response
from pgq.api.services import Here
from pgq.db.audit import BY_FILTER, of_batch
from pgq.operate import bulk

router = APIRouter(prefix="/v1", route_class=StrictRoute)

Operator = Annotated[Caller, needs("operate")]

# Without a body nothing is asked for: that is told as such, not as a content type that is missing.
ByTasks = Annotated[SomeTasks, Body(default_factory=SomeTasks)]
ByDeadLetters = Annotated[SomeDeadLetters, Body(default_factory=SomeDeadLetters)]

WITHIN = 20.0
"""Seconds after which no further batch begins: an answer comes before proxies give up, and says that there are more."""


@router.post(
    "/tasks/cancel",
    operation_id="cancel_tasks",
    tags=["Tasks"],
    summary="Cancel tasks by a filter",
    response_model=BulkReport,
    responses=responses("filter_required"),
)
def cancel_tasks(here: Here, caller: Operator, body: ByTasks) -> Response:
    """Cancel the live tasks that fit; running handlers are told to stop."""
    which = body.filter(caller.queues)
    with here.pools.connection() as connection:
        report = bulk.cancel_matching(
            connection,
            which,
            limit=body.limit,
            dry_run=body.dry_run,
            within=WITHIN,
            note=Audit(caller, "task.cancel", body),
        )
    return json_response(report.to_json())


@router.post(
    "/tasks/retry",
    operation_id="retry_tasks",
    tags=["Tasks"],
    summary="Run tasks again by a filter",
    response_model=BulkReport,
    responses=responses("filter_required"),
)
def retry_tasks(here: Here, caller: Operator, body: ByTasks) -> Response:
    """Run the tasks that fit again: dead ones are redriven, waiting ones run now, ended ones give new tasks."""
    which = body.filter(caller.queues)
    with here.pools.connection() as connection:
        report = bulk.retry_matching(
            connection,
            which,
            limit=body.limit,
            dry_run=body.dry_run,
            within=WITHIN,
            note=Audit(caller, "task.retry", body),
        )
    return json_response(report.to_json())


@router.post(
    "/dlq/redrive",
    operation_id="redrive_dead_letters",
    tags=["Dead letters"],
    summary="Redrive dead letters by a filter",
    response_model=BulkReport,
    responses=responses("filter_required"),
)
def redrive_dead_letters(here: Here, caller: Operator, body: ByDeadLetters) -> Response:
    """Bring the dead letters that fit back: due now, with all their attempts again."""
    which = body.filter(caller.queues)
    with here.pools.connection() as connection:
        report = bulk.redrive_matching(
            connection,
            which,
            limit=body.limit,
            dry_run=body.dry_run,
            within=WITHIN,
            note=Audit(caller, "dlq.redrive", body),
        )
    return json_response(report.to_json())


@router.post(
    "/dlq/purge",
    operation_id="purge_dead_letters",
    tags=["Dead letters"],
    summary="Purge dead letters by a filter",
    response_model=BulkReport,
    responses=responses("filter_required"),
)
def purge_dead_letters(here: Here, caller: Operator, body: ByDeadLetters) -> Response:
    """Forget the dead letters that fit for good."""
    which = body.filter(caller.queues)
    with here.pools.connection() as connection:
        report = bulk.purge_matching(
            connection,
            which,
            limit=body.limit,
            dry_run=body.dry_run,
            within=WITHIN,
            note=Audit(caller, "dlq.purge", body),
        )
    return json_response(report.to_json())


class Audit:
    """Writes a line for each batch, inside its transaction: what was asked for, and the ids that were changed."""

    def __init__(self, caller: Caller, action: str, body: Bulk) -> None:
        self.caller = caller
        self.action = action
        self.asked = body.asked()

    def __call__(self, connection: Connection[Any], ids: Sequence[UUID]) -> None:
        record(connection, self.caller, self.action, BY_FILTER, of_batch(self.asked, ids))
