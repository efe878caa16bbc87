"""Data on stdout, as JSON or as a table for people; words on stderr."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import typer

from pgq.values.task import json_value

STATE_COLOURS = {
    "succeeded": "green",
    "running": "cyan",
    "retrying": "yellow",
    "dead": "red",
    "expired": "magenta",
    "cancelled": "bright_black",
}
NARROWEST = 20
"""The last column of a table keeps so many characters, however narrow the terminal is."""


def say(words: str) -> None:
    """A line for the person at the terminal; never data."""
    typer.echo(clean(words), err=True)


def show(text: str) -> None:
    """A line of data."""
    typer.echo(clean(text))


def show_json(value: Any) -> None:
    """A JSON value: indented on a terminal, else on one line."""
    typer.echo(as_json(value, indent=2 if sys.stdout.isatty() else None))


def show_json_line(value: Any) -> None:
    """One of many JSON values, each on a line of its own."""
    typer.echo(as_json(value, indent=None))


def as_json(value: Any, indent: int | None) -> str:
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return json.dumps(value, default=json_value_of, ensure_ascii=not unicode, indent=indent)


def json_value_of(value: Any) -> Any:
    plain = json_value(value)
    return plain if plain is not value else str(value)


def row_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON values."""
    return {name: json_value(value) for name, value in row.items()}


def show_table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table in plain columns, a row a line. On a terminal with colours, and the last column cut to what fits."""
    cells = [[header.upper() for header in headers], *([cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    if sys.stdout.isatty():
        show_coloured(cells, widths)
        return
    for row in cells:
        typer.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def show_coloured(cells: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console()
    last = max(console.width - sum(width + 2 for width in widths[:-1]), NARROWEST)
    for row in cells:
        # Text, because a cell may hold what looks like markup.
        line = [Text(text.ljust(width), STATE_COLOURS.get(text, "")) for text, width in zip(row, widths, strict=True)]
        line[-1].rstrip()
        line[-1].truncate(last, overflow="ellipsis")
        console.print(Text("  ").join(line), soft_wrap=True)


def cell(value: object) -> str:
    """A value in a line of people's text."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
        case float():
            return f"{value:,.1f}"
        case list() | tuple():
            return ",".join(map(cell, value)) or "-"
        case _:
            return clean(str(value)).replace("\n", "\\n").replace("\t", "\\t")


def clean(text: str) -> str:
    """The text without what could drive a terminal: names and messages come from anybody."""
    return "".join(one if one.isprintable() or one in "\n\t" else f"\\x{ord(one):02x}" for one in text)


def first_line(text: str, longest: int = 120) -> str:
    """The beginning of a message."""
    line = (text.strip().splitlines() or [""])[0]
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
