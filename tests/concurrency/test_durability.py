"""What a commit waits for: outcomes always for the disk, claims and extends only where a standby is awaited.

On a server of its own: that a standby is awaited is a setting of the whole server.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from pgq.db.connect import connect_async
from pgq.db.embedded import EmbeddedServer
from pgq.db.leases import claim, extend
from pgq.db.migrate import upgrade
from pgq.db.outcomes import Finished, record
from pgq.values.outcome import Complete
from pgq.values.task import Claimed
from tests.until import PATIENCE
from tests.verbs import Database

WORKER = uuid4()

pytestmark = pytest.mark.xdist_group("durability")

COMMITS = """
    CREATE TABLE commits (setting text);
    CREATE FUNCTION see_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO public.commits VALUES (current_setting('synchronous_commit'));
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER see_commit AFTER INSERT OR UPDATE OR DELETE ON pgq.tasks
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION see_commit()"""
"""Deferred, so that it runs as part of COMMIT: what it sees is what the commit goes by."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    options = {"fsync": "off", "autovacuum": "off"}
    server = EmbeddedServer(tmp_path_factory.mktemp("data") / "postgres", die_with_parent=True, options=options)
    conninfo = server.start().conninfo
    upgrade(conninfo)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(COMMITS)
    yield conninfo
    server.stop()


@pytest.fixture
async def db(server: str) -> AsyncIterator[Database]:
    async with Database.at(server) as db:
        await db.run("SET synchronous_commit = local")  # this session's own commits wait for no standby
        await db.run("TRUNCATE pgq.tasks, commits")
        yield db


@asynccontextmanager
async def a_standby_is_awaited(db: Database) -> AsyncIterator[None]:
    """That never comes."""
    await set_standbys(db, "nobody")
    try:
        yield
    finally:
        await set_standbys(db, "")


async def set_standbys(db: Database, names: str) -> None:
    await db.run(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
    await db.run("SELECT pg_reload_conf()")
    async with asyncio.timeout(PATIENCE):
        while await db.value("SHOW synchronous_standby_names") != names:
            pass
    # What commits go by is written down by the checkpointer, once it has heard of it: before it does what it is asked.
    await db.run("CHECKPOINT")


async def claimed(db: Database, *, durable: bool = False) -> list[Claimed]:
    async with await connect_async(db.conninfo) as connection:
        return await claim(
            connection,
            worker=WORKER,
            queues=["default"],
            budgets=[9],
            kinds=["echo"],
            room=9,
            lease=60,
            durable=durable,
        )


def extended(db: Database, task: Claimed) -> list[Any]:
    with psycopg.connect(db.conninfo, autocommit=True) as connection:
        return list(extend(connection, worker=WORKER, leases=[task.lease], lease=60))


async def finished(db: Database, task: Claimed) -> Any:
    async with await connect_async(db.conninfo) as connection:
        return await record(connection, WORKER, [Finished(task.lease, Complete("1"))])


async def until_it_waits_for_a_standby(db: Database) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await db.value("SELECT true FROM pg_stat_activity WHERE wait_event = 'SyncRep'"):
            pass


async def commits(db: Database) -> set[str]:
    return {row["setting"] for row in await db.rows("SELECT setting FROM commits")}


async def test_alone_claims_and_extends_do_not_wait_for_the_disk_and_outcomes_do(db: Database) -> None:
    await db.submit()
    await db.run("TRUNCATE commits")
    [task] = await claimed(db)
    [answer] = extended(db, task)
    assert (answer.held, answer.extended) == (True, True)
    assert await commits(db) == {"off"}

    await db.run("TRUNCATE commits")
    assert await finished(db, task)
    assert await commits(db) == {"on"}


async def test_a_claim_that_is_to_be_durable_is_so_alone_too(db: Database) -> None:
    await db.submit()
    await db.run("TRUNCATE commits")
    assert len(await claimed(db, durable=True)) == 1
    assert await commits(db) == {"on"}


@pytest.mark.parametrize("what", ["claim", "extend"])
async def test_where_a_standby_is_awaited_claims_and_extends_wait_for_it(db: Database, what: str) -> None:
    await db.submit()
    act: Callable[[], Any] = lambda: asyncio.run(claimed(db))  # noqa: E731
    if what == "extend":
        [task] = await claimed(db)
        act = lambda: extended(db, task)  # noqa: E731
    async with a_standby_is_awaited(db):
        acting = asyncio.create_task(asyncio.to_thread(act))
        await until_it_waits_for_a_standby(db)
        assert not acting.done()
    assert len(await acting) == 1
