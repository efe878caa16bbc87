"""Handlers of workflows; run by the worker processes of these tests."""

import asyncio
from typing import Any

import pgq
from tests.process.work_app import attempt, outside

app = pgq.App()


@app.task(max_attempts=10, retry=pgq.exponential(base=0.1))
async def square(ctx: pgq.Context, number: int) -> int:
    """Takes a moment, so that a killed worker has some of them at hand."""
    with attempt(ctx):
        await asyncio.sleep(0.01)
        return number * number


@app.task
def add_up(ctx: pgq.Context) -> int:
    """What all parents gave together."""
    return sum(ctx.parents.values())


@app.task
def names_and_results(ctx: pgq.Context) -> dict[str, Any]:
    """What a handler sees of its parents."""
    return dict(ctx.parents)


@app.task(executor="process")
def in_a_process(ctx: pgq.Context) -> dict[str, Any]:
    """The same in a process of its own."""
    return {"parents": dict(ctx.parents), "workflow": ctx.workflow_id}


@app.task(max_attempts=1)
async def fail() -> None:
    """No attempt can do better."""
    raise ValueError("no such city")


@app.task
def heed(ctx: pgq.Context) -> None:
    """Goes on until it is told to stop."""
    outside.write("heeds", task=ctx.task.id)
    while not ctx.cancelled:
        ctx.log.debug("on and on")
    raise pgq.Cancel("told to stop")


@app.task
def fan_out(ctx: pgq.Context, width: int) -> int:
    """Adds tasks to its own workflow: as many as it finds work for, and one that adds up what they give."""
    assert ctx.workflow_id is not None
    more = app.workflow_run(ctx.workflow_id).more()
    squares = [more.add(square.new(number)) for number in range(width)]
    more.add(add_up.new(), name="sum", depends_on=squares)
    more.submit()
    return width


@app.task
async def add_one(ctx: pgq.Context) -> str:
    """Adds one task that waits for this very one."""
    assert ctx.workflow_id is not None
    run = app.workflow_run(ctx.workflow_id)
    await run.add_async(names_and_results.new(), name="added", depends_on=["adder"])
    return "added one"
