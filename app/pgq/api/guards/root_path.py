"""The path under which a proxy shows the service."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class RootPath:
    """Tells the routes of it, and puts it in front of every Location, as clients know the service by it.

    Whether the proxy cuts it off or passes it on makes no difference.
    """

    def __init__(self, app: ASGIApp, path: str) -> None:
        self.app = app
        self.path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def behind_it(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("location", "").startswith("/"):
                    headers["location"] = self.path + headers["location"]
            await send(message)

        await self.app({**scope, "root_path": self.path}, receive, behind_it)
