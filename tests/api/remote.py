"""Workers over HTTP, in the words of the tests."""

import asyncio
from typing import Any

import httpx2
from psycopg import Connection

from tests.until import until_then

Json = dict[str, Any]


class Remote:
    """A registered worker."""

    def __init__(self, client: httpx2.AsyncClient, id: str) -> None:
        self.client = client
        self.id = id

    @property
    def path(self) -> str:
        return f"/v1/workers/{self.id}"

    def at(self, client: httpx2.AsyncClient) -> "Remote":
        """The same worker, at another address."""
        return Remote(client, self.id)

    async def ask(self, path: str, body: Json | None = None) -> httpx2.Response:
        """A POST below the worker's own path."""
        return await self.client.post(self.path + path, json=body or {})

    async def claim(self, **body: Any) -> list[Json]:
        """The claimed tasks."""
        answer = await self.ask("/claim", body)
        assert answer.status_code == 200, answer.text
        tasks: list[Json] = answer.json()["tasks"]
        return tasks

    async def one(self, **body: Any) -> Json:
        """The one task that is ready."""
        (task,) = await self.claim(**body)
        return task

    async def beat(self, *tasks: Json) -> Json:
        """A heartbeat; each task by its id and epoch, with what else it says."""
        answer = await self.ask("/heartbeat", {"tasks": list(tasks)})
        assert answer.status_code == 200, answer.text
        heard: Json = answer.json()
        return heard

    async def tell(self, verb: str, task: Json, **body: Any) -> httpx2.Response:
        """complete, fail or snooze."""
        return await self.ask(f"/tasks/{task['id']}/{verb}", {"lease_epoch": task["lease_epoch"], **body})


def held(task: Json, **said: Any) -> Json:
    """A task as a heartbeat lists it."""
    return {"id": task["id"], "lease_epoch": task["lease_epoch"], **said}


async def register(client: httpx2.AsyncClient, *queues: str, kinds: list[str] | None = None) -> Remote:
    """A new worker."""
    body: Json = {"name": "robot", "queues": list(queues) or ["default"]}
    answer = await client.post("/v1/workers", json=body if kinds is None else {**body, "kinds": kinds})
    assert answer.status_code == 201, answer.text
    return Remote(client, answer.json()["id"])


async def waiting(connection: Connection[Any], count: int = 1) -> None:
    """Until so many workers are to be notified."""
    statement = "SELECT count(*) = %s FROM pgq.waiting_workers"
    await until_then(lambda: (connection.execute(statement, [count]).fetchone() or [False])[0], f"{count} who wait")


def poll(worker: Remote, **body: Any) -> "asyncio.Task[httpx2.Response]":
    """A claim that waits for a minute."""
    return asyncio.create_task(worker.ask("/claim", {"wait_seconds": 60, **body}))
