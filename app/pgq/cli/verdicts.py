"""A table whose lines are good or bad, for `bench` and `doctor`: nothing of it is cut, since it says what to do."""

import sys
from collections.abc import Iterable, Sequence

from pgq.cli.output import cell, show_table

OK, BAD = "ok", "BAD"


def show_verdicts(headers: Sequence[str], rows: Iterable[tuple[bool, Sequence[object]]]) -> None:
    """Each row with its verdict before it. On a terminal in colours, with long cells wrapped."""
    lines = [(OK if good else BAD, [cell(value) for value in cells]) for good, cells in rows]
    if not sys.stdout.isatty():
        show_table(["", *headers], ([verdict, *cells] for verdict, cells in lines))
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("", *headers, box=SIMPLE_HEAD, pad_edge=False)
    for verdict, cells in lines:
        mark = Text(verdict, "green" if verdict == OK else "bold red")
        # Text, because a cell may hold what looks like markup.
        table.add_row(mark, *map(Text, cells))
    Console().print(table)
