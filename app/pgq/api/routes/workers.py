"""The live workers."""

from typing import Annotated, Any

from fastapi import APIRouter
from starlette.responses import Response

from pgq.api.access import Caller, needs
from pgq.api.bodies import StrictRoute
from pgq.api.models.workers import Workers
from pgq.api.rendering import json_response
from pgq.api.services import Here
from pgq.db import overview
from pgq.values.task import json_value

router = APIRouter(prefix="/v1/workers", tags=["Workers"], route_class=StrictRoute)


@router.get("", operation_id="list_workers", summary="List workers", response_model=Workers)
def list_workers(here: Here, caller: Annotated[Caller, needs("read")]) -> Response:
    """The workers that were heard of in the last 15 seconds, and how busy they are."""
    with here.pools.connection() as connection:
        found = overview.worker_utilization(connection)
    items = [worker_json(one, caller) for one in found if any(map(caller.may_see, one["queues"]))]
    return json_response({"items": items, "next_cursor": None})


def worker_json(row: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """A worker with those of its queues that the caller may see."""
    queues = [queue for queue in row["queues"] if caller.may_see(queue)]
    shown = {**row, "queues": queues, "id": row["worker_id"]}
    return {name: json_value(value) for name, value in shown.items() if name != "worker_id"}
