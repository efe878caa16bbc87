"""Bodies: read with limits, parsed strictly. All routers use StrictRoute."""

import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Set
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from pgq.api.access import Needs
from pgq.api.problems import FieldError, Problem, pointer
from pgq.api.services import services_of
from pgq.values import strict_json
from pgq.values.json_text import Unstorable, plain, strings

MAX_DEPTH = 64
"""Levels of arrays and objects in a body."""

WHOLE = "pgq.whole"
"""Of a scope: the whole request has come already, so that nobody has to wait for its body."""

JSON = "application/json"
NDJSON = "application/x-ndjson"


class Body(BaseModel):
    """What models of request bodies derive from: a key that they do not know is refused."""

    model_config = ConfigDict(extra="forbid")


class StrictRequest(Request):
    """A request whose body has been read and parsed by us."""

    _json: Any

    async def body(self) -> bytes:
        """The body, of at most PGQ_MAX_BODY_BYTES."""
        if not hasattr(self, "_body"):
            self._body = await read_body(self, services_of(self).settings.max_body_bytes)
        return self._body

    async def json(self) -> Any:
        """The body as JSON."""
        if not hasattr(self, "_json"):
            self._json = parse(await self.body())
        return self._json


class StrictRoute(APIRoute):
    """First who calls, then the query's names, then the body: nobody uploads or is told anything before a 401.

    HEAD is answered wherever GET is, and documented nowhere; the server keeps the body back.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the problem 405, which names all methods of the path."""
        if scope["method"] in (self.methods or ()):
            await self.app(scope, receive, send)
            return
        methods = routes_of_path(scope)
        if scope["method"] != "HEAD" or "GET" not in methods:
            raise method_not_allowed(scope, methods.keys())
        route, found = methods["GET"]
        scope.update(found)
        await route.app(scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler behind these checks."""
        handler = super().get_route_handler()
        guards = guards_of(self.dependant)
        names = {field.alias for one in every(self.dependant) for field in one.query_params}
        body = self.body_field

        async def handle(request: Request) -> Response:
            request = StrictRequest(request.scope, request.receive)
            for guard in guards:
                await guard.caller(request)
            refuse_unknown(request, names)
            if body is not None and (body.field_info.is_required() or may_have_body(request)):
                require_json(request)
                await request.json()
            return await handler(request)

        return handle


def routes_of_path(scope: Scope) -> dict[str, tuple[Route, Scope]]:
    """By method: the first route that takes it on the request's path, and what it finds there."""
    methods: dict[str, tuple[Route, Scope]] = {}
    for route in scope["app"].routes:
        match, found = route.matches({**scope, "path_params": {}})
        if match is not Match.NONE and isinstance(route, Route):
            for method in route.methods or ():
                methods.setdefault(method, (route, found))
    return methods


def method_not_allowed(scope: Scope, methods: Set[str]) -> Problem:
    """Other routes of the same path may take other methods: all of them are allowed."""
    allowed = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
    detail = f"{scope['method']} {scope['path']}: this path takes {allowed}"
    return Problem("method_not_allowed", detail, headers={"Allow": allowed})


def every(dependant: Dependant) -> Iterator[Dependant]:
    """A route's dependencies, and theirs."""
    yield dependant
    for one in dependant.dependencies:
        yield from every(one)


def guards_of(dependant: Dependant) -> list[Needs]:
    """What finds the caller of a route."""
    return [one.call for one in every(dependant) if isinstance(one.call, Needs)]


def refuse_unknown(request: Request, names: Set[str]) -> None:
    """Raise a 422 for a query parameter that the route does not have: a typing error must not widen a filter."""
    if not request.scope["query_string"]:
        return
    unknown = [name for name in request.query_params if name not in names]
    if unknown:
        errors = [FieldError(f"query/{name}", "is not a parameter of this route") for name in unknown]
        raise Problem("invalid", f"unknown parameter: {', '.join(unknown)}", errors=errors)


def may_have_body(request: Request) -> bool:
    """Whether the request's head announces a body."""
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"


def require_json(request: Request) -> None:
    """Raise a 415 for a body that is not announced as JSON."""
    if media_type(request) != JSON:
        raise Problem("unsupported_media_type", f"send the body as {JSON}")


def media_type(request: Request) -> str:
    """The content type without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def chunks(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises the problem 413 as soon as it is known to be longer than `limit` bytes."""
    told = request.headers.get("content-length", "0")
    if told.isdecimal() and int(told) > limit:
        raise too_large(limit)
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        yield chunk


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body. Raises the problem 413."""
    if not request.scope.get(WHOLE):
        return b"".join([chunk async for chunk in chunks(request, limit)])
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    body: bytes = message["body"]
    if len(body) > limit:
        raise too_large(limit)
    return body


async def lines(request: Request, limit: int, longest: int) -> AsyncIterator[bytes]:
    """The lines of an NDJSON body, without the empty ones, as they arrive; none is longer than `longest` bytes."""
    rest = b""
    async for chunk in chunks(request, limit):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if len(line) > longest:
                raise too_large(longest, "a line")
            if line.strip():
                yield line
        if len(rest) > longest:
            raise too_large(longest, "a line")
    if rest.strip():
        yield rest


def too_large(limit: int, what: str = "the body") -> Problem:
    return Problem("too_large", f"{what} is longer than {limit:,} bytes")


def parse(body: bytes) -> Any:
    """JSON that PostgreSQL, Python and the sender read alike. Raises the problem 400."""
    try:
        value = strict_json.parse(body.decode())
    except UnicodeDecodeError:
        raise Problem("invalid_json", "the body is not text in UTF-8") from None
    except json.JSONDecodeError as error:
        raise Problem("invalid_json", f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except (Unstorable, ValueError, RecursionError) as error:
        raise Problem("invalid_json", plain(error)) from None
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and deeper_than(value, MAX_DEPTH):
        raise Problem("invalid_json", f"the body is nested more than {MAX_DEPTH} levels deep")
    if b"\\u" in body:
        text = "".join(strings(value))
        if "\0" in text:
            raise Problem("invalid_json", "a string holds a NUL character, which PostgreSQL cannot keep")
        if any("\ud800" <= one <= "\udfff" for one in text):
            raise Problem("invalid_json", "a string holds a lone surrogate (half of a character)")
    return value


def deeper_than(value: object, levels: int) -> bool:
    """Whether arrays and objects are nested more than so many levels."""
    here = [value]
    for _ in range(levels + 1):
        here = [
            one
            for parent in here
            for one in (parent.values() if isinstance(parent, dict) else parent if isinstance(parent, list) else ())
        ]
        if not here:
            return False
    return True


def field_errors(error: RequestValidationError) -> list[FieldError]:
    """What FastAPI found wrong, with pointers."""
    found = []
    for one in error.errors():
        where, *path = one["loc"]
        at = pointer(path) if where == "body" else "/".join(map(str, (where, *path)))
        found.append(FieldError(at, one["msg"].removeprefix("Value error, ")))
    return found
