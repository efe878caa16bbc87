"""How fast no-op tasks are drained, history kept: a worker process against a bare loop of the same statements."""

import asyncio
import multiprocessing
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.synchronize import Barrier
from statistics import median
from uuid import uuid4

import psycopg

from pgq.bench.figure import Figure
from pgq.bench.server import connected, database
from pgq.client.app import App
from pgq.db import leases
from pgq.db.outcomes import Finished, record
from pgq.db.sql import sql
from pgq.service import worker_with_ticker
from pgq.values.outcome import Complete
from pgq.worker.plan import ServedQueue, WorkerPlan
from pgq.worker.worker import Worker

TASKS = 40_000
AT_ONCE = 500
SPAWN = multiprocessing.get_context("spawn")

Drain = Callable[[str], Coroutine[None, None, None]]


def figures(server: str, rounds: int) -> Iterator[Figure]:
    """One process and two, each against as many bare loops, in turn."""
    with database(server, "pgq_bench_drain") as conninfo:
        for processes, goal in ((1, 0.6), (2, 0.5)):
            bare, ours = [], []
            for _ in range(rounds):
                bare.append(seconds(conninfo, bare_loop, processes, tasks=TASKS))
                ours.append(seconds(conninfo, pgq_worker, processes, tasks=TASKS))
            fastest, reached = TASKS / median(bare), TASKS / median(ours)
            yield Figure(
                f"drain, {processes} process{'es' * (processes > 1)}",
                reached / fastest,
                goal,
                True,
                f"{reached:,.0f} tasks/s; the bare SQL loop does {fastest:,.0f}",
            )


def fill(conninfo: str, tasks: int) -> None:
    """Put no-op tasks into a queue."""
    with connected(conninfo) as connection:
        connection.execute(sql("bench/forget_tasks"))
        with connection.cursor().copy(sql("bench/copy_noops")) as copy:
            for number in range(tasks):
                copy.write_row(("noop", f'{{"number": {number}}}'))
        connection.execute(sql("bench/vacuum_tasks"))


async def bare_loop(conninfo: str) -> None:
    """Claim and finish a batch at a time until nothing is left."""
    worker = uuid4()
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        while claimed := await leases.claim(
            connection,
            worker=worker,
            queues=["default"],
            budgets=[AT_ONCE],
            kinds=["noop"],
            room=AT_ONCE,
            lease=60,
        ):
            await record(connection, worker, [Finished(task.lease, Complete("null")) for task in claimed])


async def pgq_worker(conninfo: str) -> None:
    """A real worker until nothing is left."""
    await until_drained(noop_worker(conninfo), conninfo)


async def until_drained(worker: Worker, conninfo: str) -> None:
    """Run a worker until nothing is left."""
    async with asyncio.TaskGroup() as both:
        both.create_task(worker.run())
        await drained(conninfo)
        worker.stop()


def noop_worker(conninfo: str) -> Worker:
    """A worker, with its ticker, for tasks that do nothing."""
    app = App(conninfo)

    @app.task
    async def noop(number: int) -> None: ...

    return worker_for(app, conninfo)


def worker_for(app: App, conninfo: str) -> Worker:
    """A worker, with its ticker, for the handlers of an app."""
    return worker_with_ticker(
        WorkerPlan(
            conninfo=conninfo,
            listen_conninfo=conninfo,
            handlers=app.handlers,
            queues=[ServedQueue("default")],
            name="bench",
            concurrency=AT_ONCE,
        )
    )


async def drained(conninfo: str) -> None:
    """Return once the table of live tasks is empty."""
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        while True:
            row = await (await connection.execute(sql("bench/any_left"))).fetchone()
            if row is not None and not row[0]:
                return
            await asyncio.sleep(0.02)


def seconds(
    conninfo: str,
    drain: Drain,
    processes: int,
    *,
    tasks: int,
    beside: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> float:
    """How long `processes` processes need for `tasks` together while `beside` goes on; their start is not counted."""
    fill(conninfo, tasks)
    return timed(conninfo, drain, processes, beside=beside)


def timed(
    conninfo: str,
    drain: Drain,
    processes: int,
    *,
    beside: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> float:
    """The same for the tasks that are there."""
    ready = SPAWN.Barrier(processes + 1)
    crew = [
        SPAWN.Process(target=drain_when_ready, args=(conninfo, drain, ready), daemon=True) for _ in range(processes)
    ]
    for member in crew:
        member.start()
    with beside(conninfo):
        ready.wait()
        begin = time.perf_counter()
        for member in crew:
            member.join()
        return time.perf_counter() - begin


def drain_when_ready(conninfo: str, drain: Drain, ready: Barrier) -> None:
    """In a process of its own: start together with the others."""
    ready.wait()
    asyncio.run(drain(conninfo))
