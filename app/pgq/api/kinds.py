"""What workers publish of their kinds, as the submits of one process know it."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from pgq.api.problems import FieldError, Problem, pointer
from pgq.api.schema import Checker, checker_of
from pgq.api.services import Services
from pgq.db.errors import one_line
from pgq.db.sql import sql

log = logging.getLogger("pgq.api")

FRESH_SECONDS = 1.0
"""A schema or a queue that a worker publishes holds after at most so long."""
LARGE = 50_000
"""Payloads of more characters are checked in a thread: other requests go on meanwhile."""
SHOWN = 20
"""Errors that an answer names."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind's queue, and what checks its payloads; None where anything goes."""

    queue: str | None
    checker: Checker | None


UNKNOWN = Kind(None, None)


class Kinds:
    """The published kinds, at most a second old. Where they cannot be read, the last ones hold."""

    def __init__(self, services: Services) -> None:
        self.pools = services.pools
        self.known: Mapping[str, Kind] = {}
        self.checkers: dict[str, Checker | None] = {}
        self.read_at = float("-inf")
        self.reading: asyncio.Task[None] | None = None

    async def kind(self, name: str) -> Kind:
        """What is published of a kind."""
        await self.refresh()
        return self.known_kind(name)

    async def refresh(self) -> None:
        """Read what is published, unless that was done within the last second."""
        if time.monotonic() - self.read_at > FRESH_SECONDS:
            if self.reading is None:
                self.reading = asyncio.create_task(self.read())
            await asyncio.shield(self.reading)

    def known_kind(self, name: str) -> Kind:
        """What was read of a kind last."""
        return self.known.get(name, UNKNOWN)

    async def read(self) -> None:
        try:
            async with self.pools.connection_async() as connection, connection.cursor(row_factory=tuple_row) as cursor:
                rows = await (await cursor.execute(sql("kinds_for_submit"))).fetchall()
            self.known = {name: Kind(queue, self.checker(name, schema)) for name, queue, schema in rows}
        except psycopg.Error as error:
            log.warning("the published kinds cannot be read: %s", one_line(error))
        finally:
            self.read_at = time.monotonic()
            self.reading = None

    def checker(self, name: str, schema: str | None) -> Checker | None:
        """Made once for each schema; a broken one checks nothing."""
        if schema is None:
            return None
        if schema not in self.checkers:
            if len(self.checkers) > 10_000:  # of versions long gone
                self.checkers.clear()
            try:
                self.checkers[schema] = checker_of(schema)
            except Exception as error:
                log.warning(
                    "the payload schema of kind %s is broken and checks nothing: %s", name, one_line(error)[:200]
                )
                self.checkers[schema] = None
        return self.checkers[schema]

    async def close(self) -> None:
        """Wait for the read that is under way."""
        if self.reading is not None:
            await self.reading


async def check_payload(kind: Kind, payload: dict[str, Any], text: str) -> None:
    """Raise the problem `invalid`, which names the fields, for a payload that does not fit its kind's schema."""
    if kind.checker is None:
        return
    found = await asyncio.to_thread(errors_in, kind, payload, ()) if len(text) > LARGE else errors_in(kind, payload, ())
    raise_invalid(found)


def errors_in(kind: Kind, payload: dict[str, Any], path: tuple[str | int, ...]) -> list[FieldError]:
    """What does not fit, with pointers into the body: the payload is at `path` + /payload."""
    if kind.checker is None:
        return []
    try:
        faults = kind.checker(payload)
    except Exception as error:  # a schema may refer to what it does not hold
        log.warning("a payload schema failed and checks nothing: %s", one_line(error)[:200])
        return []
    return [FieldError(pointer([*path, "payload", *fault.path]), fault.reason) for fault in faults[:SHOWN]]


def raise_invalid(errors: list[FieldError]) -> None:
    """Raise the problem `invalid` if there are errors."""
    if errors:
        raise Problem("invalid", "; ".join(f"{one.pointer}: {one.detail}" for one in errors[:3]), errors=errors)
