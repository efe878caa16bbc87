"""However a handler ends, its attempt has an outcome, and the worker that ran it lives on."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pgq.client.app import App
from pgq.client.context import Context
from pgq.db.outcomes import HandBack
from pgq.values import raised
from pgq.values.outcome import BuryNow, CancelNow, Complete, RetryLater, SnoozeFor
from pgq.worker.call import outcome_of
from pgq.worker.deadlines import Deadlines
from pgq.worker.processes import Processes
from pgq.worker.running import Interrupt, Running
from tests.unit.test_outcome import TASK
from tests.until import PATIENCE


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


@pytest.fixture
def processes() -> Processes:
    return Processes("dbname=nowhere")


Outcome = Any
Run = Callable[..., Any]


@pytest.fixture
def run(threads: ThreadPoolExecutor, processes: Processes) -> Run:
    """Run a function as a handler, on a payload, and say what became of it."""

    async def run(function: Callable[..., Any], payload: str = "{}", **task: Any) -> Outcome:
        handler = App().task(function)
        running = Running(TASK._replace(payload=payload, **task))
        running.attempt = asyncio.current_task()
        Deadlines({running}).watch(running)
        return await outcome_of(handler, running, threads, processes)

    return run


def both(body: Callable[[], Any]) -> list[Callable[[], Any]]:
    """The same handler as a coroutine function and as a plain one."""

    async def coroutine() -> Any:
        return body()

    def plain() -> Any:
        return body()

    return [coroutine, plain]


def raising(error: BaseException) -> Callable[[], Any]:
    def body() -> Any:
        raise error

    return body


async def test_a_result(run: Run) -> None:
    for handler in both(lambda: {"n": 1}):
        assert await run(handler) == Complete('{"n":1}')


async def test_the_payload_becomes_the_arguments_and_the_context_comes_first(run: Run) -> None:
    async def greet(ctx: Context, name: str, times: int = 2) -> str:
        return f"{ctx.attempt} {name * times}"

    assert await run(greet, '{"name": "a"}', attempt=3) == Complete('"3 aa"')


@pytest.mark.parametrize(
    "error",
    [ValueError("no"), SystemExit(1), KeyboardInterrupt(), StopIteration(), StopAsyncIteration(), GeneratorExit()],
    ids=lambda error: type(error).__name__,
)
async def test_whatever_is_raised_is_an_outcome(run: Run, error: BaseException) -> None:
    for handler in both(raising(error)):
        outcome = await run(handler)
        assert isinstance(outcome, RetryLater)
        assert isinstance(await run(handler, attempt=4), BuryNow)


async def test_outcomes_that_are_raised(run: Run) -> None:
    for handler in both(raising(raised.Snooze(5))):
        assert await run(handler) == SnoozeFor(5)
    for handler in both(raising(raised.Cancel("enough"))):
        assert await run(handler) == CancelNow("enough")
    for handler in both(raising(raised.Bury())):
        assert isinstance(await run(handler), BuryNow)


@pytest.mark.parametrize(
    "payload",
    ["{}", '{"name": 5}', '{"name": null}', '{"name": ["a"]}', '{"name": 1' + "0" * 5_000 + "}", "nonsense"],
    ids=range(6),
)
async def test_a_payload_that_does_not_fit_buries_and_no_handler_runs(run: Run, payload: str) -> None:
    ran = []

    async def greet(name: str) -> None:
        ran.append(name)

    outcome = await run(greet, payload)

    assert isinstance(outcome, BuryNow)
    assert "payload does not fit" in outcome.error.message
    assert ran == []


@pytest.mark.parametrize("result", [{1}, "x" * 50_000_000, float("nan"), "\0"], ids=["set", "50 MB", "NaN", "NUL"])
async def test_a_result_that_cannot_be_kept_buries(run: Run, result: Any) -> None:
    for handler in both(lambda: result):
        outcome = await run(handler)
        assert isinstance(outcome, BuryNow)
        assert outcome.error.type == "UnstorableResult"


async def test_a_message_of_five_megabytes_is_cut(run: Run) -> None:
    for handler in both(raising(ValueError("x" * 5_000_000))):
        assert len((await run(handler)).error.message) < 20_000


async def test_an_attempt_that_runs_too_long_is_told_and_ends_as_timed_out(run: Run) -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    outcome = await run(forever, timeout_seconds=0.01)

    assert isinstance(outcome, RetryLater)
    assert outcome.error.type == "TimedOut"
    assert "0.01 s" in outcome.error.message


async def test_a_thread_that_runs_too_long_is_told(run: Run) -> None:
    told = threading.Event()

    def stubborn(ctx: Context) -> None:
        while not ctx.cancelled:
            pass
        told.set()

    assert (await run(stubborn, timeout_seconds=0.01)).error.type == "TimedOut"
    assert told.wait(PATIENCE)


async def test_a_handler_that_catches_its_timeout_and_answers_has_succeeded(run: Run) -> None:
    async def cleans_up() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "partial"
        return ""

    assert await run(cleans_up, timeout_seconds=0.01) == Complete('"partial"')


@pytest.mark.parametrize(
    ("why", "outcome"),
    [(Interrupt.LOST, None), (Interrupt.STOP, HandBack()), (Interrupt.CANCEL, CancelNow("cancelled"))],
)
async def test_an_attempt_that_is_stopped_before_it_began_never_begins(
    threads: ThreadPoolExecutor, processes: Processes, why: Interrupt, outcome: object
) -> None:
    async def never() -> None:
        raise AssertionError("it began")

    running = Running(TASK)
    running.stop(why)

    assert await outcome_of(App().task(never), running, threads, processes) == outcome


@pytest.mark.parametrize(
    ("why", "outcome"),
    [(Interrupt.LOST, None), (Interrupt.STOP, HandBack()), (Interrupt.CANCEL, CancelNow("cancelled while it ran"))],
)
async def test_an_attempt_that_is_stopped_while_it_runs(
    threads: ThreadPoolExecutor, processes: Processes, why: Interrupt, outcome: object
) -> None:
    began = asyncio.Event()

    async def waits() -> None:
        began.set()
        await asyncio.Event().wait()

    running = Running(TASK)
    attempt = asyncio.create_task(outcome_of(App().task(waits), running, threads, processes))
    running.attempt = attempt  # type: ignore[assignment]
    await began.wait()
    running.stop(why)

    assert await attempt == outcome


async def test_what_finished_although_it_was_told_to_stop_has_finished(
    threads: ThreadPoolExecutor, processes: Processes
) -> None:
    running = Running(TASK)

    async def finishes() -> int:
        running.stop(Interrupt.CANCEL)
        return 7

    assert await outcome_of(App().task(finishes), running, threads, processes) == Complete("7")
