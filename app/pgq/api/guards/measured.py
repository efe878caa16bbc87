"""How long each request took, for /metrics."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pgq.api.metrics import Metrics
from pgq.api.services import SERVICES

NO_ROUTE = "none"
NO_ANSWER = 0
"""The status of a request whose client went away."""


class Measured:
    """Measures requests by their route's pattern, not by their path: paths have no end."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request, and how long it took."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began, status = time.perf_counter(), NO_ANSWER

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, tell)
        finally:
            route = getattr(scope.get("route"), "path_format", NO_ROUTE)
            scope[SERVICES].part(Metrics).observe(method(scope), route, status, time.perf_counter() - began)
        return None


KNOWN = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def method(scope: Scope) -> str:
    """The method; one word for all that nobody knows."""
    return scope["method"] if scope["method"] in KNOWN else "other"
