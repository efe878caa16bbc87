"""`pgq stress`."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from pgq.cli.command import command
from pgq.cli.failures import FAILED
from pgq.cli.output import say, show, show_json
from pgq.cli.session import Session
from pgq.cli.verbs import counted

if TYPE_CHECKING:
    from pgq.stress.run import Report, Seen

SAY_EVERY = 2.0
"""Seconds between two lines of progress where there is no terminal."""

WRONG_SHOWN = 10


def add_to(app: typer.Typer) -> None:
    command(app, "stress")(stress)


def stress(
    session: Session,
    tasks: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many tasks to submit.")] = 10_000,
    failure_rate: Annotated[float, typer.Option(min=0, max=1, help="The share of tasks that fail, by design.")] = 0.1,
    workers: Annotated[int, typer.Option(min=1, max=100, help="How many worker processes to start.")] = 2,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the dead letters, to look at them.")] = False,
) -> int | None:
    """Run many tasks that succeed, fail, retry, snooze, are cancelled, and verify that each ended as it should.

    Works in a queue of its own. Without PGQ_DATABASE_URL it uses or starts the local PostgreSQL, as 'pgq up' does.
    """
    from pgq.fleet import interruptible
    from pgq.local import database
    from pgq.stress.handlers import app
    from pgq.stress.run import Order
    from pgq.stress.run import stress as run

    settings = session.settings()
    direct = settings.direct_url.get_secret_value() if settings.direct_url else None
    with interruptible(), database(settings, app) as conninfo:
        say(f"starting {counted(workers, 'worker')} ...")
        order = Order(conninfo, direct, tasks, failure_rate, workers, keep)
        with progress(tasks) as seen:
            report = run(order, seen)
    if session.json:
        show_json(report.to_json())
    else:
        tell(report)
        if keep and report.endings.get("dead"):
            say(f"its dead letters are kept: pgq dlq list --queue {report.queue}")
    return None if report.ok else FAILED


def tell(report: "Report") -> None:
    """The report in a few lines."""
    ended = ", ".join(f"{count:,} {state}" for state, count in report.endings.items())
    if report.ok:
        show(f"all {report.tasks:,} tasks ended exactly as they should: {ended}")
    else:
        show(f"of {report.tasks:,} tasks {len(report.wrong):,} did not end as they should: {ended}")
    show(f"{report.seconds:,.1f} s, {report.rate:,.0f} tasks/s")
    for one in report.wrong[:WRONG_SHOWN]:
        show(f"{one.id}: {one.found}; it should be {one.expected}")
    for words in report.leftovers:
        show(words)


@contextmanager
def progress(total: int) -> "Iterator[Seen]":
    """A bar on a terminal, else a line now and then; on stderr."""
    if not sys.stderr.isatty():
        yield lines(total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task("", total=total, rate="")
        rate_of = rates()

        def seen(_submitted: int, ended: int) -> None:
            bars.update(bar, completed=ended, rate=f"{rate_of(ended):,.0f} tasks/s")

        yield seen


def lines(total: int) -> "Seen":
    """Says how far it is, not too often."""
    rate_of = rates()
    said = time.monotonic()

    def seen(_submitted: int, ended: int) -> None:
        nonlocal said
        rate = rate_of(ended)
        if time.monotonic() - said >= SAY_EVERY or ended == total:
            said = time.monotonic()
            say(f"{ended:,} of {total:,} tasks have ended, {rate:,.0f} tasks/s")

    return seen


def rates() -> Callable[[int], float]:
    """From how many tasks have ended to how many did in a second, since the first time it is asked."""
    begin: float | None = None

    def rate_of(ended: int) -> float:
        nonlocal begin
        begin = begin or time.monotonic()
        return ended / max(time.monotonic() - begin, 1.0)

    return rate_of
