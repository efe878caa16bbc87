"""Rows as the text that COPY reads: made here, whole lines at once, since a driver would go value by value."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

SPECIAL = re.compile(r"[\\\t\n\r]")
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
CHUNK_CHARACTERS = 32_000
"""So much is sent at once: less than a socket holds, so that the server has work while the next lines are made."""


def columns(values: Iterable[Any]) -> str:
    """Values as one line's columns, without its end."""
    return "\t".join(map(column, values))


def column(value: Any) -> str:
    """One value."""
    match value:
        case None:
            return r"\N"
        case str():
            return escaped(value)
        case list():
            return escaped(array(value))
        case datetime():
            return value.isoformat()
        case _:
            return str(value)


def escaped(text: str) -> str:
    """Text, whatever it holds."""
    return text.translate(ESCAPES) if SPECIAL.search(text) else text


def array(texts: Iterable[str]) -> str:
    """An array of texts, as PostgreSQL writes it."""
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"


def chunks(lines: Iterable[str]) -> Iterator[str]:
    """Lines put together, so that few calls send them; no more than a chunk of them is held."""
    chunk: list[str] = []
    characters = 0
    for line in lines:
        chunk.append(line)
        characters += len(line)
        if characters > CHUNK_CHARACTERS:
            yield "".join(chunk)
            chunk, characters = [], 0
    yield "".join(chunk)
