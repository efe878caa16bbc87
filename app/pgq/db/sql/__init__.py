"""The statements that run at runtime: one a file, loaded by name."""

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString

COMMENT_LINE = re.compile(r"^ *--.*\n", re.MULTILINE)


@cache
def sql(name: str) -> LiteralString:
    """The statement in `name`.sql, without the lines that explain it: psycopg parses over 4 KB anew each time."""
    text = files(__name__).joinpath(f"{name}.sql").read_text("utf-8")
    return COMMENT_LINE.sub("", text)
