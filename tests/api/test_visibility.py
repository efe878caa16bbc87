"""What a token with queue patterns sees and changes: its own queues, and nothing that tells of the others."""

from typing import Any

import pytest
from psycopg import Connection

from tests.api.conftest import Secured
from tests.cli import rows
from tests.cli.rows import state


async def test_lists_hold_only_the_tokens_queues(secured: Secured, connection: Connection[Any]) -> None:
    mine, _ = rows.dead(connection, queue="mail-eu"), rows.dead(connection, queue="billing")
    rows.dead(connection, queue="xmail-eu")
    connection.execute(
        "INSERT INTO pgq.kinds (kind, queue) VALUES ('send', 'mail-eu'), ('bill', 'billing'), ('x', NULL)"
    )
    client = await secured.client("read", queues=["mail-*", "letters"])
    assert [one["queue"] for one in (await client.get("/v1/queues")).json()["items"]] == ["mail-eu"]
    assert [one["id"] for one in (await client.get("/v1/dlq")).json()["items"]] == [str(mine)]
    assert [one["kind"] for one in (await client.get("/v1/kinds")).json()["items"]] == ["send"]


async def test_a_worker_is_shown_with_the_tokens_queues_only(secured: Secured, connection: Connection[Any]) -> None:
    rows.worker(connection, ["send"], "both")
    rows.worker(connection, ["bill"], "other")
    connection.execute("UPDATE pgq.workers SET queues = '{mail-eu,billing}' WHERE name = 'both'")
    connection.execute("UPDATE pgq.workers SET queues = '{billing}' WHERE name = 'other'")
    client = await secured.client("read", queues=["mail-*"])
    (worker,) = (await client.get("/v1/workers")).json()["items"]
    assert (worker["name"], worker["queues"]) == ("both", ["mail-eu"])


async def test_what_a_token_may_not_see_looks_like_what_does_not_exist(
    secured: Secured, connection: Connection[Any]
) -> None:
    hidden = rows.dead(connection, queue="billing")
    unknown = "0198c0de-0000-7000-8000-000000000000"
    reader = await secured.client("read", queues=["mail-*"])
    operator = await secured.client("operate", queues=["mail-*"])
    for client, method, path in (
        (reader, "GET", "/v1/dlq/{}"),
        (operator, "DELETE", "/v1/dlq/{}"),
        (operator, "POST", "/v1/dlq/{}/redrive"),
    ):
        of_hidden, of_unknown = [await client.request(method, path.format(id)) for id in (hidden, unknown)]
        assert (of_hidden.status_code, of_unknown.status_code) == (404, 404)
        assert of_hidden.json()["detail"] == of_unknown.json()["detail"]
    assert state(connection, hidden) == "dead"


async def test_a_queue_outside_the_pattern_is_neither_shown_nor_changed(
    secured: Secured, connection: Connection[Any]
) -> None:
    reader = await secured.client("read", queues=["mail-*"])
    operator = await secured.client("operate", queues=["mail-*"])
    answers = [
        await reader.get("/v1/queues/billing"),
        await operator.put("/v1/queues/billing", json={"max_depth": 1}),
        await operator.post("/v1/queues/billing/pause", json={}),
        await operator.post("/v1/queues/billing/resume"),
    ]
    assert [one.status_code for one in answers] == [404] * 4
    assert connection.execute("SELECT count(*) FROM pgq.queues").fetchone() == (0,)
    assert (await operator.put("/v1/queues/mail-eu", json={"max_depth": 1})).status_code == 200


@pytest.mark.parametrize("everything", [True, False])
async def test_a_verb_by_filter_touches_only_the_tokens_queues(
    secured: Secured, connection: Connection[Any], everything: bool
) -> None:
    body: dict[str, Any] = {"all": True} if everything else {"kind": "echo"}
    mine, other = rows.submitted(connection, queue="mail-eu"), rows.submitted(connection, queue="billing")
    dead, other_dead = rows.dead(connection, queue="mail-eu"), rows.dead(connection, queue="billing")
    client = await secured.client("operate", queues=["mail-*"])
    assert (await client.post("/v1/tasks/cancel", json=body)).json()["changed"] == 1
    assert (await client.post("/v1/dlq/redrive", json=body)).json()["changed"] == 1
    assert (await client.post("/v1/tasks/retry", json={**body, "state": "dead"})).json()["matched"] == 0
    assert (await client.post("/v1/dlq/purge", json=body)).json()["matched"] == 0
    assert (await client.post("/v1/tasks/cancel", json={"queue": "billing"})).json()["matched"] == 0
    assert [state(connection, one) for one in (mine, other)] == ["cancelled", "pending"]
    assert [state(connection, one) for one in (dead, other_dead)] == ["pending", "dead"]
