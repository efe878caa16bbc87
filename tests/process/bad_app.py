"""Handlers that do what no handler should; each is to harm its own task only."""

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

import pgq
from pgq.values.raised import Raised

app = pgq.App()


class BrokenMessage(Exception):
    """Cannot be shown."""

    def __str__(self) -> str:
        raise ValueError("no words")


class PoisonousMessage(Exception):
    """Tries to end more than itself."""

    def __str__(self) -> str:
        raise SystemExit("with words")


class Address(BaseModel):
    """An argument with a type."""

    street: str
    number: int


def exhausted() -> None:
    """What a forgotten default of next() does."""
    next(iter(()))


def interrupt_a_sibling() -> None:
    """KeyboardInterrupt out of the middle of a thread."""
    raise KeyboardInterrupt


def deep() -> list[Any]:
    """Lists in lists, deeper than JSON is written."""
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    return nested


def raising(error: Callable[[], BaseException]) -> Callable[[], None]:
    """A function that raises."""

    def function() -> None:
        raise error()

    return function


DEEDS: dict[str, tuple[Callable[[], Any], str]] = {
    "raises 5 MB": (raising(lambda: ValueError("x" * 5_000_000)), "ValueError"),
    "returns a set": (lambda: {1, 2}, "UnstorableResult"),
    "returns bytes": (lambda: b"raw", "UnstorableResult"),
    "returns itself": (lambda: sys, "UnstorableResult"),
    "returns 50 MB": (lambda: "x" * 50_000_000, "UnstorableResult"),
    "returns NUL": (lambda: {"text": "a\0b"}, "UnstorableResult"),
    "returns half a character": (lambda: "\ud800", "UnstorableResult"),
    "returns NaN": (lambda: [float("nan")], "UnstorableResult"),
    "returns 5,000 digits": (lambda: int("9" * 4_000) ** 2, "UnstorableResult"),
    "returns a deep list": (deep, "UnstorableResult"),
    "exits": (lambda: sys.exit(3), "SystemExit"),
    "is interrupted": (raising(KeyboardInterrupt), "KeyboardInterrupt"),
    "is cancelled by itself": (raising(asyncio.CancelledError), "CancelledError"),
    "ends its generator": (raising(GeneratorExit), "GeneratorExit"),
    "runs out of items": (exhausted, "StopIteration"),
    "has a broken message": (raising(BrokenMessage), "BrokenMessage"),
    "has a poisonous message": (raising(PoisonousMessage), "PoisonousMessage"),
    "has half a character": (raising(lambda: ValueError("\ud800 and \0")), "ValueError"),
    "has a strange reason": (raising(lambda: pgq.Bury(ValueError("why"))), "Bury"),  # type: ignore[arg-type]
    "raises the root": (raising(Raised), "Raised"),
    "raises a group": (raising(lambda: ExceptionGroup("two", [ValueError("a"), OSError("b")])), "ExceptionGroup"),
}
"""By name: the deed, and the type of error that its task is buried with."""


@app.task
async def misbehave(deed: str) -> Any:
    """On the event loop."""
    return DEEDS[deed][0]()


@app.task
def misbehave_in_thread(deed: str) -> Any:
    """In a thread."""
    return DEEDS[deed][0]()


@app.task(retry=lambda attempt: 1e15)
async def ask_for_a_retry_in_the_far_future() -> None:
    """In 30 million years."""
    raise ValueError("later")


@app.task(retry=lambda attempt: -1e15)
async def ask_for_a_retry_in_the_far_past() -> None:
    """30 million years ago."""
    raise ValueError("earlier")


@app.task
async def swallow_the_timeout() -> None:
    """Hears nothing."""
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            continue


@app.task
def leave_a_thread_behind() -> None:
    """Returns, but not alone."""
    threading.Thread(target=threading.Event().wait, daemon=True).start()


@app.task
async def leave_a_failing_coroutine_behind() -> None:
    """Nobody awaits it."""

    async def fail() -> None:
        raise ValueError("in the background")

    asyncio.get_running_loop().keep = asyncio.create_task(fail())  # type: ignore[attr-defined]


@app.task
async def greet(name: str, address: Address, times: int = 1) -> str:
    """Something with types."""
    return f"{name} of {address.street} {address.number}" * times


@app.task
async def echo(value: Any = None) -> Any:
    """To see that the worker still works."""
    return value
