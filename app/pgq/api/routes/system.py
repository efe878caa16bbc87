"""Health and version."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from pgq.api.access import Caller, needs
from pgq.api.bodies import StrictRoute
from pgq.api.health import Health
from pgq.api.problems import Problem, responses
from pgq.api.services import Here
from pgq.values.errors import SchemaError
from pgq.values.version import pgq_version

router = APIRouter(route_class=StrictRoute, tags=["System"])


class HealthDocument(BaseModel):
    """How the whole is doing. Without a database the figures are null."""

    status: Literal["healthy", "degraded", "unhealthy"]
    reasons: list[str]
    workers: int | None
    instance: str
    pending_tasks: int | None
    running_tasks: int | None
    completed_tasks: int | None
    dead_tasks: int | None
    timestamp: datetime


class Live(BaseModel):
    """This process answers."""

    status: Literal["live"] = "live"


class Ready(BaseModel):
    """This process can serve requests."""

    status: Literal["ready"] = "ready"


class Version(BaseModel):
    """Which pgq this is."""

    version: str


@router.get(
    "/health",
    operation_id="health",
    summary="How the whole is doing",
    responses={503: {"model": HealthDocument, "description": "`unhealthy`: the database does not answer"}},
)
async def health(here: Here, response: Response) -> HealthDocument:
    """`healthy`; `degraded` when something needs a look (`reasons`); `unhealthy` (503) without a database.

    The figures are counted at most once a second.
    """
    desk = here.part(Health)
    looked = await desk.look()
    if looked.figures is None:
        response.status_code = 503
        schema = isinstance(looked.trouble, SchemaError)
        return HealthDocument(
            status="unhealthy",
            reasons=[str(looked.trouble) if schema else "the database does not answer"],
            workers=None,
            instance=desk.instance,
            pending_tasks=None,
            running_tasks=None,
            completed_tasks=None,
            dead_tasks=None,
            timestamp=datetime.now(UTC),
        )
    found = looked.figures
    reasons = found.reasons()
    return HealthDocument(
        status="degraded" if reasons else "healthy",
        reasons=reasons,
        workers=found.workers,
        instance=desk.instance,
        pending_tasks=found.pending_tasks,
        running_tasks=found.running_tasks,
        completed_tasks=found.completed_tasks,
        dead_tasks=found.dead_tasks,
        timestamp=found.timestamp.astimezone(UTC),
    )


@router.get("/health/live", operation_id="live", summary="Whether this process answers")
async def live() -> Live:
    """Answers as long as the process does, whatever the database does."""
    return Live()


@router.get(
    "/health/ready",
    operation_id="ready",
    summary="Whether requests can be served",
    responses=responses("database_unavailable"),
)
async def ready(here: Here) -> Ready:
    """503 while the database does not answer or is not migrated, and once the process is stopping."""
    if here.stopping.is_set():
        raise Problem("overloaded", "this process is stopping")
    await here.part(Health).check()
    return Ready()


@router.get("/v1/version", operation_id="version", summary="Which pgq this is")
async def version(_caller: Annotated[Caller, needs("read")]) -> Version:
    """The version of the installed package."""
    return Version(version=pgq_version())
