"""The path under which a proxy shows the service."""

from starlette.types import ASGIApp, Receive, Scope, Send


class RootPath:
    """Tells the routes of it. Whether the proxy cuts it off or passes it on makes no difference."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self.app = app
        self.path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["root_path"] = self.path
        await self.app(scope, receive, send)
