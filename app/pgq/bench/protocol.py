"""Remote workers: one API process, auth on, every outcome durable; and what workers cost that only wait."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from pgq.bench.api import Api, forget, serving
from pgq.bench.drain import fill
from pgq.bench.figure import Figure
from pgq.bench.server import database
from pgq.bench.usage import usage_of

WORKERS, AT_ONCE, CONNECTIONS = 16, 20, 4
TASKS = 20_000
WAITING, IDLE_SECONDS = 500, 20.0


def figures(server: str, rounds: int) -> Iterator[Figure]:
    """Tasks a second through one process; the share of a core that idle long polls cost."""
    with database(server, "pgq_bench_protocol") as conninfo, serving(conninfo) as api:
        rates = []
        for _ in range(rounds):
            fill(conninfo, TASKS)
            rates.append(api.load(Working(TASKS)))
        detail = f"{WORKERS} workers claim {AT_ONCE} at a time, each with {CONNECTIONS} connections; {TASKS:,} tasks"
        yield Figure("remote workers", median(rates), 3_000, True, detail, "tasks/s")
        forget(conninfo)
        share = api.load(Idling(api))
        detail = f"{WAITING} long polls without a task, {IDLE_SECONDS:g} s"
        yield Figure("idle long polls", share, 0.05, False, detail, "of a core")


class Line:
    """One connection that stays open, and one request at a time."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.head = f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"

    async def open(self) -> "Line":
        """Connect."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**22)
        return self

    async def post(self, path: str, body: Any) -> Any:
        """The answer's JSON. Raises RuntimeError for any answer but 200 and 201."""
        text = json.dumps(body)
        self.writer.write(f"POST {path} HTTP/1.1\r\n{self.head}Content-Length: {len(text)}\r\n\r\n{text}".encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        at = head.index(b"content-length: ") + 16
        answer = await self.reader.readexactly(int(head[at : head.index(b"\r", at)]))
        if not head.startswith((b"http/1.1 200", b"http/1.1 201")):
            raise RuntimeError(answer[:1000].decode(errors="replace"))
        return json.loads(answer)


async def register(line: Line) -> str:
    """A new worker's path."""
    answer = await line.post("/v1/workers", {"name": "bench", "queues": ["default"]})
    return f"/v1/workers/{answer['id']}"


@dataclass(frozen=True, slots=True)
class Working:
    """Workers that do nothing with their tasks, until so many are done."""

    tasks: int

    async def run(self, port: int, token: str) -> float:
        """Tasks a second."""
        left = [self.tasks]
        workers = [[await Line(port, token).open() for _ in range(CONNECTIONS)] for _ in range(WORKERS)]
        paths = [await register(lines[0]) for lines in workers]
        began = time.perf_counter()
        await asyncio.gather(*(work(path, lines, left) for path, lines in zip(paths, workers, strict=True)))
        return self.tasks / (time.perf_counter() - began)


async def work(path: str, lines: list[Line], left: list[int]) -> None:
    """One worker: claim, complete over all its connections, and again."""
    while left[0] > 0:
        claimed = await lines[0].post(f"{path}/claim", {"limit": AT_ONCE, "wait_seconds": 1})
        tasks = claimed["tasks"]
        left[0] -= len(tasks)
        shares = [complete(path, line, tasks[place :: len(lines)]) for place, line in enumerate(lines)]
        await asyncio.gather(*shares)


async def complete(path: str, line: Line, tasks: list[Any]) -> None:
    for task in tasks:
        body = {"lease_epoch": task["lease_epoch"], "result": None}
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
        before = self.cpu()
        await asyncio.sleep(IDLE_SECONDS)
        share = (self.cpu() - before) / IDLE_SECONDS
        for poll in polls:
            poll.cancel()
        await asyncio.gather(*polls, return_exceptions=True)
        return share

    def cpu(self) -> float:
        """Seconds."""
        return sum(one.cpu for one in usage_of(self.api.pid))


async def wait(line: Line) -> None:
    path = await register(line)
    while True:
        await line.post(f"{path}/claim", {"limit": 1, "wait_seconds": 60})
