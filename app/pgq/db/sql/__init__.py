"""The statements that run at runtime: one a file, loaded by name."""

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString

COMMENT_LINE = re.compile(r"^ *--.*\n", re.MULTILINE)


@cache
def sql(name: str) -> LiteralString:
    """The statement in `name`.sql, with the first line only of what explains it, for those who look at sessions.

    psycopg parses a text of over 4 KB anew each time.
    """
    first, _, rest = files(__name__).joinpath(f"{name}.sql").read_text("utf-8").partition("\n")
    return f"{first}\n{COMMENT_LINE.sub('', rest)}"
