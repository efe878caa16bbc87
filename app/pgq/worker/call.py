"""Run one handler and say what became of the attempt."""

import asyncio
import contextvars
import inspect
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any

from pgq.client.context import Context
from pgq.client.handler import Handler
from pgq.db.outcomes import HandBack
from pgq.values.outcome import BuryNow, CancelNow, Outcome, Policy, RetryLater, TimedOut, complete, decide
from pgq.values.parents import Parent
from pgq.values.report import current
from pgq.values.task import Claimed
from pgq.worker.arguments import arguments_of
from pgq.worker.processes import Processes
from pgq.worker.reference import reference_to
from pgq.worker.running import Interrupt, Running

log = logging.getLogger("pgq.worker")

AnyHandler = Handler[..., Any, ..., Any]


async def outcome_of(
    handler: AnyHandler, running: Running, threads: Executor, processes: Processes
) -> Outcome | HandBack | None:
    """What became of the attempt; None when its lease is lost and this worker may not say so any more.

    Every way in which a handler can end is an outcome, SystemExit and KeyboardInterrupt included: no task takes its
    worker with it.
    """
    task = running.task
    if (why := running.told()) is not None:
        return interrupted(why, handler, task)
    parents = () if running.parents is None else running.parents.result()
    if isinstance(parents, BuryNow):
        return parents
    elsewhere = handler.declaration.executor == "process"
    arguments = {} if elsewhere else arguments_of(handler, task)
    if isinstance(arguments, BuryNow):
        return arguments

    decided: Outcome | None = None
    error: BaseException | None = None
    result: Any = None
    speaking = current.set(None if elsewhere else running.report)
    try:
        if elsewhere:
            decided = await processes.run(reference_to(handler), task, parents, running.report)
        else:
            result = await call(handler, running, parents, arguments, threads)
    except BaseException as raised:
        error = raised
    current.reset(speaking)
    if running.report is not None:
        running.report.close()
    match running.told():
        case Interrupt.LOST:
            return None
        case Interrupt.CANCEL if error is not None:
            return CancelNow("cancelled while it ran")
        case Interrupt.STOP if error is not None:
            return HandBack()  # whatever it made of being interrupted
        case Interrupt.TIMEOUT if error is not None:
            error = too_long(task).with_traceback(error.__traceback__)
        case _:
            pass
    if error is not None:
        decided = decide(error, None, task, policy_of(handler))
    elif decided is None:
        decided = complete(result)
    if isinstance(decided, RetryLater | BuryNow):
        log.info("task %s (%s) attempt %d: %s", task.id, task.kind, task.attempt, decided.error.type)
    return decided


def too_long(task: Claimed) -> TimedOut:
    """What an attempt is ended with when its time is over."""
    return TimedOut(f"the attempt ran longer than its timeout of {task.timeout_seconds:g} s")


def policy_of(handler: AnyHandler) -> Policy:
    """What the handler's declaration says of its failures."""
    return Policy(handler.declaration.retry, handler.declaration.bury_on)


def interrupted(why: Interrupt, handler: AnyHandler, task: Claimed) -> Outcome | HandBack | None:
    """What becomes of an attempt that was stopped before it began, or that does not heed it."""
    match why:
        case Interrupt.LOST:
            return None
        case Interrupt.STOP:
            return HandBack()
        case Interrupt.CANCEL:
            return CancelNow("cancelled")
        case Interrupt.TIMEOUT:
            return decide(too_long(task), None, task, policy_of(handler))


async def call(
    handler: AnyHandler, running: Running, parents: Sequence[Parent], arguments: dict[str, Any], threads: Executor
) -> Any:
    """Call the handler where it belongs: a coroutine function on the loop, a plain one in a thread."""
    context = (Context(running.task, running.cancelled, running.report, parents),) if handler.wants_context else ()
    if handler.declaration.executor == "async":
        answer = handler.function(*context, **arguments)
        return await answer if inspect.isawaitable(answer) else answer

    variables = contextvars.copy_context()
    running.thread = threads.submit(answer_of, lambda: variables.run(handler.function, *context, **arguments))
    # Shielded: when the wait ends early, the thread goes on, and keeps its slot until it returns.
    result, error = await asyncio.shield(asyncio.wrap_future(running.thread))
    if error is not None:
        raise error
    return result


def answer_of(function: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """What a function in a thread returned or raised: as a value, for a future cannot carry StopIteration."""
    try:
        return function(), None
    except BaseException as error:
        return None, error
