"""A worker that takes no more answers, frozen or cut off in the middle of one, keeps no tasks from the others."""

import asyncio
import random
import sys
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from pgq.db import connect as connecting
from pgq.db.connect import connect_async
from pgq.db.embedded import EmbeddedServer
from pgq.db.leases import claim
from pgq.db.migrate import upgrade
from pgq.values.task import Claimed
from tests.until import PATIENCE

LARGE = "x" * 900_000
MANY = 10
"""Of so many the answer is larger than all buffers between the server and its client."""

FREE = "SELECT count(*) FROM (SELECT FROM pgq.tasks FOR UPDATE SKIP LOCKED) AS free"
"""Far quicker than a claim of their payloads, which may take longer than the connection has."""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives up a connection whose other end does not read")
async def test_rows_of_a_claim_that_is_not_read_are_free_again(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "UNREAD", 2)
    address = f"127.{random.randrange(1, 255)}.{random.randrange(1, 255)}.{random.randrange(2, 255)}"
    folder = tmp_path_factory.mktemp("data") / "postgres"
    server = EmbeddedServer(folder, die_with_parent=True, options={"listen_addresses": address, "fsync": "off"})
    conninfo = server.start().conninfo
    try:
        upgrade(conninfo)
        with psycopg.connect(conninfo, autocommit=True) as submitter:
            submitter.execute(
                "INSERT INTO pgq.tasks (kind, payload) SELECT 'echo', jsonb_build_object('text', %s::text || n) "
                "FROM generate_series(1, %s) AS n", [LARGE, MANY],
            )  # fmt: skip
            frozen = await connect_async(make_conninfo(conninfo, host=address))
            frozen.pgconn.exec_(b"BEGIN")
            frozen.pgconn.send_query(b"SELECT payload FROM pgq.tasks FOR UPDATE")  # and reads nothing

            stuck = "SELECT wait_event = 'ClientWrite' FROM pg_stat_activity WHERE pid = %s"
            async with asyncio.timeout(PATIENCE):
                while submitter.execute(stuck, [frozen.info.backend_pid]).fetchone() != (True,):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert submitter.execute(FREE).fetchone() != (MANY,), "the frozen one holds none"
            free: list[Claimed] = []
            async with asyncio.timeout(PATIENCE):
                while len(free) < MANY:
                    free += await claimed(conninfo)
                    await asyncio.sleep(0.05)
        frozen.pgconn.finish()
    finally:
        server.stop()


async def claimed(conninfo: str) -> list[Claimed]:
    async with await connect_async(conninfo) as connection:
        return await claim(
            connection, worker=uuid4(), queues=["default"], budgets=[MANY], kinds=["echo"], room=MANY, lease=60
        )
