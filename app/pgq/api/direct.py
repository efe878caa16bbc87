"""A route that is called without FastAPI's machinery, which would cost a submit more than all else that it does."""

from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any, cast

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pgq.api.access import Caller
from pgq.api.bodies import StrictRequest, StrictRoute, every, guards_of, refuse_unknown, require_json

Endpoint = Callable[[Any, Request, Caller, str | None], Awaitable[Response]]


class DirectRoute(StrictRoute):
    """For an endpoint that takes a body, the request, the caller, and the Idempotency-Key, in this order.

    The checks and their order are a StrictRoute's; the documentation is made of the endpoint's signature as ever.
    """

    @cached_property
    def model(self) -> type[BaseModel]:
        """What the body must be."""
        found = [field.field_info.annotation for one in every(self.dependant) for field in one.body_params]
        return cast(type[BaseModel], found[0])

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a wrong method is FastAPI's to refuse."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        response = await self.answer(StrictRequest(scope, receive))
        await response(scope, receive, send)

    async def answer(self, request: StrictRequest) -> Response:
        """Check the caller, then the query, then the body. Raises the problems that a StrictRoute does."""
        (guard,) = self.guards
        caller = await guard.caller(request)
        refuse_unknown(request, frozenset())
        require_json(request)
        body = self.checked(await request.json())
        call = cast(Endpoint, self.endpoint)
        return await call(body, request, caller, request.headers.get("idempotency-key"))

    @cached_property
    def guards(self) -> list[Any]:
        """What finds the caller."""
        return guards_of(self.dependant)

    def checked(self, value: Any) -> BaseModel:
        """The body as its model."""
        try:
            checked: BaseModel = self.model.__pydantic_validator__.validate_python(value)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_input=False, include_context=False)
            raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in errors]) from None
        return checked
