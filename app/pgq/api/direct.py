"""Routes that are called without FastAPI's machinery, which would cost a submit or an outcome more than all they do."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, cast

import psycopg
from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError, create_model
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from pgq.api.access import Needs
from pgq.api.bodies import StrictRequest, StrictRoute, every, refuse_unknown, require_json
from pgq.api.problems import Problem
from pgq.values.errors import PgqError

Endpoint = Callable[..., Awaitable[Response]]
Answer = Callable[[Request, Exception], Awaitable[Response]]


class DirectRoute(StrictRoute):
    """For an endpoint that takes the request, the caller, one body, and parameters of the path and the head.

    The checks and their order are a StrictRoute's; the documentation is made of the endpoint's signature as ever.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a wrong method is FastAPI's to refuse."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        response = await self.answer(StrictRequest(scope, receive))
        await response(scope, receive, send)

    async def answer(self, request: StrictRequest) -> Response:
        """Check the caller, then the query, then the rest. Raises the problems that a StrictRoute does."""
        name, guard = self.guard
        caller = await guard.caller(request)
        refuse_unknown(request, frozenset())
        require_json(request)
        given = {self.body: await request.json(), **request.path_params}
        for parameter, header in self.headers.items():
            if (value := request.headers.get(header)) is not None:
                given[parameter] = value
        return await cast(Endpoint, self.endpoint)(**self.checked(given), **{name: caller, self.request_name: request})

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What was given as what the endpoint takes."""
        try:
            checked: dict[str, Any] = self.model.__pydantic_validator__.validate_python(given).__dict__
        except ValidationError as error:
            errors = error.errors(include_url=False, include_input=False, include_context=False)
            raise RequestValidationError([{**one, "loc": self.where(one["loc"])} for one in errors]) from None
        return checked

    def where(self, place: Sequence[int | str]) -> tuple[int | str, ...]:
        """The place of an error, as FastAPI tells it."""
        name, *rest = place
        if name == self.body:
            return ("body", *rest)
        if name in self.headers:
            return ("header", self.headers[str(name)], *rest)
        return ("path", name, *rest)

    @cached_property
    def model(self) -> type[BaseModel]:
        """All that the endpoint takes of a request: checked at once, so all that is wrong is told at once."""
        (body,) = self.dependant.body_params
        parameters = [*self.dependant.path_params, *self.dependant.header_params]
        required = {one.name: (one.field_info.annotation, ...) for one in (*self.dependant.path_params, body)}
        optional = {
            one.name: (one.field_info.annotation, one.field_info.default) for one in self.dependant.header_params
        }
        assert len(required) + len(optional) == len(parameters) + 1
        fields: dict[str, Any] = {**required, **optional}
        return create_model("Given", **fields)

    @cached_property
    def body(self) -> str:
        """What the endpoint calls the body."""
        return self.dependant.body_params[0].name

    @cached_property
    def headers(self) -> dict[str, str]:
        """What it takes of the head, by its own names."""
        return {one.name: one.alias for one in self.dependant.header_params}

    @cached_property
    def request_name(self) -> str:
        return self.dependant.request_param_name or "request"

    @cached_property
    def guard(self) -> tuple[str, Needs]:
        """What finds the caller, and what the endpoint calls it."""
        ((name, guard),) = [(one.name or "", one.call) for one in every(self.dependant) if isinstance(one.call, Needs)]
        return name, guard


class Shortcut:
    """A guard, the last one: leads to the direct routes past FastAPI's layers and its search through all routes."""

    def __init__(self, app: ASGIApp, routers: Sequence[APIRouter], answer: Answer) -> None:
        self.app = app
        self.routes = [route for router in routers for route in router.routes if isinstance(route, DirectRoute)]
        self.answer = answer

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and scope["method"] == "POST":
            for route in self.routes:
                match, found = route.matches(scope)
                if match is Match.FULL:
                    scope.update(found)
                    return self.run(route, scope, receive, send)
        return self.app(scope, receive, send)

    async def run(self, route: DirectRoute, scope: Scope, receive: Receive, send: Send) -> None:
        """As FastAPI does it: errors are answered."""
        try:
            await route.handle(scope, receive, send)
        except (Problem, RequestValidationError, PgqError, psycopg.Error) as error:
            response = await self.answer(Request(scope), error)
            await response(scope, receive, send)
