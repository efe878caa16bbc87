"""What a worker needs of a machine: while it has nothing to do, and while it runs a thousand tasks at once."""

import time
from collections.abc import Iterator, Sequence

from pgq.bench.figure import Figure
from pgq.bench.server import connected, database
from pgq.bench.usage import Usage, usage_of
from pgq.db.sql import sql
from pgq.fleet import fleet

IDLE_SECONDS = 20.0
SETTLE_SECONDS = 2.0
"""After its start a worker looks around more often, and makes its partitions."""

RUNNING = 1_000
MB = 1_000_000


def idle(server: str, rounds: int) -> Iterator[Figure]:
    """CPU and memory of `pgq worker`, with its supervisor, while nothing happens; `rounds` makes the look longer."""
    with (
        database(server, "pgq_bench_idle") as conninfo,
        connected(conninfo) as connection,
        fleet(conninfo, "-q", "default") as workers,
    ):
        workers.wait_for_workers(connection, "default", 1)
        time.sleep(SETTLE_SECONDS)
        before, begin = sum(one.cpu for one in usage_of(workers.pid)), time.perf_counter()
        time.sleep(IDLE_SECONDS * rounds)
        after, took = usage_of(workers.pid), time.perf_counter() - begin
        workers.check()
    used = sum(one.cpu for one in after) - before
    yield Figure(
        "idle worker, CPU", 100 * used / took, 1, False, f"{used:.2f} s of CPU time in {took:.0f} s", "% of a core"
    )
    yield memory("idle worker, memory", after, 90)


def running(server: str, _rounds: int) -> Iterator[Figure]:
    """Memory of a worker that runs a thousand async tasks at once. One look is enough."""
    with (
        database(server, "pgq_bench_running") as conninfo,
        connected(conninfo) as connection,
        fleet(conninfo, "-q", "default", "--concurrency", str(RUNNING)) as workers,
    ):
        workers.wait_for_workers(connection, "default", 1)
        connection.execute(sql("bench/insert_sleepers"), {"tasks": RUNNING, "least": 3_600, "most": 3_600})
        while connection.execute(sql("bench/running")).fetchone() != (RUNNING,):
            workers.check()
            time.sleep(0.1)
        processes = usage_of(workers.pid)
    yield memory(f"{RUNNING:,} running async tasks, memory", processes, 200)


def memory(name: str, processes: Sequence[Usage], goal: float) -> Figure:
    """The resident memory of all processes together; what they share counts in each."""
    resident = sorted((one.resident / MB for one in processes), reverse=True)
    worker, *rest = resident
    others = f" and its supervisor {sum(rest):.0f} MB" if rest else ""
    return Figure(name, sum(resident), goal, False, f"the worker has {worker:.0f} MB{others}", "MB")
