"""The type of `@app.task(...)`: what kinds of function it takes, and the handler that each becomes."""

from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from pgq.client.context import Context
from pgq.client.handler import Handler

P = ParamSpec("P")
R = TypeVar("R")


class Register(Protocol):
    """What `@app.task(...)` returns: the decorator proper. The Context, where it is first, is not submitted."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[Context, P], Coroutine[Any, Any, R]], /
    ) -> Handler[P, R, Concatenate[Context, P], Coroutine[Any, Any, R]]: ...
    @overload
    def __call__(
        self, function: Callable[Concatenate[Context, P], R], /
    ) -> Handler[P, R, Concatenate[Context, P], R]: ...
    @overload
    def __call__(
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> Handler[P, R, P, Coroutine[Any, Any, R]]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Handler[P, R, P, R]: ...
