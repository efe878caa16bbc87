"""Handlers that look at what their task's parents gave."""

from typing import Any

import pgq
from tests.process.work_app import attempt, echo, outside, work

app = pgq.App()
for handler in (echo, work):
    app.handlers[handler.kind] = handler


def seen(ctx: pgq.Context) -> list[Any]:
    """The parents as the handler has them."""
    return [[name, result, ctx.parents[name] == result] for name, result in ctx.parents.items()]


@app.task
async def give(value: Any = None, fail: bool = False) -> Any:
    """A parent."""
    if fail:
        raise ValueError("gives nothing")
    return value


@app.task
async def on_the_loop(ctx: pgq.Context) -> list[Any]:
    """A coroutine."""
    with attempt(ctx):
        return seen(ctx)


@app.task
def in_a_thread(ctx: pgq.Context) -> list[Any]:
    """A plain function."""
    return seen(ctx)


@app.task(executor="process")
def in_a_process(ctx: pgq.Context) -> list[Any]:
    """A plain function in another process."""
    return seen(ctx)


@app.task
def add_up(ctx: pgq.Context) -> int:
    """The sum of what they gave."""
    return sum(ctx.parents.values())


@app.task(executor="process")
def add_up_in_a_process(ctx: pgq.Context) -> int:
    """The same elsewhere."""
    return sum(ctx.parents.values())


@app.task
def without_context() -> str:
    """Does not ask for them."""
    outside.write("start")
    return "done"
