"""The command `pgq`: which commands there are, and how it ends."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pgq.cli import (
    api,
    bench,
    check,
    dlq,
    doctor,
    migrate,
    processes,
    queues,
    schedules,
    status,
    stress,
    submit,
    tasks,
    tokens,
    version,
    workers,
    workflows,
)
from pgq.cli.command import remember
from pgq.cli.failures import BROKEN_PIPE, INTERRUPTED, end_of_usage
from pgq.cli.session import Session
from pgq.values.version import pgq_version


class Root(TyperGroup):
    """Ends every command the same way, under a test's runner too."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra) or 0
            sys.stdout.flush()
        except BrokenPipeError:
            code = BROKEN_PIPE
            # Python flushes once more at exit: give it somebody who listens.
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
        except typer.Abort:  # Ctrl-C, or the end of the input at a question
            code = INTERRUPTED
        except Exception as error:
            code = end_of_usage(error)
        if standalone_mode:
            sys.exit(code)
        return code


app = typer.Typer(
    name="pgq",
    cls=Root,
    help="A distributed task queue that needs nothing but PostgreSQL.",
    epilog="Every setting is an environment variable, too: PGQ_DATABASE_URL, PGQ_CONCURRENCY, ...",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"pgq {pgq_version()}")
        raise typer.Exit


def root(
    show_version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=say_version, help="Show pgq's version.")
    ] = False,
) -> None:
    """Nothing but the options that all commands share."""


remember(app, root)
for group in (
    processes,
    api,
    tokens,
    migrate,
    check,
    version,
    submit,
    status,
    tasks,
    dlq,
    queues,
    schedules,
    workflows,
    workers,
    doctor,
    bench,
    stress,
):
    group.add_to(app)


def main() -> None:
    """The entry point of `pgq`, `pgq-tasks` and `python -m pgq`."""
    app(obj=Session(command=[sys.executable, *sys.orig_argv[1:]]))
