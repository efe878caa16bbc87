"""Remote workers come, live and go."""

import asyncio
from typing import Any

import httpx2
import pytest
from psycopg import Connection

from pgq.db.sql import sql
from tests.api.conftest import Secured
from tests.api.remote import held, register
from tests.cli import rows
from tests.until import until_then


async def test_a_registered_worker_is_told_its_times_and_is_listed(api: httpx2.AsyncClient) -> None:
    body = {"name": "robot", "queues": ["images", "images"], "kinds": ["resize"]}
    answer = await api.post("/v1/workers", json=body)
    told = answer.json()
    assert (answer.status_code, told["lease_seconds"], told["heartbeat_seconds"]) == (201, 10, 3)
    (worker,) = (await api.get("/v1/workers")).json()["items"]
    assert (worker["id"], worker["name"], worker["state"]) == (told["id"], "robot", "running")
    assert (worker["queues"], worker["kinds"], worker["pid"]) == (["images"], ["resize"], None)
    assert [kind["kind"] for kind in (await api.get("/v1/kinds")).json()["items"]] == ["resize"]
    assert (await api.get("/health")).json()["workers"] == 1


async def test_a_silent_worker_is_gone_and_back_at_its_next_word(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    worker = await register(api)
    connection.execute("UPDATE pgq.workers SET beat_at = now() - interval '16 s'")
    assert (await api.get("/v1/workers")).json()["items"] == []
    assert "no worker is running" in (await api.get("/health")).json()["reasons"]
    await worker.beat()
    assert len((await api.get("/v1/workers")).json()["items"]) == 1


async def test_the_most_that_a_worker_asks_for_at_once_is_its_capacity(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    rows.submitted(connection)
    worker = await register(api)
    await worker.claim(limit=4)
    await worker.claim(limit=2)
    (shown,) = (await api.get("/v1/workers")).json()["items"]
    assert (shown["busy"], shown["capacity"]) == (1, 4)


async def test_a_handlers_own_word_on_its_kind_stays(api: httpx2.AsyncClient, connection: Connection[Any]) -> None:
    connection.execute("INSERT INTO pgq.kinds (kind, queue, priority) VALUES ('resize', 'images', 7)")
    await register(api, "images", kinds=["resize", "crop"])
    found = connection.execute("SELECT kind, queue, priority FROM pgq.kinds ORDER BY kind").fetchall()
    assert found == [("crop", None, None), ("resize", "images", 7)]


async def test_a_worker_of_every_kind_knows_the_kinds_of_its_queues(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    for queue in ("images", "mail"):
        rows.submitted(connection, "any", queue=queue)
    await register(api, "images")
    assert connection.execute("SELECT queue FROM pgq.unknown_kinds").fetchall() == [("mail",)]
    connection.execute(
        "UPDATE pgq.tasks SET created_at = created_at - interval '2 d', run_at = run_at - interval '2 d'"
    )
    lost = connection.execute(sql("tasks_of_unknown_kinds"), {"grace": 3600.0}).fetchall()
    assert lost == connection.execute("SELECT id FROM pgq.tasks WHERE queue = 'mail'").fetchall()


async def test_what_a_worker_that_leaves_still_holds_runs_again_at_once(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    rows.submitted(connection)
    first, second = await register(api), await register(api)
    task = await first.one()
    assert (await api.delete(first.path)).status_code == 204
    again = await second.one(wait_seconds=60)
    assert (again["id"], again["attempt"]) == (task["id"], 1)
    for answer in (await api.delete(first.path), await first.ask("/claim"), await first.tell("complete", task)):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_nobody_speaks_for_a_worker_that_has_a_connection_of_its_own(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    rows.worker(connection, ["echo"])
    (worker,) = (await api.get("/v1/workers")).json()["items"]
    for path in ("claim", "heartbeat", "drain"):
        assert (await api.post(f"/v1/workers/{worker['id']}/{path}", json={})).status_code == 404
    assert (await api.delete(f"/v1/workers/{worker['id']}")).status_code == 404


@pytest.mark.parametrize("who", ["another worker's token", "an operator's"])
async def test_a_token_speaks_for_the_workers_only_that_it_registered(
    secured: Secured, connection: Connection[Any], who: str
) -> None:
    mine = await secured.client("work", queues=["images"])
    other = await secured.client(
        *(["work"] if who == "another worker's token" else ["work", "operate"]), queues=["mail"]
    )
    rows.submitted(connection, queue="images")
    worker = await register(mine, "images")
    stranger = worker.at(other)
    task = await worker.one()
    answers = [
        await stranger.ask("/claim"),
        await stranger.ask("/heartbeat", {"tasks": [held(task)]}),
        await stranger.tell("complete", task),
        await stranger.tell("snooze", task, delay_seconds=1),
        await stranger.tell("fail", task, error={"type": "x", "message": ""}),
        await stranger.ask("/drain"),
        await other.delete(worker.path),
    ]
    assert [answer.status_code for answer in answers] == [404] * 7
    assert (await worker.tell("complete", task)).status_code == 200


async def test_what_a_stranger_says_is_no_sign_of_life(secured: Secured, connection: Connection[Any]) -> None:
    worker = await register(await secured.client("work"))
    stranger = worker.at(await secured.client("work"))
    connection.execute("UPDATE pgq.workers SET beat_at = beat_at - interval '1 min'")
    before = connection.execute("SELECT beat_at, capacity FROM pgq.workers").fetchall()

    for path, body in (("/claim", {"limit": 50}), ("/heartbeat", {})):
        assert (await stranger.ask(path, body)).status_code == 404

    assert connection.execute("SELECT beat_at, capacity FROM pgq.workers").fetchall() == before


async def test_a_worker_serves_no_queue_that_its_token_may_not_see(secured: Secured) -> None:
    client = await secured.client("work", queues=["images-*"])
    answer = await client.post("/v1/workers", json={"name": "robot", "queues": ["images-eu", "mail"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_kinds_of_queues_that_a_token_may_not_see_keep_what_their_handlers_say(
    secured: Secured, connection: Connection[Any]
) -> None:
    connection.execute(
        "INSERT INTO pgq.kinds (kind, queue, priority, max_attempts, timeout_seconds, payload_schema)"
        " VALUES ('send', 'mail', 7, 2, 9, '{}')"
    )
    said = "SELECT to_jsonb(k) - 'seen_at' FROM pgq.kinds AS k"
    before = connection.execute(said).fetchall()
    worker = await register(await secured.client("work", queues=["images"]), "images", kinds=["send"])
    rows.submitted(connection, "send", queue="mail")
    assert await worker.claim() == []
    assert connection.execute(said).fetchall() == before


async def test_a_token_that_is_revoked_while_its_worker_waits_gets_no_task(
    secured: Secured, connection: Connection[Any]
) -> None:
    client = await secured.client("work")
    worker = await register(client)
    answer = asyncio.create_task(worker.ask("/claim", {"wait_seconds": 60}))
    await until_then(
        lambda: connection.execute("SELECT FROM pgq.waiting_workers").fetchone() is not None, "the worker to wait"
    )
    connection.execute("UPDATE pgq.api_tokens SET revoked_at = now()")
    rows.submitted(connection)
    assert (await answer).status_code == 401
    other = await register(secured.admin)
    assert (await other.one(wait_seconds=60))["attempt"] == 1


async def test_an_operator_has_a_worker_of_its_queues_finish(secured: Secured, connection: Connection[Any]) -> None:
    worker = await register(await secured.client("work"), "images")
    operator = await secured.client("operate", queues=["images"])
    assert (await worker.at(operator).ask("/drain")).status_code == 200
    assert (await worker.beat())["draining"]
    actions = connection.execute("SELECT actor, action FROM pgq.audit_log WHERE action LIKE 'worker.%' ORDER BY id")
    assert actions.fetchall() == [("work", "worker.register"), ("operate", "worker.drain")]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", {"name": "robot", "queues": []}),
        ("", {"name": "robot", "queues": ["images"], "kinds": []}),
        ("", {"name": "robot"}),
        ("/claim", {"limit": 0}),
        ("/claim", {"limit": 501}),
        ("/claim", {"wait_seconds": 61}),
        ("/claim", {"wait": 1}),
        ("/heartbeat", {"tasks": [{"id": "x", "lease_epoch": 1}]}),
        ("/heartbeat", {"tasks": [{"id": "00000000-0000-7000-8000-000000000000"}]}),
    ],
)
async def test_what_is_not_in_the_protocol_is_refused(
    api: httpx2.AsyncClient, connection: Connection[Any], path: str, body: dict[str, Any]
) -> None:
    rows.submitted(connection)  # nobody waits here for a minute, whatever is not refused
    worker = await register(api)
    answer = await api.post(worker.path + path if path else "/v1/workers", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
