"""READ COMMITTED is what pgq's statements rely on: its own connections have it, and stricter callers do no harm."""

import asyncio
import json
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

import pgq
from pgq.db.connect import connect, connect_async
from pgq.db.pool import Pools
from tests.verbs import Connection, Database

LEVELS = ["repeatable read", "serializable"]
LEVEL = "SHOW transaction_isolation"


@pytest.fixture(params=LEVELS)
async def strict(db: Database, request: pytest.FixtureRequest) -> str:
    """The conninfo of a database whose sessions begin with a stricter isolation."""
    name = conninfo_to_dict(db.conninfo)["dbname"]
    await db.run(f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = '{request.param}'")
    async with await psycopg.AsyncConnection.connect(db.conninfo) as plain:
        assert await db.value(LEVEL, on=plain) == request.param
    return db.conninfo


async def test_pgqs_own_connections_are_read_committed_whatever_the_default(strict: str) -> None:
    pools = Pools(lambda: strict, 1)
    with connect(strict) as one, pools.connection() as pooled:
        for connection in (one, pooled):
            with connection.transaction():
                assert connection.execute(LEVEL).fetchone() == ("read committed",)
    async with await connect_async(strict) as another, pools.connection_async() as also_pooled:
        for session in (another, also_pooled):
            async with session.transaction():
                assert await (await session.execute(LEVEL)).fetchone() == ("read committed",)
    await pools.close_async()


async def test_submits_of_one_key_at_once_give_one_task_whatever_the_default(strict: str) -> None:
    async with pgq.App(strict, pool_size=4) as app:
        handles = await asyncio.gather(
            *(app.submit_async("echo", {"n": 1}, key=f"key {n % 3}") for n in range(30)),
        )

    assert len({handle.id for handle in handles}) == 3
    assert sum(handle.created for handle in handles) == 3


@pytest.fixture(params=LEVELS)
async def caller(db: Database, request: pytest.FixtureRequest) -> Connection:
    """A caller's own transaction, of a stricter isolation, with its snapshot taken."""
    level: str = request.param
    session = await db.another(autocommit=False, default_transaction_isolation=level)
    assert await db.value("SELECT count(*) FROM pgq.tasks", on=session) == 0
    assert await db.value(LEVEL, on=session) == level
    return session


async def by_submit(db: Database, on: Connection) -> UUID:
    return await db.submit(key="k", payload={"n": 1}, on=on)


async def by_submit_many(db: Database, on: Connection) -> UUID:
    [(task, _)] = await db.submit_many({"kind": "echo", "payload": {"n": 1}, "idempotency_key": "k"}, on=on)
    return task


async def by_insert(db: Database, on: Connection) -> UUID:
    return await db.insert(payload={"n": 1}, idempotency_key="k", on=on)


@pytest.mark.parametrize("door", [by_submit, by_submit_many, by_insert])
async def test_a_key_used_since_the_callers_snapshot_is_a_serialization_failure_and_no_second_task(
    db: Database, caller: Connection, door: Any
) -> None:
    first = await by_submit(db, db.connection)

    with pytest.raises(psycopg.errors.SerializationFailure):
        await door(db, caller)
    await caller.rollback()

    assert await by_submit(db, caller) == first
    await caller.commit()
    assert await db.value("SELECT count(*) FROM pgq.tasks") == 1


@pytest.mark.parametrize("door", [by_submit, by_submit_many, by_insert])
async def test_a_key_that_another_holds_just_now_is_waited_for_and_gives_no_second_task(
    db: Database, caller: Connection, door: Any
) -> None:
    holder = await db.another(autocommit=False)
    await by_submit(db, holder)
    waits = asyncio.create_task(door(db, caller))
    await db.until_waiting(caller)
    await holder.commit()

    with pytest.raises(psycopg.errors.SerializationFailure):
        await waits
    assert await db.value("SELECT count(*) FROM pgq.tasks") == 1


async def test_a_key_known_before_the_callers_snapshot_gives_the_first_task(db: Database, caller: Connection) -> None:
    await caller.rollback()
    first = await by_submit(db, db.connection)

    assert await by_submit(db, caller) == first
    await caller.commit()
    assert await db.value("SELECT hits FROM pgq.idempotency_keys") == 1


async def test_a_bulk_with_one_key_used_since_leaves_nothing(db: Database, caller: Connection) -> None:
    await by_submit(db, db.connection)
    tasks = [{"kind": "echo", "idempotency_key": f"{n}"} for n in range(5)]

    with pytest.raises(psycopg.errors.SerializationFailure):
        await db.submit_many(*tasks, {"kind": "echo", "payload": {"n": 1}, "idempotency_key": "k"}, on=caller)
    await caller.rollback()

    assert await db.value("SELECT count(*) FROM pgq.tasks") == 1
    assert json.loads(await db.value("SELECT json_agg(key)::text FROM pgq.idempotency_keys")) == ["k"]
