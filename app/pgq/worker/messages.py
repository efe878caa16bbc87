"""What a worker and the processes of its handlers say to each other: a name and JSON, with the length in front.

No pickle: neither side runs what the other sends.
"""

import asyncio
import json
import struct
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from typing import Any, BinaryIO

from pydantic import TypeAdapter

from pgq.values.outcome import BuryNow, CancelNow, Complete, Outcome, RetryLater, SnoozeFor
from pgq.values.parents import Parent
from pgq.values.task import Claimed

LENGTH = struct.Struct("!I")
OUTCOMES: dict[str, type[Outcome]] = {
    outcome.__name__: outcome for outcome in (Complete, RetryLater, BuryNow, SnoozeFor, CancelNow)
}


def message(name: str, body: bytes | str) -> bytes:
    """A message, ready to be sent."""
    content = b" ".join((name.encode(), body.encode() if isinstance(body, str) else body))
    return LENGTH.pack(len(content)) + content


async def receive(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """The next message: its name and its body. Raises asyncio.IncompleteReadError or OSError at the end."""
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    return opened(await reader.readexactly(length))


def next_message(file: BinaryIO) -> tuple[str, bytes] | None:
    """The same, waiting for it; None at the end."""
    try:
        header = file.read(LENGTH.size)
        return opened(file.read(*LENGTH.unpack(header))) if len(header) == LENGTH.size else None
    except OSError:
        return None


def opened(content: bytes) -> tuple[str, bytes]:
    name, _, body = content.partition(b" ")
    return name.decode(), body


@cache
def adapter(name: str) -> TypeAdapter[Any]:
    """Reads and writes the values of a message of this name; made when first needed, for it takes its time."""
    return TypeAdapter(tuple[Claimed, list[Parent]] if name == "Run" else OUTCOMES[name])


def outcome_message(outcome: Outcome) -> bytes:
    """What became of an attempt; the message is named after it."""
    return message(type(outcome).__name__, json.dumps(asdict(outcome)))


def outcome_of(name: str, body: bytes) -> Outcome:
    """What became of an attempt, from its message."""
    outcome: Outcome = adapter(name).validate_json(body)
    return outcome


def run_message(handler: str, task: Claimed, parents: Sequence[Parent]) -> bytes:
    """Run the handler of that name with this task, and what its parents have given."""
    return message("Run", b" ".join((handler.encode(), adapter("Run").dump_json((task, list(parents))))))


def run_of(body: bytes) -> tuple[str, Claimed, list[Parent]]:
    """What to run, from its message."""
    name, _, given = body.partition(b" ")
    return name.decode(), *adapter("Run").validate_json(given)
