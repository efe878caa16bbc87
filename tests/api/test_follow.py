"""Follow a task over HTTP: `?wait=`, and server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx2
import pytest
from fastapi import FastAPI
from psycopg import Connection
from starlette.types import Message

from pgq.api.app import create_app
from pgq.api.follower import Follower
from pgq.api.services import Services
from pgq.values.settings import Settings
from pgq.values.task import TaskStatus
from tests.api.conftest import Secured, client_on
from tests.cli import rows


class Process:
    """An API process without a socket: requests are given to the application itself, and may be hung up."""

    def __init__(self, app: FastAPI, client: httpx2.AsyncClient) -> None:
        self.app = app
        self.client = client

    @property
    def services(self) -> Services:
        return cast(Services, self.app.state.services)

    @property
    def watched(self) -> int:
        """How many wait."""
        return sum(len(one.waiters) for one in self.services.part(Follower).watched.values())

    async def until_watched(self, count: int) -> None:
        while self.watched != count:  # noqa: ASYNC110 (it is the hub's state, no event)
            await asyncio.sleep(0.01)

    def request(self, path: str, **headers: str) -> "Held":
        return Held(self.app, path, headers)


class Held:
    """A GET that is under way: what came so far, and a way to hang up."""

    def __init__(self, app: FastAPI, path: str, headers: dict[str, str]) -> None:
        self.sent: asyncio.Queue[Message] = asyncio.Queue()
        self.left = asyncio.Event()
        path, _, query = path.partition("?")
        head = {"host": "127.0.0.1:8000", **{name.replace("_", "-"): value for name, value in headers.items()}}
        scope = {
            "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in head.items()], "app": app,
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000), "scheme": "http", "http_version": "1.1",
            "root_path": "", "asgi": {"version": "3.0"},
        }  # fmt: skip
        self.asked = False
        self.running = asyncio.create_task(app(scope, self.receive, self.sent.put))

    async def receive(self) -> Message:
        if not self.asked:
            self.asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def status(self) -> int:
        message = await self.sent.get()
        assert message["type"] == "http.response.start"
        return int(message["status"])

    async def event(self) -> dict[str, Any]:
        """The next event; empty at the end."""
        while True:
            message = await self.sent.get()
            if not message.get("more_body"):
                return {}
            lines = dict(line.split(": ", 1) for line in message["body"].decode().strip().splitlines())
            if "data" in lines:
                return {**lines, "data": json.loads(lines["data"])}

    async def hang_up(self) -> None:
        self.left.set()
        await self.running


@asynccontextmanager
async def process(dsn: str, **settings: Any) -> AsyncIterator[Process]:
    app = create_app(Settings(auth="off", **settings), conninfo=dsn)
    async with app.router.lifespan_context(app), client_on(app) as client:
        yield Process(app, client)


@pytest.fixture
async def one(dsn: str) -> AsyncIterator[Process]:
    async with process(dsn) as found:
        yield found


def sessions(connection: Connection[Any]) -> int:
    """Connections to this database besides this one."""
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"  # autovacuum may look in at any time
    ).fetchone()
    return row[0] if row else 0


async def test_a_task_that_has_ended_is_not_waited_for(one: Process, connection: Connection[Any]) -> None:
    task = rows.ended(connection)
    answer = await one.client.get(f"/v1/tasks/{task}?wait=60")
    assert (answer.status_code, answer.json()["state"]) == (200, "succeeded")


async def test_waiting_ends_when_the_task_does(one: Process, connection: Connection[Any]) -> None:
    task = rows.running(connection)
    waiting = asyncio.create_task(one.client.get(f"/v1/tasks/{task}?wait=60"))
    await one.until_watched(1)
    rows.move_to_history(connection, task, "succeeded", {"words": 2})
    answer = await waiting
    assert (answer.json()["state"], answer.json()["result"]) == ("succeeded", {"words": 2})
    assert one.watched == 0


async def test_when_the_time_is_over_the_task_is_answered_as_it_is(
    one: Process, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = rows.submitted(connection)
    wait = (follower := one.services.part(Follower)).wait

    async def start_and_wait(seen: TaskStatus, seconds: float) -> TaskStatus | None:
        rows.start(connection, task)
        return await wait(seen, seconds)

    monkeypatch.setattr(follower, "wait", start_and_wait)
    assert (await one.client.get(f"/v1/tasks/{task}?wait=0.3")).json()["state"] == "running"


async def test_a_task_that_is_purged_while_it_is_waited_for_is_gone(one: Process, connection: Connection[Any]) -> None:
    task = rows.submitted(connection)
    waiting = asyncio.create_task(one.client.get(f"/v1/tasks/{task}?wait=60"))
    await one.until_watched(1)
    connection.execute("DELETE FROM pgq.tasks")
    assert (await waiting).status_code == 404


@pytest.mark.parametrize("wait", ["-1", "61", "soon", "nan", "inf"])
async def test_a_wait_beyond_a_minute_is_refused(one: Process, connection: Connection[Any], wait: str) -> None:
    answer = await one.client.get(f"/v1/tasks/{rows.submitted(connection)}?wait={wait}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "query/wait"


async def test_a_thousand_wait_on_a_few_connections(dsn: str, connection: Connection[Any]) -> None:
    async with process(dsn, pool_size=3) as api:
        made = [rows.submitted(connection) for _ in range(1_000)]
        waiting = [asyncio.create_task(api.client.get(f"/v1/tasks/{task}?wait=60")) for task in made]
        await api.until_watched(1_000)
        assert sessions(connection) <= 3 + 1
        connection.execute("SELECT pgq.cancel(id) FROM pgq.tasks")
        answers = await asyncio.gather(*waiting)
        assert {answer.json()["state"] for answer in answers} == {"cancelled"}
        assert [answer.json()["id"] for answer in answers] == [str(task) for task in made]


async def test_nobody_is_asked_while_nobody_waits(one: Process, connection: Connection[Any]) -> None:
    def asking() -> bool:
        return one.services.part(Follower).asking is not None

    task = rows.submitted(connection)
    await one.client.get(f"/v1/tasks/{task}")
    assert not asking()
    held = one.request(f"/v1/tasks/{task}?wait=60")
    await one.until_watched(1)
    assert asking()
    await held.hang_up()
    while asking():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_a_client_that_hangs_up_is_waited_for_no_longer(one: Process, connection: Connection[Any]) -> None:
    task = rows.submitted(connection)
    for path in (f"/v1/tasks/{task}?wait=60", f"/v1/tasks/{task}/events"):
        held = one.request(path)
        await one.until_watched(1)
        await held.hang_up()
        assert one.watched == 0


async def test_events_tell_each_change_until_the_end(one: Process, connection: Connection[Any]) -> None:
    task = rows.submitted(connection, delay="1 h")
    stream = one.request(f"/v1/tasks/{task}/events")
    assert await stream.status() == 200
    first = await stream.event()
    assert (first["event"], first["data"]["state"], first["data"]["id"]) == ("task", "scheduled", str(task))
    connection.execute("UPDATE pgq.tasks SET run_at = clock_timestamp()")
    assert (await stream.event())["data"]["state"] == "pending"
    rows.start(connection, task)
    running = await stream.event()
    assert (running["data"]["state"], running["data"]["attempt"]) == ("running", 1)
    rows.move_to_history(connection, task, "succeeded", None)
    last = await stream.event()
    assert last["data"]["state"] == "succeeded"
    assert await stream.event() == {}
    await stream.running
    assert len({event["id"] for event in (first, running, last)}) == 3


async def test_events_tell_each_progress_and_a_wait_is_not_disturbed_by_it(
    one: Process, connection: Connection[Any]
) -> None:
    task = rows.running(connection)
    follower = one.services.part(Follower)
    waiting = asyncio.create_task(one.client.get(f"/v1/tasks/{task}?wait=60"))
    await one.until_watched(1)
    stream = one.request(f"/v1/tasks/{task}/events")
    await stream.status()
    told = [await stream.event()]
    for value in (0.25, 0.5):
        rows.progress(connection, task, value, f"at {value}")
        told.append(await stream.event())
    assert [one["data"]["progress"] and one["data"]["progress"]["message"] for one in told] == [
        None,
        "at 0.25",
        "at 0.5",
    ]
    assert len({one["id"] for one in told}) == 3
    await stream.hang_up()
    assert not follower.watched[task].progress

    rows.move_to_history(connection, task, "succeeded", None)
    assert (await waiting).json()["progress"]["value"] == 0.5


async def test_a_stream_goes_on_where_it_was_cut(one: Process, connection: Connection[Any]) -> None:
    task = rows.submitted(connection)
    stream = one.request(f"/v1/tasks/{task}/events")
    await stream.status()
    known = (await stream.event())["id"]
    await stream.hang_up()

    again = one.request(f"/v1/tasks/{task}/events", last_event_id=known)
    assert await again.status() == 200
    rows.start(connection, task)
    assert (await again.event())["data"]["state"] == "running"
    await again.hang_up()

    invented = one.request(f"/v1/tasks/{task}/events", last_event_id="x" * 1000)
    await invented.status()
    assert (await invented.event())["data"]["state"] == "running"
    await invented.hang_up()


async def test_a_stream_that_has_told_the_end_is_not_begun_again(one: Process, connection: Connection[Any]) -> None:
    task = rows.ended(connection)
    stream = one.request(f"/v1/tasks/{task}/events")
    await stream.status()
    last = await stream.event()
    assert last["data"]["state"] == "succeeded"
    answer = await one.client.get(f"/v1/tasks/{task}/events", headers={"Last-Event-ID": last["id"]})
    assert answer.status_code == 204, "which tells a browser not to come again"


async def test_a_silent_stream_says_that_it_lives(
    one: Process, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pgq.api.routes.follow.HEARTBEAT", 0.05)
    stream = one.request(f"/v1/tasks/{rows.submitted(connection)}/events")
    await stream.status()
    await stream.event()
    assert (await stream.sent.get())["body"] == b": nothing new\n\n"
    await stream.hang_up()


async def test_a_process_that_stops_ends_waits_and_streams(one: Process, connection: Connection[Any]) -> None:
    task = rows.submitted(connection)
    waiting = asyncio.create_task(one.client.get(f"/v1/tasks/{task}?wait=60"))
    stream = one.request(f"/v1/tasks/{task}/events")
    await stream.status()
    assert (await stream.event())["data"]["state"] == "pending"
    await one.until_watched(2)
    one.services.stopping.set()
    assert (await waiting).json()["state"] == "pending"
    assert await stream.event() == {}
    await stream.running


async def test_waiting_outlives_a_lost_connection(one: Process, connection: Connection[Any]) -> None:
    task = rows.submitted(connection)
    waiting = asyncio.create_task(one.client.get(f"/v1/tasks/{task}?wait=60"))
    await one.until_watched(1)
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    connection.execute("SELECT pgq.cancel(%s)", [task])
    assert (await waiting).json()["state"] == "cancelled"


async def test_a_token_that_is_revoked_while_it_waits_learns_nothing(
    secured: Secured, connection: Connection[Any]
) -> None:
    task = rows.running(connection)
    reader = await secured.client("read")
    follower = secured.app.state.services.part(Follower)
    waiting = asyncio.create_task(reader.get(f"/v1/tasks/{task}?wait=60"))
    while not follower.watched:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    token_id = (await secured.admin.get("/v1/tokens")).json()["items"][0]["id"]
    assert (await secured.admin.delete(f"/v1/tokens/{token_id}")).status_code in (200, 204)
    rows.move_to_history(connection, task, "succeeded", "secret")
    refused = await waiting
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer realm="pgq"')


async def test_a_task_of_another_queue_is_not_found_to_be_followed(
    secured: Secured, connection: Connection[Any]
) -> None:
    task = rows.submitted(connection, queue="bank")
    reader = await secured.client("read", queues=["mail-*"])
    for path in ("", "?wait=60", "/events", "/attempts"):
        hidden = await reader.get(f"/v1/tasks/{task}{path}")
        missing = await reader.get(f"/v1/tasks/01900000-0000-7000-8000-000000000000{path}")
        assert (hidden.status_code, hidden.json()["code"]) == (404, "not_found")
        assert hidden.json()["detail"] == missing.json()["detail"]


async def test_a_submitting_token_reads_its_own_tasks_only(secured: Secured, connection: Connection[Any]) -> None:
    mine, other = await secured.client("submit"), await secured.client("submit")
    task = (await mine.post("/v1/tasks", json={"kind": "echo", "payload": {"n": 1}, "idempotency_key": "k"})).json()
    assert (await mine.get(f"/v1/tasks/{task['id']}")).status_code == 200
    assert (await other.get(f"/v1/tasks/{task['id']}")).status_code == 404
    assert (await other.get(f"/v1/tasks/{rows.submitted(connection)}")).status_code == 404
    assert (await mine.get("/v1/tasks")).status_code == 403
    rows.start(connection, task["id"])
    rows.move_to_history(connection, task["id"], "succeeded", {"secret": 1})
    assert (await mine.get(f"/v1/tasks/{task['id']}")).json()["result"] == {"secret": 1}

    known = await other.post("/v1/tasks", json={"kind": "echo", "payload": {"n": 1}, "idempotency_key": "k"})
    assert (known.status_code, known.json()["id"], known.json()["result"]) == (200, task["id"], None)


async def test_a_malformed_id_is_invalid(one: Process) -> None:
    answer = await one.client.get("/v1/tasks/42")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
