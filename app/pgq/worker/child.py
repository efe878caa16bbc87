"""A process that runs handlers for a worker, one after the other.

It dies with its worker, whatever the handler is doing: the end of the socket between them ends its process group.
"""

import asyncio
import inspect
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from logging.handlers import QueueHandler
from queue import SimpleQueue
from typing import Any

from pgq.client.context import Context
from pgq.values.backoff import exponential
from pgq.values.outcome import BuryNow, Outcome, Policy, decide, describe
from pgq.values.parents import Parent
from pgq.values.report import Report, current
from pgq.values.task import Claimed
from pgq.worker.arguments import arguments_of
from pgq.worker.capture import install
from pgq.worker.child_reports import ToReport
from pgq.worker.messages import message, next_message, outcome_message, run_of
from pgq.worker.reference import AnyHandler, handler_at

LAST_WORDS = 2.0
"""Seconds that an idle process gets for its own way out, once its worker needs it no more."""


class Channel:
    """The way to the worker; used by any thread that logs."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self.socket = socket.socket(fileno=descriptor)
        self.sending = threading.Lock()

    def send(self, message: bytes) -> None:
        """Send a message whole. Raises OSError when the worker has gone."""
        with self.sending:
            self.socket.sendall(message)


class ToWorker(QueueHandler):
    """Passes log records on, so that they come out where and how the worker's own do."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(SimpleQueue())
        self.channel = channel

    def enqueue(self, record: logging.LogRecord) -> None:
        self.channel.send(message("Log", json.dumps(vars(record), default=str)))


class Child:
    """What to run comes in, what became of it goes out; the main thread runs it."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.requests: SimpleQueue[tuple[str, bytes] | None] = SimpleQueue()
        self.busy = False

    def run(self) -> None:
        """Until the worker needs this process no more."""
        threading.Thread(target=self.listen, name="pgq-worker-lives", daemon=True).start()
        while (request := self.requests.get()) is not None:
            name, body = request
            if name == "SetUp":
                self.set_up(**json.loads(body))
                continue
            self.busy = True
            handler, task, parents = run_of(body)
            report = Report(task, to_report := ToReport(self.channel.send))
            outcome = attempt(handler, task, parents, report)
            report.close()
            to_report.flush()
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError, ValueError):  # closed: nobody reads what was printed
                    stream.flush()
            self.busy = False
            self.channel.send(outcome_message(outcome))

    def set_up(self, path: list[str], level: int) -> None:
        """Find modules where the worker finds them, and log what it logs."""
        sys.path[:] = path
        logging.root.addHandler(ToWorker(self.channel))
        logging.root.setLevel(level)
        install()

    def listen(self) -> None:
        """Hear requests, and the end of the worker: then nothing of this process group is left running."""
        with self.channel.socket.makefile("rb") as incoming:
            while request := next_message(incoming):
                self.requests.put(request)
        self.requests.put(None)
        if not self.busy:
            time.sleep(LAST_WORDS)
        os.killpg(os.getpid(), signal.SIGKILL)  # the group that the worker made this process lead


def attempt(reference: str, task: Claimed, parents: Sequence[Parent], report: Report) -> Outcome:
    """Run a handler and say what became of the attempt; `report` takes what it says meanwhile."""
    try:
        handler = handler_at(reference)
        policy = Policy(handler.declaration.retry, handler.declaration.bury_on)
    except BaseException as error:  # the module's own code ran: it may raise anything
        return decide(error, None, task, Policy(exponential()))
    try:
        arguments = arguments_of(handler, task)
        if isinstance(arguments, BuryNow):
            return arguments
        try:
            result = call(handler, Context(task, threading.Event(), report, parents), arguments, report)
        except BaseException as error:
            return decide(error, None, task, policy)
        return decide(None, result, task, policy)
    except Exception as broken:  # its retry function, for one
        return BuryNow(describe(broken))


def call(handler: AnyHandler, seen: Context, arguments: dict[str, Any], report: Report) -> Any:
    """Call the handler; a coroutine gets an event loop of its own."""
    context = (seen,) if handler.wants_context else ()

    async def awaited() -> Any:
        return await answer

    speaking = current.set(report)
    try:
        answer = handler.function(*context, **arguments)
        return asyncio.run(awaited()) if inspect.isawaitable(answer) else answer
    finally:
        current.reset(speaking)


def main(descriptor: int) -> None:
    """Run handlers for the worker at the other end of this socket."""
    Child(Channel(descriptor)).run()
