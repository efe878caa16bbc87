"""What the head of every answer carries: the id of its request, and what browsers must not do."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Everything from our own files. Swagger UI and ReDoc style their elements inline, and ReDoc searches in a worker.
POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
ONLY_BY_TLS = (b"strict-transport-security", b"max-age=31536000")  # a year


class AnswerHead:
    """Adds that; what holds data is not to be stored by caches either, and files are asked for again by their tags."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                request_id = scope["state"]["request_id"].encode()
                headers = [*message["headers"], (b"x-request-id", request_id), *HEADERS]
                if all(name != b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"no-cache" if "/static/" in scope["path"] else b"no-store"))
                if scope["scheme"] == "https":
                    headers.append(ONLY_BY_TLS)
                message["headers"] = headers
            await send(message)

        await self.app(scope, receive, tell)
