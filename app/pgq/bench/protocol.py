"""Remote workers: one API process, auth on, every outcome durable; and what workers cost that only wait."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from pgq.bench.api import Api, forget, loop, serving
from pgq.bench.drain import fill
from pgq.bench.figure import Figure
from pgq.bench.server import connected, database
from pgq.bench.usage import usage_of

WORKERS, AT_ONCE, CONNECTIONS = 16, 20, 20
TASKS = 20_000
WAITING, IDLE_SECONDS = 500, 20.0


def figures(server: str, rounds: int) -> Iterator[Figure]:
    """Tasks a second through one process; the share of a core that idle long polls cost."""
    with database(server, "pgq_bench_protocol") as conninfo, serving(conninfo) as api:
        rates, api_cpu, server_cpu = [], [], []
        for _ in range(rounds):
            fill(conninfo, TASKS)
            before = cpu_of(api.pid), cpu_of(postmaster(conninfo))
            rates.append(api.load(Working(TASKS)))
            api_cpu.append((cpu_of(api.pid) - before[0]) / TASKS)
            server_cpu.append((cpu_of(postmaster(conninfo)) - before[1]) / TASKS)
        detail = (
            f"{WORKERS} workers claim {AT_ONCE} at a time, each with {CONNECTIONS} connections; {TASKS:,} tasks; "
            f"CPU a task: API {median(api_cpu) * 1e6:.0f} µs, PostgreSQL {median(server_cpu) * 1e6:.0f} µs{loop()}"
        )
        yield Figure("remote workers", median(rates), 3_000, True, detail, "tasks/s")
        forget(conninfo)
        share = api.load(Idling(api))
        detail = f"{WAITING} long polls without a task, {IDLE_SECONDS:g} s"
        yield Figure("idle long polls", share, 0.05, False, detail, "of a core")


def cpu_of(pid: int) -> float:
    """Seconds that a process and its descendants have computed."""
    return sum(one.cpu for one in usage_of(pid))


def postmaster(conninfo: str) -> int:
    """The process id of the server, which is the parent of each connection's."""
    with connected(conninfo) as connection:
        (session,) = usage_of(connection.info.backend_pid)
    return session.parent


class Line(asyncio.Protocol):
    """One connection that stays open, and one request at a time. Knows of HTTP only where an answer ends."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.head = f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        self.said = b""
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def open(self) -> "Line":
        """Connect."""
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self.port)
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Tell when the answer is whole."""
        self.said += data
        end = self.said.find(b"\r\n\r\n")
        if end < 0:
            return
        at = self.said.find(b"content-length: ", 0, end) + 16
        if len(self.said) < end + 4 + int(self.said[at : self.said.index(b"\r", at)]):
            return
        said, self.said = self.said, b""
        if said.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
            self.answer.set_result(said[end + 4 :])
        else:
            self.answer.set_exception(RuntimeError(said[:2000].decode(errors="replace")))

    def connection_lost(self, exc: Exception | None) -> None:
        """The server hung up."""
        if not self.answer.done():
            self.answer.set_exception(RuntimeError(f"the connection was closed: {exc}"))
            self.answer.exception()  # who has ended does not ask

    async def post(self, path: str, body: str) -> bytes:
        """The answer. Raises RuntimeError for any but 200 and 201."""
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(f"POST {path} HTTP/1.1\r\n{self.head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        return await self.answer


async def register(line: Line) -> str:
    """A new worker's path."""
    answer = await line.post("/v1/workers", '{"name": "bench", "queues": ["default"]}')
    return f"/v1/workers/{json.loads(answer)['id']}"


@dataclass(frozen=True, slots=True)
class Working:
    """Workers that do nothing with their tasks, until so many are done."""

    tasks: int

    async def run(self, port: int, token: str) -> float:
        """Tasks a second, up to the answer to the last outcome: who then still waits for more is no work."""
        progress = Progress(self.tasks)
        workers = [[await Line(port, token).open() for _ in range(CONNECTIONS)] for _ in range(WORKERS)]
        paths = [await register(lines[0]) for lines in workers]
        began = time.perf_counter()
        await asyncio.gather(*(work(path, lines, progress) for path, lines in zip(paths, workers, strict=True)))
        return self.tasks / (progress.last_at - began)


@dataclass(slots=True)
class Progress:
    """How many tasks are not claimed yet; when the newest outcome was answered."""

    unclaimed: int
    last_at: float = 0.0


async def work(path: str, lines: list[Line], progress: Progress) -> None:
    """One worker: claim, complete over all its connections, and again."""
    while progress.unclaimed > 0:
        claimed = await lines[0].post(f"{path}/claim", f'{{"limit": {AT_ONCE}, "wait_seconds": 1}}')
        tasks = json.loads(claimed)["tasks"]
        progress.unclaimed -= len(tasks)
        shares = [complete(path, line, tasks[place :: len(lines)]) for place, line in enumerate(lines)]
        await asyncio.gather(*shares)
        if tasks:
            progress.last_at = time.perf_counter()


async def complete(path: str, line: Line, tasks: list[Any]) -> None:
    for task in tasks:
        body = f'{{"lease_epoch": {task["lease_epoch"]}, "result": null}}'
        await line.post(f"{path}/tasks/{task['id']}/complete", body)


@dataclass(frozen=True, slots=True)
class Idling:
    """Workers that wait in vain."""

    api: Api

    async def run(self, port: int, token: str) -> float:
        """The share of a core that the API takes meanwhile."""
        lines = [await Line(port, token).open() for _ in range(WAITING)]
        polls = [asyncio.create_task(wait(line)) for line in lines]
        await asyncio.sleep(10)  # all have registered and wait
        before = cpu_of(self.api.pid)
        await asyncio.sleep(IDLE_SECONDS)
        share = (cpu_of(self.api.pid) - before) / IDLE_SECONDS
        for poll in polls:
            poll.cancel()
        await asyncio.gather(*polls, return_exceptions=True)
        return share


async def wait(line: Line) -> None:
    path = await register(line)
    while True:
        await line.post(f"{path}/claim", '{"limit": 1, "wait_seconds": 60}')
