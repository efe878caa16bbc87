"""Submits: bulk against a bare COPY into the same columns; one by one, with the notify trigger and without."""

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

from psycopg import Connection

from pgq.bench.figure import Figure
from pgq.bench.server import connected, database
from pgq.client.app import App
from pgq.db.sql import sql

BULK = 50_000
SLICE, SLICES = 100, 40
"""Single INSERTs at a time, with the trigger and without it in turn: what a disk does changes within a second."""

PAYLOAD = '{"to": "ada@example.com", "subject": "hi"}'
ROW = ("send_email", PAYLOAD, "email", 5, 4, 30.0)


def figures(server: str, rounds: int) -> Iterator[Figure]:
    """Bulk and single submits, each against its bare counterpart, in turn."""
    with database(server, "pgq_bench_submit") as conninfo, connected(conninfo) as connection:
        yield bulk(conninfo, connection, rounds)
        yield single(connection, rounds)


def bulk(conninfo: str, connection: Connection[Any], rounds: int) -> Figure:
    """`submit_many` of a handler's tasks, which are made and checked beforehand, against a bare COPY."""
    connection.execute(sql("bench/make_bare_tasks"))
    connection.execute(sql("bench/default_bare_run_at"))

    def bare_copy() -> None:
        with connection.cursor().copy(sql("bench/copy_bare_tasks")) as copy:
            for _ in range(BULK):
                copy.write_row(ROW)

    with App(conninfo) as app:

        @app.task(queue="email", timeout=30)
        def send_email(to: str, subject: str) -> None: ...

        new = [send_email.new(to="ada@example.com", subject="hi") for _ in range(BULK)]
        bare, ours = [], []
        for _ in range(rounds):
            connection.execute(sql("bench/forget_bare_tasks"))
            bare.append(seconds(bare_copy))
            ours.append(seconds(lambda: app.submit_many(new)))
    return Figure(
        "bulk submit",
        median(bare) / median(ours),
        0.6,
        True,
        f"{BULK / median(ours):,.0f} tasks/s; a bare COPY does {BULK / median(bare):,.0f}",
    )


def single(connection: Connection[Any], rounds: int) -> Figure:
    """INSERTs with the notify trigger against INSERTs without; nobody waits for a notification."""

    def one_by_one() -> None:
        for _ in range(SLICE):
            connection.execute(sql("bench/insert_email"), {"kind": "send_email", "payload": PAYLOAD})

    with_trigger, without = [], []
    for _ in range(rounds * SLICES):
        with_trigger.append(seconds(one_by_one))
        connection.execute(sql("bench/notify_off"))
        without.append(seconds(one_by_one))
        connection.execute(sql("bench/notify_on"))
    return Figure(
        "single INSERT, notify trigger on",
        median(with_trigger) / median(without),
        1.1,
        False,
        f"{SLICE / median(with_trigger):,.0f} inserts/s; {SLICE / median(without):,.0f} with the trigger off",
        "times as long",
    )


def seconds(action: Callable[[], object]) -> float:
    """How long it takes."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin
