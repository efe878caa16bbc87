"""The metrics for Prometheus."""

from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.concurrency import run_in_threadpool
from prometheus_client.exposition import choose_encoder
from starlette.responses import Response

from pgq.api.access import Caller, needs
from pgq.api.bodies import StrictRoute
from pgq.api.metrics import Metrics
from pgq.api.services import Here

router = APIRouter(route_class=StrictRoute, tags=["System"])

FORMATS = ("text/plain", "application/openmetrics-text")


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {one: {"schema": {"type": "string"}} for one in FORMATS}, "description": "Metrics."}},
)
async def metrics(
    here: Here, caller: Annotated[Caller, needs("read")], accept: Annotated[str, Header(include_in_schema=False)] = ""
) -> Response:
    """How full the queues are, what ended and how long it took, workers, and this process."""
    encode, content_type = choose_encoder(accept)
    registry = await run_in_threadpool(here.part(Metrics).registry, caller)
    return Response(encode(registry), headers={"content-type": content_type})
