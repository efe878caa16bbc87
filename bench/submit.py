"""Submits: bulk against a bare COPY into the same columns; one by one, with the notify trigger and without."""

import time
from collections.abc import Callable, Iterator
from statistics import median

import psycopg

import pgq
from bench.measure import Figure, database

BULK = 50_000
SINGLE = 1_000


def figures(server: str, rounds: int) -> Iterator[Figure]:
    """Bulk and single submits, each against its bare counterpart, in turn."""
    with (
        database(server, "pgq_bench_submit") as conninfo,
        psycopg.connect(conninfo, autocommit=True) as connection,
        pgq.App(conninfo) as app,
    ):

        @app.task(queue="email", timeout=30)
        def send_email(to: str, subject: str) -> None: ...

        connection.execute("CREATE TABLE bare (LIKE pgq.tasks INCLUDING DEFAULTS INCLUDING INDEXES)")
        connection.execute("ALTER TABLE bare ALTER run_at SET DEFAULT clock_timestamp()")
        new = [send_email.new(to="ada@example.com", subject="hi") for _ in range(BULK)]
        row = ("send_email", '{"to": "ada@example.com", "subject": "hi"}', "email", 5, 4, 30.0)

        def bare_copy() -> None:
            columns = "kind, payload, queue, priority, max_attempts, timeout_seconds"
            with connection.cursor().copy(f"COPY bare ({columns}) FROM STDIN") as copy:
                for _ in range(BULK):
                    copy.write_row(row)

        def one_by_one() -> None:
            for _ in range(SINGLE):
                connection.execute("INSERT INTO pgq.tasks (kind, payload) VALUES (%s, %s)", row[:2])

        bare, ours = [], []
        for _ in range(rounds):
            connection.execute("TRUNCATE bare, pgq.tasks")
            bare.append(seconds(bare_copy))
            ours.append(seconds(lambda: app.submit_many(new)))
        yield Figure(
            "bulk submit",
            median(bare) / median(ours),
            0.6,
            True,
            f"{BULK / median(ours):,.0f} tasks/s; a bare COPY does {BULK / median(bare):,.0f}",
        )

        with_trigger, without = [], []
        for _ in range(rounds):
            with_trigger.append(seconds(one_by_one))
            connection.execute("ALTER TABLE pgq.tasks DISABLE TRIGGER notify_ready")
            without.append(seconds(one_by_one))
            connection.execute("ALTER TABLE pgq.tasks ENABLE TRIGGER notify_ready")
        yield Figure(
            "single INSERT, notify trigger on",
            median(with_trigger) / median(without),
            1.1,
            False,
            f"{SINGLE / median(with_trigger):,.0f} inserts/s; {SINGLE / median(without):,.0f} with the trigger off",
        )


def seconds(action: Callable[[], object]) -> float:
    """How long it takes."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin
