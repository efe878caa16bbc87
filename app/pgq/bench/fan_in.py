"""How fast a workflow is that spreads over many tasks and comes together in one."""

import time
from collections.abc import Iterator
from statistics import median

from pgq.bench.drain import timed, until_drained, worker_for
from pgq.bench.figure import Figure
from pgq.bench.server import connected, database
from pgq.client.app import App
from pgq.client.context import Context
from pgq.client.workflow import Node, Workflow
from pgq.db.sql import sql

TASKS = 10_000
GOAL = 3_000


def figures(server: str, rounds: int) -> Iterator[Figure]:
    """From the first statement of the submit to its commit; from the worker's start to the end of the last task."""
    submitted, ran = [], []
    with database(server, "pgq_bench_fan_in") as conninfo:
        for _ in range(rounds):
            with connected(conninfo) as connection, handlers(conninfo) as app:
                connection.execute(sql("bench/forget_tasks"))
                wf, total = workflow(app)
                begin = time.perf_counter()
                run = wf.submit()
                submitted.append(time.perf_counter() - begin)
                connection.execute(sql("bench/vacuum_tasks"))
                ran.append(timed(conninfo, one_worker, 1))
                if (found := run.result(total, timeout=60)) != sum(range(TASKS)):
                    raise AssertionError(f"the sum is {found}")
    for name, took in (("fan-in, submitted", submitted), ("fan-in, run", ran)):
        detail = f"{TASKS:,} tasks and the sum of their results in {median(took):.1f} s"
        yield Figure(name, (TASKS + 1) / median(took), GOAL, True, detail, "tasks/s")


def handlers(conninfo: str) -> App:
    """An app with the two handlers."""
    app = App(conninfo)

    @app.task
    async def number(n: int) -> int:
        return n

    @app.task
    async def add_up(ctx: Context) -> int:
        return sum(ctx.parents.values())

    return app


def workflow(app: App) -> tuple[Workflow, Node[int]]:
    """Many tasks, and the one that waits for them all."""
    wf = app.workflow("fan-in")
    number, add_up = app.handlers["number"], app.handlers["add_up"]
    return wf, wf.add(add_up.new(), depends_on=[wf.add(number.new(n=n)) for n in range(TASKS)])


async def one_worker(conninfo: str) -> None:
    """A real worker until nothing is left."""
    await until_drained(worker_for(handlers(conninfo), conninfo), conninfo)
