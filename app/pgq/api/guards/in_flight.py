"""How many requests one process works on at once."""

from starlette.types import ASGIApp, Receive, Scope, Send

from pgq.api.problems import Problem


class InFlight:
    """Refuses what is beyond `most`, but for health: it answers still when nothing else does."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app = app
        self.most = most
        self.now = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if self.now >= self.most and not scope["path"].startswith("/health"):
            full = Problem("overloaded", f"{self.most:,} requests are being worked on; try again")
            await full.response(scope)(scope, receive, send)
            return
        self.now += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.now -= 1
