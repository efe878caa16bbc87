"""A whole worker over HTTP in one file: copy it, replace HANDLERS. Needs `pip install httpx2` (httpx does it, too).

    PGQ_API_URLS=http://127.0.0.1:8000,http://127.0.0.1:8001 PGQ_TOKEN_FILE=token python worker.py

Also read: PGQ_TOKEN, PGQ_QUEUES (default,mail), PGQ_CONCURRENCY (4), PGQ_WORKER_NAME, PGQ_GRACE_SECONDS (25).
What the protocol promises, and why a worker does what this one does: docs/http-workers.md.
"""

import asyncio
import json
import logging
import os
import random
import signal
import socket
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2 as httpx

log = logging.getLogger("worker")


# Handlers: what you replace. They take the payload and their attempt, and return a JSON value. A handler that blocks
# would stop the heartbeats with it: `await asyncio.to_thread(function, …)` for such work.


class Snooze(Exception):
    """Raised by a handler: Snooze(60) runs this again in 60 s; no attempt is used."""


class Hopeless(Exception):
    """Raised by a handler: no retry can mend this, straight to the dead letters."""


async def count_words(payload: dict[str, Any], _: "Attempt") -> Any:
    """The plain case."""
    if not isinstance(payload.get("text"), str):
        raise Hopeless("the payload has no text")
    return {"words": len(payload["text"].split())}


async def countdown(payload: dict[str, Any], attempt: "Attempt") -> Any:
    """Long work: it tells how far it is. When it is cancelled or its lease is lost, it is stopped at an await."""
    steps = int(payload["steps"])
    for step in range(1, steps + 1):
        await asyncio.sleep(payload["seconds"])
        attempt.progress(step / steps, f"{step} of {steps}")
        attempt.log(f"step {step}")
    return {"steps": steps}


async def unsteady(payload: dict[str, Any], attempt: "Attempt") -> Any:
    """Fails as often as it is told to, then succeeds."""
    if attempt.task["attempt"] <= payload["failures"]:
        raise RuntimeError(f"attempt {attempt.task['attempt']} was not to be")
    return {"attempt": attempt.task["attempt"]}


async def not_before(payload: dict[str, Any], _: "Attempt") -> Any:
    """Not ready yet is no failure: it snoozes until `at` (seconds since 1970)."""
    if (left := payload["at"] - time.time()) > 0:
        raise Snooze(left)
    return {"late_seconds": -left}


Handler = Callable[[dict[str, Any], "Attempt"], Awaitable[Any]]
HANDLERS: dict[str, Handler] = {one.__name__: one for one in (count_words, countdown, unsteady, not_before)}


class Attempt:
    """A task that this worker holds, and what its handler has said since the last heartbeat."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.task = task
        self.renewed_at = time.monotonic()  # by our own clock, which nobody sets
        self.handler: asyncio.Future[Any] | None = None
        self.stopped = ""  # why the handler was stopped: "lost" or "cancelled"
        self.last_progress: dict[str, Any] | None = None
        self.lines: list[dict[str, Any]] = []
        self.numbers = iter(range(1, 2**31))  # of its lines: a heartbeat that is sent again doubles none

    def progress(self, value: float, message: str = "") -> None:
        """How far it is, from 0 to 1; the newest goes with the next heartbeat."""
        self.last_progress = {"value": min(max(value, 0), 1), "message": clean(message)[:1000]}

    def log(self, message: str, level: str = "info") -> None:
        """A line of the task's log."""
        self.lines.append({"n": next(self.numbers), "level": level, "message": clean(message)})

    def tell(self) -> dict[str, Any]:
        """Its part of a heartbeat: of the lines at most 1,000."""
        progress, lines = self.last_progress, self.lines[:1000]
        self.last_progress, self.lines = None, self.lines[1000:]
        return {"id": self.task["id"], "lease_epoch": self.task["lease_epoch"], "progress": progress, "log": lines}

    def tell_again(self, told: dict[str, Any]) -> None:
        """Keep what was not heard for the next heartbeat, before what has been said since."""
        self.last_progress = self.last_progress or told["progress"]
        self.lines = told["log"] + self.lines

    def stop(self, why: str) -> None:
        """Stop the handler, if it still runs."""
        if self.handler is not None and not self.handler.done():
            self.stopped = why
            self.handler.cancel()


