"""Claims over HTTP: what a worker gets, how it waits, and what wakes it."""

import asyncio
from typing import Any
from uuid import UUID

import httpx2
from psycopg import Connection

from pgq.api import claims, reader
from pgq.api.app import create_app
from pgq.api.services import Services
from pgq.values.errors import DatabaseUnavailable
from pgq.values.settings import Settings
from tests.api.conftest import client_on, running
from tests.api.remote import Remote, held, poll, register, waiting
from tests.cli import rows
from tests.until import until_then


async def test_a_claim_gives_what_is_ready_most_urgent_first_up_to_its_limit(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    slow, quick, other = (rows.submitted(connection, priority=priority) for priority in (1, 9, 5))
    worker = await register(api)
    assert [task["id"] for task in await worker.claim(limit=2)] == [str(quick), str(other)]
    assert [task["id"] for task in await worker.claim(limit=2)] == [str(slow)]
    assert await worker.claim() == []


async def test_a_worker_gets_its_own_queues_and_kinds_only(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    mine = str(rows.submitted(connection, "resize", queue="images"))
    crop = str(rows.submitted(connection, "crop", queue="images"))
    mail = str(rows.submitted(connection, "mail", queue="mail"))
    worker = await register(api, "images", "mail", kinds=["resize", "mail"])
    assert [task["id"] for task in await worker.claim(limit=10, queues=["images"])] == [mine]
    assert await worker.claim(limit=10, kinds=["resize"]) == []
    assert [task["id"] for task in await worker.claim(limit=10)] == [mail]
    every = await register(api, "images")
    assert [task["id"] for task in await every.claim(limit=10)] == [crop], "no kinds are all kinds"


async def test_what_a_worker_did_not_register_with_it_cannot_claim(api: httpx2.AsyncClient) -> None:
    worker = await register(api, "images", kinds=["resize"])
    for field in ("queues", "kinds"):
        answer = await worker.ask("/claim", {field: ["mail"]})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"#/{field}")


async def test_nothing_is_claimed_from_a_paused_queue(api: httpx2.AsyncClient, connection: Connection[Any]) -> None:
    task = str(rows.submitted(connection, queue="images"))
    worker = await register(api, "images")
    await api.post("/v1/queues/images/pause")
    assert await worker.claim() == []
    await api.post("/v1/queues/images/resume")
    assert [one["id"] for one in await worker.claim()] == [task]


async def test_who_waits_gets_a_task_as_soon_as_it_is_there(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    worker = await register(api)
    answer = poll(worker)
    await waiting(connection)
    task = str(rows.submitted(connection))
    assert [one["id"] for one in (await answer).json()["tasks"]] == [task]


async def test_one_task_wakes_one_of_those_who_wait_and_the_others_wait_on(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    polls = [poll(await register(api)) for _ in range(20)]
    await waiting(connection, 20)
    for left in range(20, 0, -1):
        task = str(rows.submitted(connection))
        done, pending = await asyncio.wait(polls, return_when=asyncio.FIRST_COMPLETED)
        assert len(pending) == left - 1
        assert [one["id"] for one in done.pop().result().json()["tasks"]] == [task]
        polls = list(pending)


async def test_who_waits_in_vain_is_told_so_when_the_time_is_over(api: httpx2.AsyncClient) -> None:
    worker = await register(api)
    answer = await worker.ask("/claim", {"wait_seconds": 0.3})
    assert (answer.status_code, answer.json()) == (200, {"tasks": [], "draining": False})


async def test_who_waits_takes_no_connection(dsn: str, connection: Connection[Any]) -> None:
    app = create_app(Settings(auth="off", pool_size=2), conninfo=dsn)
    async with running(app) as api:
        polls = [poll(await register(api)) for _ in range(50)]
        await waiting(connection, 50)
        assert (await api.get("/v1/queues")).status_code == 200
        app.state.services.stopping.set()
        assert {(await one).json()["draining"] for one in polls} == {False}
    assert connection.execute("SELECT count(*) FROM pgq.waiting_workers").fetchone() == (0,)


async def test_what_is_due_later_comes_when_it_is_due_though_nobody_notifies(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    worker = await register(api)
    answer = poll(worker)
    await waiting(connection)
    task = rows.submitted(connection)
    (await answer).json()
    first = poll(worker)
    await waiting(connection)
    connection.execute(
        "UPDATE pgq.tasks SET state = 'pending', leased_by = NULL, lease_expires_at = NULL,"
        " deadline_at = NULL, run_at = clock_timestamp() + interval '0.5 s'"
    )
    assert [one["id"] for one in (await first).json()["tasks"]] == [str(task)]


async def test_a_worker_that_is_told_to_drain_while_it_waits_hears_it_at_once(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    worker = await register(api)
    answer = poll(worker)
    await waiting(connection)
    assert (await worker.ask("/drain")).json() == {"id": worker.id, "draining": True}
    assert (await answer).json() == {"tasks": [], "draining": True}
    rows.submitted(connection)
    assert (await worker.ask("/claim")).json() == {"tasks": [], "draining": True}
    assert (await worker.beat())["draining"]


async def test_a_worker_told_elsewhere_to_drain_hears_it_while_it_waits(dsn: str, connection: Connection[Any]) -> None:
    async with (
        running(create_app(Settings(auth="off"), conninfo=dsn)) as here,
        running(create_app(Settings(auth="off"), conninfo=dsn)) as there,
    ):
        worker = await register(here)
        answer = poll(worker)
        await waiting(connection)
        await worker.at(there).ask("/drain")
        await until_then(answer.done, "the answer")
        assert (await answer).json() == {"tasks": [], "draining": True}


async def test_what_was_taken_for_somebody_who_has_gone_runs_again_at_once(
    dsn: str, connection: Connection[Any]
) -> None:
    app = create_app(Settings(auth="off"), conninfo=dsn)
    async with running(app) as api:
        worker = await register(api)
        services: Services = app.state.services
        hub = services.part(claims.Claims)
        asked = asyncio.create_task(hub.claim(UUID(worker.id), ["default"], None, 1, 60))
        await waiting(connection)
        (group,) = hub.groups.values()
        blocking = connection.transaction()
        with blocking:
            connection.execute("LOCK TABLE pgq.tasks IN ACCESS EXCLUSIVE MODE")
            group.woken.set()
            await until_then(lambda: group.asked[0].claiming, "the claim to be under way")
            task = rows.submitted(connection)
            asked.cancel()
            await asyncio.wait([asked])
        await until_then(lambda: group.serving is None, "the claim to end")
        again = await worker.one(wait_seconds=60)
        assert (again["id"], again["attempt"]) == (str(task), 1)


async def two_claims_side_by_side(hub: claims.Claims, workers: list[Remote]) -> "list[asyncio.Task[reader.Lot]]":
    """Of workers for whom there was plenty a moment ago; both wait for a lock of somebody else."""
    asked = [asyncio.create_task(hub.claim(UUID(one.id), ["default"], None, 1, 0)) for one in workers]
    (group,) = hub.groups.values()
    await until_then(lambda: [one.claiming for one in group.asked] == [True, True], "two claims to be under way")
    return asked


async def test_where_there_is_plenty_workers_need_not_wait_for_each_others_claims(
    dsn: str, connection: Connection[Any]
) -> None:
    app = create_app(Settings(auth="off"), conninfo=dsn)
    async with running(app) as api:
        workers = [await register(api) for _ in range(2)]
        submitted = {rows.submitted(connection) for _ in range(3)}
        first = UUID((await workers[0].one())["id"])
        with connection.transaction():
            connection.execute("LOCK TABLE pgq.tasks IN EXCLUSIVE MODE")
            asked = await two_claims_side_by_side(app.state.services.part(claims.Claims), workers)
        lots = await asyncio.gather(*asked)
        assert {first, *(task.id for lot in lots for task, _ in lot.tasks)} == submitted


async def test_a_claim_that_gets_no_answer_loses_nothing_of_one_beside_it(
    dsn: str, connection: Connection[Any]
) -> None:
    app = create_app(Settings(auth="off"), conninfo=dsn)
    async with running(app) as api:
        workers = [await register(api) for _ in range(2)]
        for _ in range(3):
            rows.submitted(connection)
        await workers[0].one()
        with connection.transaction():
            connection.execute("LOCK TABLE pgq.tasks IN EXCLUSIVE MODE")
            asked = await two_claims_side_by_side(app.state.services.part(claims.Claims), workers)
            waiting = "SELECT pid FROM pg_locks WHERE relation = 'pgq.tasks'::regclass AND NOT granted ORDER BY pid"
            await until_then(lambda: connection.execute(waiting).rowcount == 2, "two sessions to wait for the lock")
            connection.execute(f"SELECT pg_terminate_backend(pid, 10000) FROM ({waiting} LIMIT 1) AS one")
            await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        ended = await asyncio.gather(*asked, return_exceptions=True)
        (lot,) = [one for one in ended if isinstance(one, reader.Lot)]
        assert len(lot.tasks) == 1
        assert [type(one) for one in ended if one is not lot] == [DatabaseUnavailable]


async def test_large_tasks_come_a_few_at_a_time(api: httpx2.AsyncClient, connection: Connection[Any]) -> None:
    for _ in range(30):
        rows.submitted(connection, payload={"text": "x" * 200_000})
    worker = await register(api)
    first = await worker.claim(limit=30)
    assert len(first) == reader.PORTION
    assert len(await worker.claim(limit=30)) == 30 - reader.PORTION


async def test_two_services_share_the_work_and_one_finishes_what_the_other_gave(
    dsn: str, connection: Connection[Any]
) -> None:
    async with (
        running(create_app(Settings(auth="off"), conninfo=dsn)) as here,
        running(create_app(Settings(auth="off"), conninfo=dsn)) as there,
    ):
        rows.submitted(connection)
        worker = await register(here)
        task = await worker.one()
        assert (await worker.at(there).beat(held(task)))["lost"] == []
        for client in (there, here):
            assert (await worker.at(client).tell("complete", task, result=1)).status_code == 200
        answer = poll(worker.at(there))
        await waiting(connection)
        more = (await here.post("/v1/tasks", json={"kind": "echo"})).json()
        assert [one["id"] for one in (await answer).json()["tasks"]] == [more["id"]]


async def test_a_claim_without_a_database_is_unavailable() -> None:
    app = create_app(Settings(auth="off"), conninfo="host=127.0.0.1 port=1 dbname=none")
    async with client_on(app) as api:
        answer = await api.post("/v1/workers/00000000-0000-7000-8000-000000000000/claim", json={})
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
