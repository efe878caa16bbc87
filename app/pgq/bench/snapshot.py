"""What an old snapshot that somebody holds costs a drain: dead rows and index entries pile up behind it."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.synchronize import Barrier
from statistics import median
from typing import Any

import psycopg

from pgq.bench import drain
from pgq.bench.figure import Figure
from pgq.bench.server import connected, database
from pgq.db.sql import sql

TASKS = 500_000
PACED_SECONDS = 20.0
"""How long tasks come in at half the rate at which they are drained flat out."""

TICK = 0.05
"""Tasks come in so many seconds apart, a batch at a time."""

MOST = 1.15


def figures(server: str, rounds: int) -> Iterator[Figure]:
    """Drains with a snapshot held from before the first claim against drains without one, in turn."""
    with database(server, "pgq_bench_snapshot") as conninfo:
        free, held = [], []
        for _ in range(rounds):
            free.append(drain.seconds(conninfo, drain.pgq_worker, 1, tasks=TASKS))
            held.append(drain.seconds(conninfo, drain.pgq_worker, 1, tasks=TASKS, beside=old_snapshot))
        rate = TASKS / median(free)
        yield Figure(
            "drain under an old snapshot",
            median(held) / median(free),
            MOST,
            False,
            f"{TASKS / median(held):,.0f} tasks/s; {rate:,.0f} without it",
            "times as long",
        )

        free, held = [], []
        for _ in range(rounds):
            free.append(paced_seconds(conninfo, rate / 2, nullcontext))
            held.append(paced_seconds(conninfo, rate / 2, old_snapshot))
        yield Figure(
            "half load under an old snapshot",
            median(held) / median(free),
            MOST,
            False,
            f"{rate / 2:,.0f} tasks/s for {PACED_SECONDS:g} s are done after {median(held):.1f} s; "
            f"after {median(free):.1f} s without it",
            "times as long",
        )


def old_snapshot(conninfo: str) -> psycopg.Connection[Any]:
    """A transaction that saw the database as it is now, and stays open until its connection is closed."""
    holder = psycopg.connect(conninfo)
    holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    holder.execute(sql("bench/old_snapshot"))
    return holder


def paced_seconds(conninfo: str, rate: float, beside: Callable[[str], AbstractContextManager[object]]) -> float:
    """From the first task to the end of the last, when `rate` tasks a second come in while a worker runs."""
    drain.fill(conninfo, 0)
    ready = drain.SPAWN.Barrier(2)
    worker = drain.SPAWN.Process(target=work_while_fed, args=(conninfo, ready), daemon=True)
    worker.start()
    with beside(conninfo), connected(conninfo) as connection:
        ready.wait()
        begin = time.perf_counter()
        feed(connection, rate, PACED_SECONDS)
        asyncio.run(drain.drained(conninfo))
        took = time.perf_counter() - begin
        worker.terminate()
        worker.join()
    return took


def work_while_fed(conninfo: str, ready: Barrier) -> None:
    """In a process of its own: a worker that moments without tasks do not end."""
    ready.wait()
    asyncio.run(work(conninfo))


async def work(conninfo: str) -> None:
    """Run a worker for ever."""
    await drain.noop_worker(conninfo).run()


def feed(connection: psycopg.Connection[Any], rate: float, length: float) -> None:
    """Submit `rate` tasks a second for `length` seconds, at an even pace; late batches are caught up with."""
    begin = time.monotonic()
    sent = 0
    while sent < rate * length:
        due = min(int((time.monotonic() - begin) * rate), int(rate * length) + 1)
        with connection.cursor().copy(sql("bench/copy_noops")) as copy:
            for number in range(sent, due):
                copy.write_row(("noop", f'{{"number": {number}}}'))
        sent = max(due, sent)
        time.sleep(TICK)
