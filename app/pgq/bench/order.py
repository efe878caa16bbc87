"""Who gets what, and when: fairness among workers, urgency in a backlog."""

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

from psycopg import Connection

from pgq.bench.figure import Figure
from pgq.bench.server import connected, database
from pgq.db.sql import sql
from pgq.fleet import Fleet, fleet

WORKERS = 3
CONCURRENCY = 10
TASKS = 300
RUN_SECONDS = 0.2

BACKLOG = 1_000
URGENT = 10
SPREAD = 0.5
"""The tasks of the backlog run half as long to one and a half times as long, so that slots come free one by one."""


def fairness(server: str, rounds: int) -> Iterator[Figure]:
    """Workers that are alike and have the same queue: the smallest and the largest share of any, in all rounds."""
    shares: list[float] = []
    with (
        database(server, "pgq_bench_fairness") as conninfo,
        connected(conninfo) as connection,
        fleet(conninfo, "-q", "default", "--processes", str(WORKERS), "--concurrency", str(CONCURRENCY)) as workers,
    ):
        workers.wait_for_workers(connection, "default", WORKERS)
        for _ in range(rounds):
            connection.execute(sql("bench/forget_tasks"))
            sleepers(connection, TASKS, RUN_SECONDS, RUN_SECONDS)
            until(workers, lambda: count(connection, "ended") == TASKS)
            done = [row[0] / TASKS for row in connection.execute(sql("bench/done_by_worker")).fetchall()]
            shares += done + [0.0] * (WORKERS - len(done))
    detail = f"{WORKERS} workers of concurrency {CONCURRENCY}, {TASKS} tasks of {RUN_SECONDS:g} s"
    yield Figure("fairness, smallest share", 100 * min(shares), 25, True, detail, "%")
    yield Figure("fairness, largest share", 100 * max(shares), 42, False, detail, "%")


def urgency(server: str, rounds: int) -> Iterator[Figure]:
    """How long a task of priority 9 waits in front of a backlog, in run times of one task: the longest wait counts."""
    waits: list[float] = []
    with (
        database(server, "pgq_bench_urgency") as conninfo,
        connected(conninfo) as connection,
        fleet(conninfo, "-q", "default", "--concurrency", str(CONCURRENCY)) as workers,
    ):
        workers.wait_for_workers(connection, "default", 1)
        for _ in range(rounds):
            connection.execute(sql("bench/forget_tasks"))
            sleepers(connection, BACKLOG, RUN_SECONDS * (1 - SPREAD), RUN_SECONDS * (1 + SPREAD))
            until(workers, lambda: count(connection, "running") == CONCURRENCY)
            waits += [urgent_wait(workers, connection) for _ in range(URGENT)]
    yield Figure(
        "urgency, priority 9 in a backlog",
        max(waits) / RUN_SECONDS,
        1,
        False,
        f"the longest of {len(waits)} waits is {1000 * max(waits):.0f} ms, the median {1000 * median(waits):.0f} ms; "
        f"tasks run for {1000 * RUN_SECONDS:.0f} ms",
        "run times",
    )


def urgent_wait(workers: Fleet, connection: Connection[Any]) -> float:
    """Submit an urgent task; how many seconds it waited, by the database's clock."""
    (task,) = connection.execute(sql("bench/insert_urgent")).fetchone() or (None,)
    while not (row := connection.execute(sql("bench/waited"), {"id": task}).fetchone()):
        workers.check()
        time.sleep(0.005)
    waited: float = row[0]
    return waited


def sleepers(connection: Connection[Any], tasks: int, least: float, most: float) -> None:
    """Submit tasks that take `least` to `most` seconds."""
    connection.execute(sql("bench/insert_sleepers"), {"tasks": tasks, "least": least, "most": most})


def count(connection: Connection[Any], what: str) -> int:
    """How many tasks run, or have ended."""
    row = connection.execute(sql("bench/running" if what == "running" else "bench/ended")).fetchone()
    return row[0] if row else 0


def until(workers: Fleet, condition: Callable[[], bool]) -> None:
    """Return once the condition holds. Raises FleetFailed when the workers end."""
    while not condition():
        workers.check()
        time.sleep(0.02)
