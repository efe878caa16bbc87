"""Workers and kinds over HTTP."""

import json
from typing import Any

import httpx2
from psycopg import Connection

from tests.cli import rows


async def test_live_workers_are_listed_and_silent_ones_are_not(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    rows.worker(connection, ["echo"], "awake")
    rows.worker(connection, ["echo"], "silent")
    connection.execute("UPDATE pgq.workers SET beat_at = now() - interval '1 min' WHERE name = 'silent'")
    page = (await api.get("/v1/workers")).json()
    (worker,) = page["items"]
    assert (worker["name"], worker["capacity"], worker["busy"], worker["queues"]) == ("awake", 10, 0, ["default"])
    assert (worker["kinds"], page["next_cursor"]) == (["echo"], None)


async def test_kinds_are_listed_with_their_schema_and_who_has_them(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    schema = {"type": "object", "required": ["to"]}
    connection.execute(
        "INSERT INTO pgq.kinds (kind, queue, priority, payload_schema)"
        " VALUES ('mail', 'email', 7, %s), ('echo', NULL, NULL, NULL)",
        [json.dumps(schema)],
    )
    rows.worker(connection, ["mail"])
    echo, mail = (await api.get("/v1/kinds")).json()["items"]
    assert (mail["kind"], mail["queue"], mail["priority"], mail["payload_schema"]) == ("mail", "email", 7, schema)
    assert (mail["workers"], echo["workers"], echo["queue"]) == (1, 0, None)
