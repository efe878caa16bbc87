"""How a command ends: its exit code, and one or two lines for a person when it did not go well."""

import os
import traceback
from collections.abc import Callable

import typer

from pgq.values.errors import InvalidTask, PgqError

FAILED, WRONG_USAGE, TIME_OVER, INTERRUPTED, BROKEN_PIPE = 1, 2, 3, 130, 141


class WrongUsage(Exception):
    """The command cannot be meant like this; the message says what is missing."""


class Failed(Exception):
    """The command did not succeed; the message says why, and what to do."""


def end_of(command: Callable[[], int | None], *, debug: bool) -> int:
    """Run a command; its exit code. Errors are said, not raised, but for those that are about the usage."""
    try:
        return command() or 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return BROKEN_PIPE
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        if is_about_usage(error):
            raise
        if debug or os.environ.get("PGQ_LOG_LEVEL", "").lower() == "debug":
            traceback.print_exception(error)
        words, code = words_for(error)
        typer.echo(f"pgq: {words}", err=True)
        return code


def words_for(error: Exception) -> tuple[str, int]:
    """What to tell a person, and the exit code."""
    match error:
        case InvalidTask() | WrongUsage():
            return str(error), WRONG_USAGE
        case PgqError() | Failed():
            return str(error), FAILED
    from pgq.db.errors import translated  # psycopg is needed only now

    known = translated(error)
    if isinstance(known, PgqError):
        return words_for(known)
    what = " ".join(str(error).split())[:500]
    if getattr(error, "sqlstate", None) or getattr(error, "orig", None):
        return f"the database refused: {what}", FAILED
    return f"{type(error).__name__}: {what} (the traceback: --debug)", FAILED


def is_about_usage(error: Exception) -> bool:
    """Whether it is one of the parser's own errors; older Typers take them from Click."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def end_of_usage(error: Exception) -> int:
    """Say what the parser found wrong, in a line; the exit code."""
    if not is_about_usage(error):
        raise error
    context = getattr(error, "ctx", None)
    words = error.format_message()  # type: ignore[attr-defined]
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(words, err=True)
    else:
        command = context.command_path if context else "pgq"
        typer.echo(f"{command}: {words.rstrip('.')} (see '{command} --help')", err=True)
    code: int = error.exit_code  # type: ignore[attr-defined]
    return code
