"""The numbers of a dashboard's first page."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from psycopg import Connection
from starlette.responses import Response

from pgq.api.access import Caller, needs
from pgq.api.bodies import StrictRoute
from pgq.api.models.stats import Stats
from pgq.api.rendering import json_response
from pgq.api.services import Here
from pgq.db import overview, statistics
from pgq.operate.bulk import server_time
from pgq.values.task import json_value

router = APIRouter(route_class=StrictRoute, tags=["System"])

COUNTED = ("pending", "ready", "scheduled", "retrying", "blocked", "waiting", "running")
MEASURED = ("wait", "run", "total")
NOTHING: Mapping[str, Any] = {}
NO_FAILURES: Mapping[str, Any] = {"failure_ratio": 0.0, "dead_per_hour": 0}


@router.get("/v1/stats", operation_id="get_stats", summary="Numbers for a dashboard", response_model=Stats)
def get_stats(
    here: Here,
    caller: Annotated[Caller, needs("read")],
    minutes: Annotated[int, Query(ge=1, le=1440, description="Throughput and latency of so many minutes.")] = 60,
) -> Response:
    """Tasks by state, throughput, latency, errors, workers: of all queues together, and of each."""
    with here.pools.connection() as connection:
        return json_response(stats(connection, caller, minutes))


def stats(connection: Connection[Any], caller: Caller, minutes: int) -> dict[str, Any]:
    """All of it as JSON values."""
    visible = caller.queue_likes
    depths = [one for one in overview.queue_depth(connection) if caller.may_see(one["queue"])]
    ended = statistics.totals(connection, visible)
    latency = {one["queue"]: one for one in statistics.latency(connection, visible, minutes)}
    failures = {one["queue"]: one for one in statistics.error_rate(connection)}
    workers = [one for one in overview.worker_utilization(connection) if any(map(caller.may_see, one["queues"]))]
    unknown = [one for one in overview.unknown_kinds(connection) if caller.may_see(one["queue"])]
    return {
        "at": json_value(server_time(connection)),
        "minutes": minutes,
        "totals": {
            **{name: sum(one[name] for one in depths) for name in COUNTED},
            "dead_letters": sum(one["dead"] for one in depths),
            **{name: ended[name] for name in ("succeeded", "failed", "dead", "cancelled", "expired")},
        },
        "throughput": [plain(one) for one in statistics.throughput(connection, visible, minutes)],
        "latency": latency_of(latency.get(None, NOTHING)),
        "averages": {name: ended[f"{name}_mean"] for name in MEASURED},
        "error_rate": statistics.failures(connection, visible),
        "workers": together(workers),
        "queues": [
            {
                **{name: one[name] for name in ("queue", *COUNTED, "oldest_ready_seconds", "paused")},
                "dead_letters": one["dead"],
                "latency": latency_of(latency.get(one["queue"], NOTHING)),
                "error_rate": {name: failures.get(one["queue"], NO_FAILURES)[name] for name in NO_FAILURES},
            }
            for one in depths
        ],
        "unknown_kinds": [plain(one) for one in unknown],
    }


def latency_of(row: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: {p: row.get(f"{name}_{p}") for p in ("p50", "p95", "p99")} for name in MEASURED}


def together(workers: list[statistics.Row]) -> dict[str, Any]:
    busy, capacity = (sum(one[name] for one in workers) for name in ("busy", "capacity"))
    utilization = busy / capacity if capacity else 0.0
    return {"count": len(workers), "busy": busy, "capacity": capacity, "utilization": utilization}


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: json_value(value) for name, value in row.items()}
