"""Every request has an id, in its answer and in the log."""

import random
import re
from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

SANE = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class RequestId:
    """The caller's own `X-Request-ID`, if it is harmless, else a new one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            scope.setdefault("state", {})["request_id"] = given(scope) or f"{random.getrandbits(128):032x}"
        return self.app(scope, receive, send)


def given(scope: Scope) -> str | None:
    """The caller's own, if it is harmless."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            text: str = value.decode("latin-1")
            return text if SANE.fullmatch(text) else None
    return None
