"""What `@app.task(...)` says of a handler."""

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from pgq.client.options import duration
from pgq.values import fields
from pgq.values.backoff import Backoff

Executor = Literal["async", "thread", "process"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """The checked values of the decorator; `timeout_seconds` None leaves it to the queue."""

    kind: str
    queue: str
    priority: int
    max_attempts: int
    timeout_seconds: float | None
    retry: Backoff
    bury_on: tuple[type[BaseException], ...]
    executor: Executor
    tags: tuple[str, ...]

    def defaults(self) -> dict[str, Any]:
        """What fills the fields that a submit leaves out, unless the database knows better."""
        return {
            "queue": self.queue,
            "priority": self.priority,
            "max_attempts": self.max_attempts,
            "timeout_seconds": self.timeout_seconds,
        }


def declare(
    function: Callable[..., Any],
    *,
    kind: str | None,
    queue: str,
    priority: int | str,
    max_attempts: int,
    timeout: float | timedelta | None,
    retry: Backoff,
    bury_on: Sequence[type[BaseException]],
    executor: Literal["async", "thread", "process"] | None,
    tags: Sequence[str],
) -> Declaration:
    """Check what the decorator was given. Raises InvalidTask, TypeError or ValueError."""
    if not callable(retry):
        raise TypeError("retry must be a function from the attempt's number to seconds, such as pgq.exponential()")
    fatal = tuple(bury_on) if isinstance(bury_on, Sequence) else (bury_on,)
    for error in fatal:
        if not (isinstance(error, type) and issubclass(error, BaseException)):
            raise TypeError(f"bury_on must hold exception classes, not {error!r}")
    return Declaration(
        kind=fields.name(name_of(function) if kind is None else kind, "kind"),
        queue=fields.name(queue, "queue"),
        priority=fields.priority(priority),
        max_attempts=fields.max_attempts(max_attempts),
        timeout_seconds=None if timeout is None else duration(timeout, "timeout"),
        retry=retry,
        bury_on=fatal,
        executor=executor_for(function, executor),
        tags=tuple(fields.tags(tags)),
    )


def name_of(function: Callable[..., Any]) -> str:
    name = getattr(function, "__name__", None)
    if not isinstance(name, str):
        raise TypeError(f"{function!r} has no name; give it one with @task(kind=...)")
    return name


def executor_for(function: Callable[..., Any], asked: str | None) -> Executor:
    """Coroutine functions run on the event loop, plain ones in threads; "async" may be asked for a plain one too, and
    "process" for both.

    What such a plain function returns is awaited when it can be: a wrapper around a coroutine function may hide that
    it is one.
    """
    bare = function
    while isinstance(bare, functools.partial):
        bare = bare.func
    callees = (bare, type(bare).__call__)
    if any(inspect.isgeneratorfunction(callee) or inspect.isasyncgenfunction(callee) for callee in callees):
        raise TypeError("a generator cannot be a handler: a task has one result; return a list instead")
    is_coroutine = any(inspect.iscoroutinefunction(callee) for callee in callees)
    match asked:
        case None:
            return "async" if is_coroutine else "thread"
        case "async":
            return "async"
        case "thread" if is_coroutine:
            raise ValueError('an async def runs on the event loop: leave executor="thread" out, or make it a plain def')
        case "thread":
            return "thread"
        case "process":
            return "process"
        case _:
            raise ValueError(f'executor must be "async", "thread" or "process", not {asked!r}')
