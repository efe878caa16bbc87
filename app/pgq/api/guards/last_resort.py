"""An error that nobody caught, as the problem that it is to the caller; the log has its traceback."""

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pgq.api.presence import ClientGone
from pgq.api.problems import Problem

log = logging.getLogger("pgq.api")


class LastResort:
    """Answers `internal`, if nothing was answered yet."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def tell(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, tell)
        except ClientGone:
            log.debug("request %s: its client has gone", scope["state"]["request_id"])
        except Exception as error:
            log.exception("request %s failed", scope["state"]["request_id"])
            if begun:
                raise
            found = error if isinstance(error, Problem) else Problem("internal", "an error of the service")
            await found.response(scope)(scope, receive, send)
