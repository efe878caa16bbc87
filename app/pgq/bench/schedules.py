"""What ten thousand schedules cost the one process that keeps them, and its server."""

import time
from collections.abc import Iterator
from typing import Any

from psycopg import Connection

from pgq.bench.figure import Figure
from pgq.bench.server import connected, database
from pgq.bench.usage import usage_of
from pgq.db.sql import sql
from pgq.fleet import fleet

SCHEDULES = 10_000
SECONDS = 60.0
"""A whole minute, or several: a tenth of the schedules fires at its beginning."""
SETTLE_SECONDS = 2.0


def figures(server: str, rounds: int) -> Iterator[Figure]:
    """CPU of `pgq worker`, with its supervisor, which serves another queue: the tasks are made, and not run."""
    with (
        database(server, "pgq_bench_schedules") as conninfo,
        connected(conninfo) as connection,
        fleet(conninfo, "-q", "default") as workers,
    ):
        workers.wait_for_workers(connection, "default", 1)
        connection.execute(sql("bench/insert_schedules"), {"schedules": SCHEDULES})
        while connection.execute(sql("bench/schedules_known")).fetchone() != (True,):
            workers.check()
            time.sleep(0.1)
        time.sleep(SETTLE_SECONDS)
        backends = usage_of(postmaster(connection))
        before, begin = cpu(workers.pid), time.perf_counter()
        time.sleep(SECONDS * rounds)
        took = time.perf_counter() - begin
        used = cpu(workers.pid) - before
        served = sum(one.cpu for one in usage_of(backends[0].pid)) - sum(one.cpu for one in backends)
        ticks, late = connection.execute(sql("bench/ticks"), {"seconds": took}).fetchone() or (0, 0.0)
        workers.check()
    yield Figure(
        f"{SCHEDULES:,} schedules kept by one process, CPU", 100 * used / took, 5, False,
        f"{used:.2f} s of CPU time in {took:.0f} s; the server's: {100 * served / took:.1f} % of a core; "
        f"{ticks:,} ticks, each with its task within {late:.1f} s",
        "% of a core",
    )  # fmt: skip


def cpu(pid: int) -> float:
    return sum(one.cpu for one in usage_of(pid))


def postmaster(connection: Connection[Any]) -> int:
    """The process that has started all of the server's others."""
    return usage_of(connection.info.backend_pid)[0].parent
