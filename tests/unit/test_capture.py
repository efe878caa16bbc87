"""What handlers log and print is kept with the right attempt, and nothing else is."""

import asyncio
import contextvars
import logging
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from pgq.client.app import App
from pgq.client.context import Context
from pgq.values.report import Report, current
from pgq.worker.call import outcome_of
from pgq.worker.capture import capturing
from pgq.worker.processes import Processes
from pgq.worker.running import Running
from tests.unit.test_outcome import TASK
from tests.unit.test_report import Heard
from tests.until import PATIENCE

logger = logging.getLogger("somebody.elses")


class Kept(Heard):
    """Hears many attempts."""

    def progress(self, lease: Any, said: Any) -> None:
        self.said.append(said)

    def of(self, task: UUID) -> list[str]:
        return [line.message for line in self.lines if line.lease.id == task]


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture(autouse=True)
def _level() -> Iterator[None]:
    logger.setLevel(logging.INFO)
    yield
    logger.setLevel(logging.NOTSET)


async def run(kept: Kept, function: Any, number: int = 1) -> UUID:
    """Run a function as a handler in a worker's process, its report going to `kept`."""
    task = TASK._replace(id=UUID(int=number), payload="{}")
    running = Running(task, report=Report(task, kept))
    with capturing(), ThreadPoolExecutor(1) as threads:
        await outcome_of(App().task(function), running, threads, Processes("dbname=nowhere"))
    return task.id


def say(words: str) -> None:
    logger.info("logged %s", words)
    print("printed", words)  # noqa: T201


async def test_records_and_prints_of_coroutines_and_of_threads(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    async def coroutine() -> None:
        say("on the loop")

    def plain() -> None:
        say("in a thread")

    one, two = await run(kept, coroutine, 1), await run(kept, plain, 2)

    assert kept.of(one) == ["logged on the loop", "printed on the loop"]
    assert kept.of(two) == ["logged in a thread", "printed in a thread"]
    assert [(line.level, line.logger) for line in kept.lines[:2]] == [("info", "somebody.elses"), ("info", "print")]


async def test_what_is_kept_is_logged_and_printed_all_the_same(
    kept: Kept, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "somebody.elses")

    async def coroutine() -> None:
        say("it")

    await run(kept, coroutine)

    assert capsys.readouterr().out == "printed it\n"
    assert [record.getMessage() for record in caplog.records if record.name == "somebody.elses"] == ["logged it"]


async def test_attempts_that_run_at_once_do_not_hear_each_other(kept: Kept) -> None:
    both = threading.Barrier(2)
    turns = [asyncio.Event(), asyncio.Event()]

    def talker(me: int) -> Any:
        async def coroutine() -> None:
            for _ in range(3):
                print("from", end=" ")  # noqa: T201
                await asyncio.create_task(a_moment(me))
                print(me)  # noqa: T201

        return coroutine

    async def a_moment(me: int) -> None:
        logger.info("from %d", me)
        turns[1 - me].set()
        await turns[me].wait()
        turns[me].clear()

    def in_thread(me: int) -> Any:
        def plain() -> None:
            for _ in range(3):
                both.wait(PATIENCE)
                say(str(me))

        return plain

    turns[1].set()
    await asyncio.gather(
        run(kept, talker(0), 10), run(kept, talker(1), 11), run(kept, in_thread(2), 12), run(kept, in_thread(3), 13)
    )

    for me in (0, 1):
        assert kept.of(UUID(int=10 + me)) == [f"from {me}"] * 6
    for me in (2, 3):
        assert kept.of(UUID(int=10 + me)) == [f"logged {me}", f"printed {me}"] * 3


async def test_nothing_is_kept_that_is_said_outside_of_handlers(kept: Kept) -> None:
    left_behind: list[contextvars.Context] = []

    async def coroutine() -> None:
        left_behind.append(contextvars.copy_context())
        other = threading.Thread(target=say, args=["in a thread of the program"])
        other.start()
        other.join()

    with capturing():
        say("before")
        await run(kept, coroutine)
        say("after")
        left_behind[0].run(say, "by what the handler left behind")

    assert kept.lines == []
    assert current.get() is None


async def test_what_pgq_says_of_an_attempt_is_not_in_its_log(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pgq.worker")

    async def fails() -> None:
        raise ValueError("no")

    await run(kept, fails)

    assert "ValueError" in caplog.text
    assert kept.lines == []


async def test_the_contexts_log_belongs_to_its_task_in_any_thread(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pgq.task")

    async def coroutine(ctx: Context) -> None:
        thread = threading.Thread(target=ctx.log.info, args=["from a thread of %s", "its own"])
        thread.start()
        thread.join()
        ctx.log.debug("below the level")
        ctx.progress(0.4, "resizing")

    task = await run(kept, coroutine)

    assert kept.of(task) == ["from a thread of its own"]
    (record,) = [record for record in caplog.records if record.name == "pgq.task"]
    assert record.task_id == str(task)  # type: ignore[attr-defined]
    assert record.filename == "threading.py"
    assert [(said.value, said.message) for said in kept.said] == [(0.4, "resizing")]


async def test_levels_and_filters_of_loggers_decide_and_their_handlers_do_not(kept: Kept) -> None:
    quiet = logging.getLogger("somebody.quiet")
    quiet.propagate = False

    def without_secrets(record: logging.LogRecord) -> bool:
        record.msg = record.msg.replace("secret", "***")
        return "drop" not in record.msg

    async def coroutine() -> None:
        logging.getLogger("somebody").info("the root's level is warning")
        quiet.warning("no handler hears this, and a secret")
        quiet.warning("drop this")

    quiet.addFilter(without_secrets)
    try:
        task = await run(kept, coroutine)
    finally:
        quiet.removeFilter(without_secrets)
        quiet.propagate = True

    assert kept.of(task) == ["no handler hears this, and a ***"]


async def test_a_traceback_is_part_of_its_line_and_a_broken_record_harms_nobody(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)

    async def coroutine() -> str:
        try:
            raise KeyError("card")
        except KeyError:
            logger.exception("it failed")
        logger.info("%d things", "many")
        return "went on"

    task = await run(kept, coroutine)

    first, second = kept.of(task)
    assert first.startswith("it failed\nTraceback")
    assert first.endswith("KeyError: 'card'")
    assert second.startswith("'%d things' (cannot be shown: TypeError)")


async def test_a_handler_that_prints_its_records_does_not_double_them(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    with capturing():
        handler = logging.StreamHandler(sys.stdout)  # the stream that keeps what is printed
        logger.addHandler(handler)

        async def coroutine() -> None:
            logger.info("once")

        try:
            task = await run(kept, coroutine)
        finally:
            logger.removeHandler(handler)

    assert kept.of(task) == ["once"]
    assert "once" in capsys.readouterr().out


async def test_all_is_as_before_when_the_last_worker_of_the_process_has_stopped(kept: Kept) -> None:
    before = sys.stdout, logging.Logger.callHandlers, list(logging.root.handlers)

    with capturing():
        with capturing():
            pass
        assert sys.stdout is not before[0]
        assert sys.stdout.encoding == before[0].encoding

    assert (sys.stdout, logging.Logger.callHandlers, list(logging.root.handlers)) == before
