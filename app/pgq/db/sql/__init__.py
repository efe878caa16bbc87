"""The statements that run at runtime: one a file, loaded by name."""

from functools import cache
from importlib.resources import files
from typing import LiteralString


@cache
def sql(name: str) -> LiteralString:
    """The statement in `name`.sql, as it is."""
    return files(__name__).joinpath(f"{name}.sql").read_text("utf-8")
