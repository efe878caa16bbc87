"""What the tests of schedules over HTTP share."""

from typing import Any

import httpx2
from psycopg import Connection

NIGHTLY = {"name": "nightly", "cron": "0 3 * * *", "kind": "report"}


def names(connection: Connection[Any]) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM pgq.schedules ORDER BY name")]


async def create(api: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await api.post("/v1/schedules", json={**NIGHTLY, **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made
