"""Run one handler and say what became of the attempt."""

import asyncio
import contextvars
import inspect
import logging
from concurrent.futures import Executor
from typing import Any

from pgq.client.context import Context
from pgq.client.handler import Handler
from pgq.db.outcomes import HandBack
from pgq.values.errors import InvalidPayload
from pgq.values.json_text import Unstorable, from_text
from pgq.values.outcome import BuryNow, CancelNow, Outcome, Policy, TimedOut, decide, describe
from pgq.worker.running import Interrupt, Running

log = logging.getLogger("pgq.worker")

AnyHandler = Handler[..., Any, ..., Any]


async def outcome_of(handler: AnyHandler, running: Running, threads: Executor) -> Outcome | HandBack | None:
    """What became of the attempt; None when its lease is lost and this worker may not say so any more.

    Every way in which a handler can end is an outcome, SystemExit and KeyboardInterrupt included: no task takes its
    worker with it.
    """
    task = running.task
    if (why := running.told()) is not None:
        return interrupted(why)
    try:
        arguments = handler.signature.call_arguments(from_text(task.payload))
    except (Unstorable, InvalidPayload) as invalid:
        return BuryNow(describe(InvalidPayload(f"the payload does not fit: {invalid}")))

    error: BaseException | None = None
    result: Any = None
    clock = asyncio.timeout(task.timeout_seconds)
    try:
        async with clock:
            result = await call(handler, running, arguments, threads)
    except BaseException as raised:
        error = raised
    match running.told():
        case Interrupt.LOST:
            return None
        case Interrupt.CANCEL if error is not None:
            return CancelNow("cancelled while it ran")
        case Interrupt.STOP if isinstance(error, asyncio.CancelledError):
            return HandBack()
        case _:
            pass
    if clock.expired() and error is not None:
        running.cancelled.set()
        error = TimedOut(f"the attempt ran longer than its timeout of {task.timeout_seconds:g} s").with_traceback(
            error.__traceback__
        )
    if error is not None:
        log.info("task %s (%s) attempt %d: %s", task.id, task.kind, task.attempt, type(error).__name__)
    return decide(error, result, task, Policy(handler.declaration.retry, handler.declaration.bury_on))


def interrupted(why: Interrupt) -> Outcome | HandBack | None:
    """What becomes of an attempt that was stopped before it began."""
    match why:
        case Interrupt.LOST:
            return None
        case Interrupt.STOP:
            return HandBack()
        case Interrupt.CANCEL:
            return CancelNow("cancelled before it began")


async def call(handler: AnyHandler, running: Running, arguments: dict[str, Any], threads: Executor) -> Any:
    """Call the handler where it belongs: a coroutine function on the loop, a plain one in a thread."""
    context = (Context(running.task, running.cancelled),) if handler.wants_context else ()
    if handler.declaration.executor == "async":
        answer = handler.function(*context, **arguments)
        return await answer if inspect.isawaitable(answer) else answer

    variables = contextvars.copy_context()
    running.thread = threads.submit(lambda: variables.run(handler.function, *context, **arguments))
    # Shielded: when the wait ends early, the thread goes on, and keeps its slot until it returns.
    return await asyncio.shield(asyncio.wrap_future(running.thread))
