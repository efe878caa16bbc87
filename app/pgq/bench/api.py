"""Submits over HTTP: one process, auth on, 32 connections that stay open, every answer durable."""

import asyncio
import multiprocessing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.connection import Connection as Pipe
from statistics import median
from typing import Annotated, Any

import uvicorn
from fastapi import APIRouter, FastAPI
from starlette.responses import Response

from pgq.api.access import Caller, needs
from pgq.api.app import create_app
from pgq.api.bodies import StrictRoute
from pgq.api.models.submit import SubmitTask
from pgq.api.protocol import bounded
from pgq.api.rendering import json_response
from pgq.api.server import Server, bind
from pgq.api.services import Here
from pgq.bench.figure import Figure
from pgq.bench.http_load import batch_load, single_load
from pgq.bench.load import Load
from pgq.bench.server import connected, database
from pgq.bench.usage import usage_of
from pgq.db.sql import sql
from pgq.operate.tokens import create_token
from pgq.values.settings import Settings

SPAWN = multiprocessing.get_context("spawn")

CONNECTIONS = 32
SECONDS = 4.0
BATCH_CONNECTIONS = 2
BATCH_TASKS = 5_000
WARM, MEMORY_REQUESTS = 20_000, 200_000

TASK = {"kind": "send_email", "payload": {"to": "ada@example.com", "subject": "hi"}, "queue": "email"}


def figures(server: str, rounds: int) -> Iterator[Figure]:
    """Single submits against validation alone and against one INSERT a request; batches; memory."""
    with database(server, "pgq_bench_api") as conninfo, serving(conninfo) as api:
        rates: dict[str, list[float]] = {"/bench/validate": [], "/bench/insert": [], "/v1/tasks": []}
        for _ in range(rounds):
            for path, measured in rates.items():
                forget(conninfo)
                measured.append(api.load(single_load(path, TASK, CONNECTIONS, seconds=SECONDS)))
        alone, insert, ours = (median(measured) for measured in rates.values())
        detail = f"{ours:,.0f} submits/s; {alone:,.0f} without a database, {insert:,.0f} with one INSERT each{loop()}"
        yield Figure("single submit over HTTP, to no database", ours / alone, 0.5, True, detail)
        yield Figure("single submit over HTTP, to an INSERT each", ours / insert, 1.4, True, detail)
        batches = []
        for _ in range(rounds):
            forget(conninfo)
            load = batch_load("/v1/tasks/batch", [TASK] * BATCH_TASKS, BATCH_CONNECTIONS, seconds=SECONDS)
            batches.append(BATCH_TASKS * api.load(load))
        yield Figure(
            "batch submit over HTTP", median(batches), 30_000, True, f"NDJSON, {BATCH_TASKS:,} tasks each", "tasks/s"
        )
        yield memory(conninfo, api)


def loop() -> str:
    """Which event loop uvicorn takes, where it isn't Python's own."""
    return ", on uvloop" if find_spec("uvloop") else ""


def memory(conninfo: str, api: "Api") -> Figure:
    """What the process holds after many requests, to what it holds once it is warm."""
    forget(conninfo)
    api.load(single_load("/v1/tasks", TASK, CONNECTIONS, requests=WARM))
    warm = api.resident
    api.load(single_load("/v1/tasks", TASK, CONNECTIONS, requests=MEMORY_REQUESTS))
    megabytes = (
        f"{api.resident / 1e6:.0f} MB after {MEMORY_REQUESTS:,} more requests; {warm / 1e6:.0f} MB after {WARM:,}"
    )
    return Figure("memory of the API", api.resident / warm, 1.1, False, megabytes, "times as much")


def forget(conninfo: str) -> None:
    with connected(conninfo) as connection:
        connection.execute(sql("bench/forget_tasks"))


@dataclass(frozen=True, slots=True)
class Api:
    """A process that serves the API."""

    pid: int
    port: int
    token: str

    @property
    def resident(self) -> int:
        """Bytes of memory."""
        (process, *_) = usage_of(self.pid)
        return process.resident

    def load(self, load: Load) -> float:
        """Put a load on it, from a process of its own; requests a second."""
        mine, theirs = SPAWN.Pipe()
        client = SPAWN.Process(target=send, args=(load, self.port, self.token, theirs), daemon=True)
        client.start()
        theirs.close()
        rate: float = mine.recv()
        client.join()
        return rate


@contextmanager
def serving(conninfo: str) -> Iterator[Api]:
    """The API in a process of its own, and a token that may submit and read."""
    with connected(conninfo) as connection:
        _, secret = create_token(connection, name="bench", scopes=["submit", "read", "work"], created_by="bench")
    mine, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=serve, args=(conninfo, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Api(process.pid or 0, mine.recv(), str(secret))
    finally:
        process.terminate()
        process.join()


def serve(conninfo: str, started: Pipe) -> None:
    """In a process of its own: the API, and two routes to measure it by."""
    settings = Settings(auth="required", port=0)
    app = create_app(settings, conninfo=conninfo)
    add_routes(app)
    config = uvicorn.Config(
        app, http=bounded(settings.header_seconds), ws="none", lifespan="on", log_config=None, access_log=False,
        server_header=False, proxy_headers=False,
    )  # fmt: skip
    listening = bind(settings)
    started.send(listening.getsockname()[1])
    Server(config, app).run([listening])


def add_routes(app: FastAPI) -> None:
    """A route that checks the same body and touches no database, and one that runs an INSERT for each request."""
    router = APIRouter(route_class=StrictRoute)

    @router.post("/bench/validate")
    async def validate(body: SubmitTask) -> Response:
        return json_response({"kind": body.kind}, 201)

    @router.post("/bench/insert")
    async def insert(body: SubmitTask, here: Here, _caller: Annotated[Caller, needs("submit")]) -> Response:
        given: Mapping[str, Any] = {"kind": body.kind, "payload": body.payload.text}
        async with here.pools.connection_async() as connection:
            await connection.execute(sql("bench/insert_email"), given)
        return json_response({"kind": body.kind}, 201)

    app.router.routes[:0] = router.routes  # in front: found as soon as ours is


def send(load: Load, port: int, token: str, answer: Pipe) -> None:
    """In a process of its own: the client."""
    answer.send(asyncio.run(load.run(port, token)))
