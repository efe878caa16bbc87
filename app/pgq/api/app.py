"""The FastAPI application: routers, handlers of errors, guards."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pgq.api.bodies import field_errors
from pgq.api.guards.request_id import RequestId
from pgq.api.problems import Code, Problem, problem_of
from pgq.api.routes import routers
from pgq.api.services import Services
from pgq.db.errors import translated
from pgq.values.errors import PgqError
from pgq.values.settings import Settings

log = logging.getLogger("pgq.api")

HTTP_CODES: dict[int, Code] = {404: "not_found", 405: "method_not_allowed"}


def create_app(settings: Settings, *, conninfo: str) -> FastAPI:
    """The application on a database that need not answer yet."""
    services = Services.of(settings, conninfo)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await services.close()

    app = FastAPI(title="pgq", lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.services = services
    for router in routers:
        app.include_router(router)
    app.add_exception_handler(Problem, answer)
    app.add_exception_handler(RequestValidationError, answer)
    app.add_exception_handler(HTTPException, answer)
    app.add_exception_handler(PgqError, answer)
    app.add_exception_handler(Exception, answer)
    app.add_middleware(RequestId)
    return app


async def answer(request: Request, error: Exception) -> Response:
    """Every error as a problem document; one that pgq has no word for is logged."""
    return problem_for(request, error).response(request.scope)


def problem_for(request: Request, error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case RequestValidationError():
            errors = field_errors(error)
            return Problem("invalid", "; ".join(f"{one.pointer}: {one.detail}" for one in errors[:3]), errors=errors)
        case HTTPException(status_code=status) if status in HTTP_CODES:
            return Problem(HTTP_CODES[status], f"{request.method} {request.url.path}", headers=error.headers)
    known = translated(error)
    found = problem_of(known) if isinstance(known, PgqError) else Problem("internal", "an error of the service")
    if found.code == "internal":
        log.error("request %s failed", request.state.request_id, exc_info=error)
    return found
