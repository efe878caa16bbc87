"""From INSERT to the handler's first line on an idle worker, against the bare delivery of a durable INSERT's NOTIFY.

Both sides commit to disk: a NOTIFY by itself writes nothing, and would measure the socket only. Both begin after the
same pause: a processor that was idle, as an idle worker's is, takes its time to wake up. And they take turns, since
what a machine gives changes within seconds.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from statistics import quantiles

import psycopg

from pgq.bench.figure import Figure
from pgq.bench.server import database
from pgq.client.app import App
from pgq.db.sql import sql
from pgq.service import worker_with_ticker
from pgq.worker.plan import ServedQueue, WorkerPlan

TRIES = 300
PAUSE = 0.02

Try = Callable[[], Awaitable[float]]
"""One measurement, in seconds."""


def figures(server: str, rounds: int) -> Iterator[Figure]:
    """p50 and p99, in milliseconds, of both."""
    with database(server, "pgq_bench_latency") as conninfo:
        bare, ours = asyncio.run(in_turn(conninfo, TRIES * rounds))
    for percent, goal in ((50, 2.6), (99, 5.0)):
        b, o = (quantiles(times, n=100)[percent - 1] * 1000 for times in (bare, ours))
        yield Figure(
            f"insert to start, p{percent}",
            o / b,
            goal,
            False,
            f"{o:.2f} ms; a bare INSERT's NOTIFY takes {b:.2f} ms",
            "times as long",
        )


async def in_turn(conninfo: str, tries: int) -> tuple[list[float], list[float]]:
    """A bare delivery and a start, `tries` times."""
    bare, ours = [], []
    async with bare_delivery(conninfo) as delivery, insert_to_start(conninfo) as start:
        for _ in range(tries):
            bare.append(await delivery())
            ours.append(await start())
    return bare, ours


@asynccontextmanager
async def bare_delivery(conninfo: str) -> AsyncIterator[Try]:
    """INSERT and NOTIFY in one transaction on one connection, heard on another."""
    heard: asyncio.Queue[float] = asyncio.Queue()

    async def hear(connection: psycopg.AsyncConnection) -> None:
        async for _ in connection.notifies():
            heard.put_nowait(time.perf_counter())

    async with (
        await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as ear,
        await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as mouth,
    ):
        await mouth.execute(sql("bench/make_bare_rows"))
        await ear.execute(sql("bench/listen_bare"))
        hearing = asyncio.create_task(hear(ear))

        async def once() -> float:
            await asyncio.sleep(PAUSE)
            begin = time.perf_counter()
            await mouth.execute(sql("bench/notify_bare"))
            return await heard.get() - begin

        yield once
        hearing.cancel()


@asynccontextmanager
async def insert_to_start(conninfo: str) -> AsyncIterator[Try]:
    """A plain INSERT, and the first line of the handler."""
    started: asyncio.Queue[float] = asyncio.Queue()
    app = App(conninfo)

    @app.task
    async def noop() -> None:
        started.put_nowait(time.perf_counter())

    worker = worker_with_ticker(
        WorkerPlan(
            conninfo=conninfo,
            listen_conninfo=conninfo,
            handlers=app.handlers,
            queues=[ServedQueue("default")],
            name="bench",
        )
    )
    async with (
        asyncio.TaskGroup() as both,
        await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection,
    ):
        both.create_task(worker.run())

        async def once() -> float:
            await asyncio.sleep(PAUSE)
            while not worker.claimer.waiting:  # noqa: ASYNC110 (it is the worker's state, no event)
                await asyncio.sleep(0.01)
            begin = time.perf_counter()
            await connection.execute(sql("bench/insert_noop"))
            return await started.get() - begin

        yield once
        worker.stop()
