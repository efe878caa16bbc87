"""The FastAPI application: routers, handlers of errors, guards."""

import logging
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from pgq.api.bodies import field_errors
from pgq.api.direct import Shortcut
from pgq.api.docs import add_docs
from pgq.api.guards.answer_head import AnswerHead
from pgq.api.guards.hosts import Hosts
from pgq.api.guards.in_flight import InFlight
from pgq.api.guards.last_resort import LastResort
from pgq.api.guards.measured import Measured
from pgq.api.guards.request_id import RequestId
from pgq.api.guards.root_path import RootPath
from pgq.api.guards.slow_bodies import SlowBodies
from pgq.api.openapi import document
from pgq.api.problems import Code, Problem, problem_of
from pgq.api.routes import routers
from pgq.api.services import SERVICES, Services
from pgq.db.errors import translated
from pgq.values.errors import PgqError
from pgq.values.settings import Settings, listed

log = logging.getLogger("pgq.api")

HTTP_CODES: dict[int, Code] = {404: "not_found", 405: "method_not_allowed"}


class Service(FastAPI):
    """FastAPI with our guards in place of its own layers: ours bound every body and answer every error."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[SERVICES] = self.state.services
        if scope["type"] == "http" and self.middleware_stack is not None:  # past the look for FastAPI's telemetry
            scope["app"] = self
            await self.middleware_stack(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """What a request passes on its way to the routes."""
        handlers: dict[Any, Any] = dict(self.exception_handlers)
        app: ASGIApp = ExceptionMiddleware(AsyncExitStackMiddleware(self.router), handlers)
        for guard in reversed(self.user_middleware):
            app = guard.cls(app, *guard.args, **guard.kwargs)
        return app


def create_app(settings: Settings, *, conninfo: str) -> FastAPI:
    """The application on a database that need not answer yet."""
    services = Services.of(settings, conninfo)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await services.close()

    app = Service(
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=guards(settings),
    )
    app.state.services = services
    for router in routers:
        app.router.routes += router.routes  # include_router() would put a router of its own around each
    add_docs(app)
    # FastAPI's own, documented way to another document is to replace the method.
    app.openapi = lambda: document(app, settings.root_path)  # type: ignore[method-assign]
    for error in (Problem, RequestValidationError, HTTPException, PgqError, psycopg.Error):
        app.add_exception_handler(error, answer)
    return app


def guards(settings: Settings) -> list[Middleware]:
    """What a request passes on its way in, the first one first."""
    proxies = listed(settings.trusted_proxies)
    return [
        Middleware(RequestId),
        Middleware(Measured),
        Middleware(AnswerHead),
        Middleware(Hosts, settings),
        *([Middleware(ProxyHeadersMiddleware, trusted_hosts=proxies)] if proxies else []),
        Middleware(InFlight, settings.max_requests),
        Middleware(SlowBodies, settings.header_seconds),
        Middleware(LastResort),
        *([Middleware(RootPath, settings.root_path)] if settings.root_path else []),
        Middleware(Shortcut, routers, answer),
    ]


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
        tell(request.scope["state"]["request_id"], error)
    return found


def tell(request_id: str, error: Exception) -> None:
    """Log an error of ours. A database error's full words show the row, and with it what may be secret."""
    if isinstance(error, psycopg.Error):
        frames = "".join(traceback.format_tb(error.__traceback__))
        said = f"{error.sqlstate} {error.diag.message_primary}"
        log.error("request %s failed: the database said: %s\n%s", request_id, said, frames)
    else:
        log.error("request %s failed", request_id, exc_info=error)
