"""What the verbs on tasks and dead letters have in common: by ids, or by a filter that is counted and asked about."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import UUID

import typer

from pgq.cli.failures import FAILED, WrongUsage, words_for
from pgq.cli.output import say, show, show_json, show_json_line
from pgq.cli.session import Session

if TYPE_CHECKING:
    from psycopg import Connection

    from pgq.operate.bulk import Report

SKIPPED_SHOWN = 20

Id = TypeVar("Id", UUID, str)


class Bulk(Protocol):
    """A verb by filter, with its filter."""

    def __call__(self, connection: "Connection[Any]", *, limit: int | None, dry_run: bool) -> "Report": ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says of a verb by filter."""

    filtered: bool
    everything: bool
    limit: int | None
    yes: bool
    dry_run: bool


def by_ids(ids: Sequence[UUID] | None, wanted: Wanted) -> bool:
    """Whether ids are given and no filter. Raises WrongUsage when both are, or neither."""
    if ids:
        if wanted != Wanted(False, False, None, wanted.yes, False):
            raise WrongUsage("give ids, or a filter with its --limit and --dry-run, not both")
        return True
    if not (wanted.filtered or wanted.everything):
        raise WrongUsage("give ids, or a filter such as --queue NAME; --all means every one")
    return False


def each_id(session: Session, ids: Sequence[Id], act: Callable[["Connection[Any]", Id], object]) -> int | None:
    """Do something to each id; `act` returns what to print. One that refuses stops no other, but the exit code is 1."""
    failed = False
    with session.connect() as connection:
        for one in ids:
            try:
                done = act(connection, one)
            except Exception as error:
                words, code = words_for(error)
                if code != FAILED or connection.broken:
                    raise
                say(f"pgq: {words}")
                failed = True
            else:
                show_json_line(done) if session.json else show(str(done))
    return FAILED if failed else None


def all_matching(session: Session, bulk: Bulk, wanted: Wanted, *, verb: str, done: str, noun: str) -> None:
    """Count, ask, do, report."""
    with session.connect() as connection:
        report = bulk(connection, limit=wanted.limit, dry_run=True)
        count = report.matched if wanted.limit is None else min(wanted.limit, report.matched)
        if count and not wanted.dry_run:
            agree(f"{verb} {counted(count, noun)}?", wanted.yes)
            # No more than was agreed to.
            report = bulk(connection, limit=count, dry_run=False)
    if session.json:
        show_json(report.to_json())
    elif wanted.dry_run:
        show(f"{counted(count, noun)} would be {done}")
    else:
        show(f"{counted(report.changed, noun)} {done}")
        for one in report.skipped[:SKIPPED_SHOWN]:
            say(f"skipped {one.id}: {one.reason}")
        if len(report.skipped) > SKIPPED_SHOWN:
            say(f"and {len(report.skipped) - SKIPPED_SHOWN:,} more were skipped (--json lists them all)")


def agree(question: str, yes: bool) -> None:
    """Ask, unless told not to. Raises WrongUsage when nobody can answer, and Exit when the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise WrongUsage(f"{question} There is nobody to ask: add --yes, or --dry-run to count only")
    if not typer.confirm(question, err=True):
        say("nothing was changed")
        raise typer.Exit(FAILED)


def counted(count: int, noun: str) -> str:
    """`1 task`, `1,200 tasks`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
