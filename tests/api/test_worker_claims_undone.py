"""Claims over HTTP that come to nothing: whoever asked has gone, or the database has; no task stays behind."""

import asyncio
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import pytest
from psycopg import Connection

from pgq.api import claims, reader
from pgq.api.app import create_app
from pgq.api.bodies import StrictRequest
from pgq.api.routes import worker_tasks
from pgq.api.services import Services
from pgq.db import leases
from pgq.values.errors import DatabaseUnavailable
from pgq.values.settings import Settings
from tests.api.conftest import running
from tests.api.remote import poll, register, waiting
from tests.cli import rows
from tests.until import PATIENCE, until_then


async def test_a_process_that_ends_hands_back_what_it_was_taking_for_somebody_who_has_gone(
    dsn: str, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "LAST_CLAIM_SECONDS", PATIENCE)
    app = create_app(Settings(auth="off"), conninfo=dsn)
    async with running(app) as api:
        worker = await register(api)
        services: Services = app.state.services
        hub = services.part(claims.Claims)
        asked = asyncio.create_task(hub.claim(UUID(worker.id), ["default"], None, 1, 60))
        await waiting(connection)
        (group,) = hub.groups.values()
        with connection.transaction():
            connection.execute("LOCK TABLE pgq.tasks IN ACCESS EXCLUSIVE MODE")
            group.woken.set()
            await until_then(lambda: group.asked[0].claiming, "the claim to be under way")
            rows.submitted(connection)
            asked.cancel()
            await asyncio.wait([asked])
            ending = asyncio.create_task(services.close())
            await until_then(services.stopping.is_set, "the process to end")
        await ending
    left = connection.execute("SELECT state, attempt, lease_epoch > 0 FROM pgq.tasks").fetchall()
    assert left == [("pending", 0, True)]


async def no_database(*_: object) -> bool:
    raise DatabaseUnavailable("gone")


async def yes(*_: object) -> bool:
    return True


@pytest.mark.parametrize(
    ("place", "name", "instead"),
    [(worker_tasks, "still_known", no_database), (StrictRequest, "is_disconnected", yes)],
    ids=["whose database goes", "who goes"],
)
async def test_nothing_stays_with_somebody_just_before_the_answer(
    api: httpx2.AsyncClient,
    connection: Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
    place: object,
    name: str,
    instead: object,
) -> None:
    worker, other = await register(api), await register(api)
    answer = poll(worker)
    await waiting(connection)
    with monkeypatch.context() as patch:
        patch.setattr(place, name, instead)
        task = rows.submitted(connection)
        await asyncio.wait([answer])

    again = await other.one(wait_seconds=60)

    assert (again["id"], again["attempt"]) == (str(task), 1)
    assert answer.exception() is not None or answer.result().status_code == 503


async def test_what_is_claimed_already_is_given_when_the_database_goes_before_the_rest(
    api: httpx2.AsyncClient, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.submitted(connection)
    rows.submitted(connection)
    worker = await register(api)
    claim, asked = leases.claim, iter([True, False])

    async def once(*given: Any, **named: Any) -> Any:
        if not next(asked):
            raise psycopg.OperationalError("gone")
        return await claim(*given, **named)

    monkeypatch.setattr(reader, "PORTION", 1)
    with monkeypatch.context() as patch:
        patch.setattr(leases, "claim", once)
        assert len(await worker.claim(limit=2)) == 1
    assert len(await worker.claim(limit=2)) == 1


async def test_an_error_of_ours_is_answered_too(api: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = await register(api)

    async def broken(*_given: Any, **_named: Any) -> Any:
        raise ValueError("no such thing was thought of")

    with monkeypatch.context() as patch:
        patch.setattr(leases, "claim", broken)
        for wait in (0, 60):
            async with asyncio.timeout(PATIENCE):
                assert (await worker.ask("/claim", {"wait_seconds": wait})).status_code == 500
    assert await worker.claim() == []