class Api:
    """One service at several addresses: whoever fails is left for the next."""

    def __init__(self, addresses: list[str]) -> None:
        self.addresses = addresses
        self.turn = 0
        self.failures = 0  # since the last answer
        self.client = httpx.AsyncClient(timeout=None)

    async def call(self, method: str, path: str, body: Any = None, seconds: float = 10) -> httpx.Response | None:
        """One request. None, after a pause, when it is to be sent again: then it goes to the next address."""
        turn = self.turn
        url = self.addresses[turn % len(self.addresses)] + path
        pause = 0.0
        try:
            # One timeout for all of it: also an address that accepts and then falls silent must be left.
            async with asyncio.timeout(seconds):
                answer = await self.client.request(method, url, json=body, headers=authorization())
        except (httpx.TransportError, TimeoutError) as error:
            reason = f"{type(error).__name__} {error}"
        else:
            if answer.status_code != 429 and answer.status_code < 500:
                self.failures = 0
                return answer
            reason, pause = f"{answer.status_code} {answer.text[:200]}", float(answer.headers.get("Retry-After", 0))
        log.warning("%s %s: %s", method, url, reason)
        if self.turn == turn:  # else another request has moved on already
            self.turn += 1
            self.failures += 1
        rounds = min(self.failures // len(self.addresses), 10)  # the first is quick: the next address may be fine
        await asyncio.sleep(max(pause, min(3, 0.1 * 2**rounds)) * random.uniform(0.5, 1.5))
        return None

    async def insist(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Send a request until it is answered. Right for what may be repeated: all but claims."""
        while (answer := await self.call(method, path, body)) is None:
            pass
        return answer


class Worker:
    """Registers, claims, runs, beats, finishes, and leaves."""

    def __init__(self) -> None:
        addresses = os.environ.get("PGQ_API_URLS", "http://127.0.0.1:8000").split(",")
        self.api = Api([one.strip().rstrip("/") for one in addresses])
        self.slots = int(os.environ.get("PGQ_CONCURRENCY", "4"))
        self.held: dict[str, Attempt] = {}
        self.running: set[asyncio.Task[None]] = set()
        self.stopping = asyncio.Event()
        self.path = ""
        self.lease_seconds = self.heartbeat_seconds = 0.0

    async def register(self) -> None:
        """Become a worker. Repeated when no answer came: a name without a heartbeat is gone after 15 s."""
        name = os.environ.get("PGQ_WORKER_NAME", f"{socket.gethostname()}-{os.getpid()}")
        queues = os.environ.get("PGQ_QUEUES", "default").split(",")
        wanted = {"name": name, "queues": queues, "kinds": list(HANDLERS)}
        answer = await self.api.insist("POST", "/v1/workers", wanted)
        if answer.status_code != 201:  # a token without rights, say: waiting does not mend that
            sys.exit(f"could not register: {answer.status_code} {answer.text}")
        me = answer.json()
        self.path = f"/v1/workers/{me['id']}"
        self.lease_seconds, self.heartbeat_seconds = me["lease_seconds"], me["heartbeat_seconds"]
        log.info("worker %s serves %s", me["id"], ", ".join(queues))

    async def register_anew(self, path: str) -> None:
        """We are not known any more: what we hold is lost, and we begin again."""
        if path == self.path:  # else another request has found that out before
            for attempt in self.held.values():
                attempt.stop("lost")
            await self.register()

    async def claim(self) -> None:
        """Ask for as many tasks as there are free slots; the server holds the question until there is one."""
        path, body = self.path, {"limit": self.slots - len(self.running), "wait_seconds": 20}
        # Not insisted on: an answer that got lost may have held tasks. Their leases run out, and they run again.
        answer = await self.api.call("POST", f"{path}/claim", body, seconds=30)
        if answer is None:
            return
        if answer.status_code == 404:
            await self.register_anew(path)
        elif answer.status_code != 200:  # 401 while a token is replaced, say
            log.error("claim: %s %s", answer.status_code, answer.text)
            await asyncio.sleep(random.uniform(2, 5))
        else:
            for task in answer.json()["tasks"]:
                attempt = self.held[task["id"]] = Attempt(task)
                self.running.add(running := asyncio.create_task(self.run(attempt, path)))
                running.add_done_callback(self.running.discard)
            if answer.json()["draining"]:
                self.stopping.set()
            elif not answer.json()["tasks"]:
                await asyncio.sleep(0.1)  # a service that is stopping answers at once: no busy loop with it

    async def claim_for_ever(self, stopping: asyncio.Task[Any]) -> None:
        """Until told to stop."""
        while not self.stopping.is_set():
            if len(self.running) < self.slots:
                await self.claim()
            else:
                await asyncio.wait((*self.running, stopping), return_when=asyncio.FIRST_COMPLETED)

    async def run(self, attempt: Attempt, path: str) -> None:
        """One attempt, and its outcome told until it is heard."""
        task = attempt.task
        outcome: dict[str, Any]
        try:
            if task["kind"] not in HANDLERS:
                raise Hopeless(f"this worker has no handler for {task['kind']}")
            # The handler is a task of its own, so that stopping it does not stop the telling.
            attempt.handler = asyncio.ensure_future(HANDLERS[task["kind"]](task["payload"], attempt))
            async with asyncio.timeout(task["timeout_seconds"]):
                verb, outcome = "complete", {"result": await attempt.handler}
            json.dumps(outcome, allow_nan=False)  # here, where it is the handler's error when that is no JSON
        except Snooze as snooze:
            verb, outcome = "snooze", {"delay_seconds": snooze.args[0]}
        except asyncio.CancelledError:
            if not attempt.stopped:  # the whole worker ends
                raise
            verb, outcome = "fail", failure("Cancelled", f"stopped: {attempt.stopped}")
        except Exception as error:
            retry = not isinstance(error, Hopeless)
            verb, outcome = "fail", failure(type(error).__name__, str(error), retry, traceback.format_exc())
        if attempt.stopped != "lost":  # then there is nobody to tell: the task is somebody else's
            await self.settle(attempt, path, verb, outcome)
        if self.held.get(task["id"]) is attempt:
            del self.held[task["id"]]

    async def settle(self, attempt: Attempt, path: str, verb: str, outcome: dict[str, Any]) -> None:
        """Tell the outcome until it is answered. The lease is kept meanwhile: the attempt is still in `held`."""
        if attempt.last_progress or attempt.lines:
            await self.beat([attempt])  # last words, while the lease is ours
        task, fence = attempt.task, {"lease_epoch": attempt.task["lease_epoch"]}
        path = f"{path}/tasks/{task['id']}"
        answer = await self.api.insist("POST", f"{path}/{verb}", fence | outcome)
        if verb == "complete" and answer.status_code in (400, 413, 422):
            # The result cannot be kept: too large, or nothing that PostgreSQL takes. A retry would end the same.
            refused = failure("ResultRefused", answer.text[:1000], retry=False)
            answer = await self.api.insist("POST", f"{path}/fail", fence | refused)
        if answer.status_code != 200:  # 409: the lease is lost and somebody else has the task; what we did is dropped
            log.warning("%s %s: %s %s", verb, task["id"], answer.status_code, answer.text)

    async def beat(self, attempts: list[Attempt]) -> bool:
        """Renew the leases of these attempts, with what their handlers have said; whether that was answered."""
        path, asked_at = self.path, time.monotonic()
        told = [one.tell() for one in attempts]
        # No longer than until the next one is due: a silent address must not cost the leases.
        answer = await self.api.call("POST", f"{path}/heartbeat", {"tasks": told}, max(self.heartbeat_seconds, 1))
        if answer is None:
            for one, words in zip(attempts, told, strict=True):
                one.tell_again(words)
        elif answer.status_code == 404:
            await self.register_anew(path)
        elif answer.status_code != 200:
            log.error("heartbeat: %s %s", answer.status_code, answer.text)
        else:
            news = answer.json()
            for one in attempts:
                if one.task["id"] in news["lost"]:
                    one.stop("lost")
                elif one.task["id"] not in news["not_renewed"]:
                    one.renewed_at = asked_at
                if one.task["id"] in news["cancel"]:
                    one.stop("cancelled")
            if news["draining"]:
                self.stopping.set()
        return answer is not None

    async def beat_for_ever(self) -> None:
        """Also without a task: the heartbeat is what says that this worker lives."""
        while True:
            answered = await self.beat(list(self.held.values()))
            for one in self.held.values():
                # Nobody could be reached for most of a lease: the task may be somebody else's by now.
                if time.monotonic() - one.renewed_at > 0.85 * self.lease_seconds:
                    one.stop("lost")
            if answered:  # else at once to the next address
                await asyncio.sleep(self.heartbeat_seconds * random.uniform(0.8, 1))

    async def live(self) -> None:
        """From the first request to the last."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stopping.set)
        await self.register()
        stopping = asyncio.create_task(self.stopping.wait())  # then: claim no more, finish what is held, leave
        beating = asyncio.create_task(self.beat_for_ever())
        claiming = asyncio.create_task(self.claim_for_ever(stopping))
        done, _ = await asyncio.wait((stopping, beating, claiming), return_when=asyncio.FIRST_COMPLETED)
        for part in done:
            part.result()  # of a bug, the traceback: better to end than to live on as half a worker
        log.info("draining: %d tasks to finish", len(self.running))
        try:
            async with asyncio.timeout(float(os.environ.get("PGQ_GRACE_SECONDS", "25"))):
                # This ends our long poll, too. To cut it off here could lose a task that is on its way to us.
                await self.api.insist("POST", f"{self.path}/drain")
                await claiming
                while self.running:
                    await asyncio.wait(self.running)
        except TimeoutError:
            log.warning("%d tasks are not finished; others run them", len(self.running))
        beating.cancel()
        async with asyncio.timeout(5):  # leaving hands back what we still hold: no attempt is lost, nobody has to wait
            await self.api.insist("DELETE", self.path)
            await self.api.client.aclose()


def authorization() -> dict[str, str]:
    """The token, read anew each time: a file may be replaced while the worker runs."""
    file = os.environ.get("PGQ_TOKEN_FILE")
    token = Path(file).read_text().strip() if file else os.environ.get("PGQ_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def clean(text: str) -> str:
    """Text that the service takes: no NUL, no half characters. One bad line must not cost a heartbeat."""
    return text.replace("\0", "").encode(errors="replace").decode()


def failure(kind: str, message: str, retry: bool = True, where: str = "") -> dict[str, Any]:
    """The body of a fail."""
    return {"error": {"type": kind, "message": clean(message), "traceback": clean(where)}, "retry": retry}


if __name__ == "__main__":
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx2").setLevel("WARNING")
    asyncio.run(Worker().live())
