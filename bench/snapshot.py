"""What an old snapshot that somebody holds costs a drain: dead rows and index entries pile up behind it."""

from collections.abc import Iterator
from statistics import median

import psycopg

from bench import drain
from bench.measure import Figure, database

TASKS = 200_000


def figures(server: str, rounds: int) -> Iterator[Figure]:
    """A drain with a snapshot held from before its first claim, against one without, in turn."""
    with database(server, "pgq_bench_snapshot") as conninfo:
        free, held = [], []
        for _ in range(rounds):
            free.append(drain.seconds(conninfo, drain.pgq_worker, 1, tasks=TASKS))
            held.append(drain.seconds(conninfo, drain.pgq_worker, 1, tasks=TASKS, beside=old_snapshot))
        yield Figure(
            "drain under an old snapshot",
            median(held) / median(free),
            1.15,
            False,
            f"{TASKS / median(held):,.0f} tasks/s; {TASKS / median(free):,.0f} without it",
        )


def old_snapshot(conninfo: str) -> psycopg.Connection:
    """A transaction that saw the database as it is now, and stays open."""
    holder = psycopg.connect(conninfo)
    holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    holder.execute("SELECT count(*) FROM pgq.tasks")
    return holder
