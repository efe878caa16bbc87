"""Dependencies over HTTP: submitted through every body, shown to whoever may see them, unknown to whoever may not."""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import httpx2
import psycopg
import pytest
from psycopg import Connection

from pgq.api import parents as of_parents
from tests.api.conftest import Secured
from tests.api.remote import register
from tests.cli import rows
from tests.until import PATIENCE

Api = httpx2.AsyncClient
Json = dict[str, Any]
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(autouse=True)
def _results_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_parents, "READ_SECONDS", PATIENCE)


async def submitted(api: Api, status: int = 201, **fields: Any) -> Json:
    answer = await api.post("/v1/tasks", json={"kind": "echo", **fields})
    assert answer.status_code == status, answer.text
    task: Json = answer.json()
    return task


async def in_bulk(api: Api, form: str, *tasks: Json) -> httpx2.Response:
    many = [{"kind": "echo", **task} for task in tasks]
    match form:
        case "json":
            return await api.post("/v1/tasks/batch", json={"tasks": many})
        case _:
            return await api.post("/v1/tasks/batch", content="\n".join(map(json.dumps, many)), headers=NDJSON)


def unknown(answer: httpx2.Response) -> tuple[str, str]:
    """Where a parent is missing, and what is said of it."""
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_parent"), answer.text
    (error,) = answer.json()["errors"]
    return error["pointer"], error["detail"]


async def test_a_task_waits_for_its_parents_and_shows_them(api: Api, connection: Connection[Any]) -> None:
    first, second = (str(rows.submitted(connection)) for _ in range(2))
    task = await submitted(api, depends_on=[second, first, second], on_parent_failure="run")
    assert (task["state"], task["depends_on"], task["workflow_id"], task["schedule"]) == (
        "blocked",
        [second, first],
        None,
        None,
    )
    assert (await api.get(f"/v1/tasks/{task['id']}")).json() == {k: v for k, v in task.items() if k != "created"}
    listed = (await api.get("/v1/tasks", params={"state": "blocked"})).json()["items"]
    assert [one["depends_on"] for one in listed] == [[second, first]]
    assert rows_of(connection, "on_parent_failure") == [("run",)]


def rows_of(connection: Connection[Any], column: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT {column} FROM pgq.tasks WHERE depends_on IS NOT NULL").fetchall()


async def test_a_task_without_parents_may_say_so(api: Api) -> None:
    task = await submitted(api, depends_on=[], on_parent_failure="run")
    assert (task["state"], task["depends_on"]) == ("pending", [])


async def test_the_answer_is_what_became_of_the_task_by_the_parents_that_have_ended(
    api: Api, connection: Connection[Any]
) -> None:
    done, dead = str(rows.ended(connection)), str(rows.dead(connection))
    ready, cancelled, waits, plain = await asyncio.gather(
        submitted(api, depends_on=[done], run_at="2999-01-01T00:00:00Z"),
        submitted(api, depends_on=[done, dead]),
        submitted(api, depends_on=[done, dead], on_parent_failure="wait"),
        submitted(api),
    )
    assert [one["state"] for one in (ready, cancelled, waits, plain)] == [
        "scheduled",
        "cancelled",
        "blocked",
        "pending",
    ]
    assert cancelled["error"]["type"] == "ParentFailed"
    assert cancelled["created"] is True


async def test_a_parent_that_nobody_has_refuses_only_its_own_task(api: Api) -> None:
    nobody = [str(uuid4()) for _ in range(3)]
    answers = await asyncio.gather(
        *(
            api.post("/v1/tasks", json={"kind": "echo", **fields})
            for fields in ({}, {"depends_on": [nobody[0]]}, {"depends_on": nobody[1:], "idempotency_key": "k"}, {})
        )
    )
    assert [answer.status_code for answer in answers] == [201, 422, 422, 201]
    assert unknown(answers[1]) == ("#/depends_on", f"no task has the id {nobody[0]}, or its retention has ended")
    assert unknown(answers[2])[1].startswith(f"no task has the id {nobody[1]}")


async def test_a_known_key_answers_whatever_became_of_the_parents(api: Api, connection: Connection[Any]) -> None:
    first = await submitted(api, idempotency_key="k", depends_on=[str(rows.submitted(connection))])
    again = await submitted(api, 200, idempotency_key="k", depends_on=[str(uuid4())])
    assert (again["id"], again["created"], again["depends_on"]) == (first["id"], False, first["depends_on"])
    batch = await in_bulk(api, "json", {"idempotency_key": "k", "depends_on": [str(uuid4())]})
    assert batch.json()["ids"] == [first["id"]]


@pytest.mark.parametrize("others", [1, 150], ids=["few", "most by COPY"])
@pytest.mark.parametrize("form", ["json", "ndjson"])
async def test_a_batch_names_parents_and_the_task_whose_parent_nobody_has(
    api: Api, connection: Connection[Any], form: str, others: int
) -> None:
    parent, nobody = str(rows.submitted(connection)), str(uuid4())
    above = "#/tasks" if form == "json" else "#"
    refused = await in_bulk(api, form, *[{}] * others, {"depends_on": [parent]}, {"depends_on": [parent, nobody]})
    assert unknown(refused)[0] == f"{above}/{others + 1}/depends_on"
    assert nobody in unknown(refused)[1]
    assert connection.execute("SELECT count(*) FROM pgq.tasks").fetchone() == (1,)

    stored = await in_bulk(api, form, *[{}] * others, {"depends_on": [parent], "on_parent_failure": "wait"}, {})
    assert stored.status_code == 201, stored.text
    child = stored.json()["ids"][others]
    assert (await api.get(f"/v1/tasks/{child}")).json()["depends_on"] == [parent]
    assert rows_of(connection, "id::text, state, on_parent_failure") == [(child, "blocked", "wait")]


@pytest.mark.parametrize("form", ["json", "ndjson"])
async def test_a_wrong_list_of_parents_is_named_in_a_batch(api: Api, form: str) -> None:
    answer = await in_bulk(api, form, {}, {"depends_on": ["x"]}, {"on_parent_failure": "run"})
    above = "#/tasks" if form == "json" else "#"
    assert [one["pointer"] for one in answer.json()["errors"]] == [
        f"{above}/1/depends_on",
        f"{above}/2/on_parent_failure",
    ]


async def test_another_refusal_in_a_batch_with_parents_keeps_its_own_place(
    api: Api, connection: Connection[Any]
) -> None:
    # A guard of the operator's own, which nothing but the database knows. More than a hundred tasks go by COPY first.
    connection.execute(
        "CREATE FUNCTION no_thirteen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.payload = '{\"n\": 13}' THEN PERFORM pgq.refuse('payload', 'is unlucky'); END IF;"
        " RETURN NEW; END $$"
    )
    connection.execute("CREATE TRIGGER a_guard BEFORE INSERT ON pgq.tasks FOR EACH ROW EXECUTE FUNCTION no_thirteen()")
    many: list[Json] = [{"depends_on": [str(uuid4())]}, *({"payload": {"n": n}} for n in range(150))]
    answer = await in_bulk(api, "json", *many)
    assert (answer.json()["code"], answer.json()["errors"][0]["pointer"]) == ("invalid", "#/tasks/14/payload")


async def test_parents_come_with_their_results_in_the_order_of_depends_on(
    api: Api, connection: Connection[Any]
) -> None:
    parents = [str(rows.ended(connection, result={"n": n})) for n in range(5)]
    parents = [parents[3], parents[0], parents[4], parents[1], parents[2]]
    child = (await submitted(api, depends_on=parents))["id"]
    connection.execute("DELETE FROM pgq.task_history WHERE id = %s", [parents[4]])
    answer = (await api.get(f"/v1/tasks/{child}/parents")).json()
    assert [(one["id"], one["result"]) for one in answer["items"]] == [
        (parents[0], {"n": 3}), (parents[1], {"n": 0}), (parents[2], {"n": 4}), (parents[3], {"n": 1}),
    ]  # fmt: skip
    assert answer["next_cursor"] is None

    found: list[str] = []
    cursor = None
    while cursor is not None or not found:
        page = (
            await api.get(f"/v1/tasks/{child}/parents", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        ).json()
        found += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert found == parents[:4]
    assert (await api.get(f"/v1/tasks/{child}/parents", params={"cursor": "x"})).status_code == 422
    assert (await api.get(f"/v1/tasks/{parents[0]}/parents")).json() == {"items": [], "next_cursor": None}


async def test_a_parent_in_a_queue_that_the_token_may_not_see_is_unknown_to_it(
    secured: Secured, connection: Connection[Any]
) -> None:
    hidden, seen = (str(rows.ended(connection, queue=queue, result=1)) for queue in ("billing", "mail-eu"))
    nobody = str(uuid4())
    client = await secured.client("submit", "read", queues=["mail-*"])
    for named in ([hidden], [seen, hidden]):
        single = await client.post("/v1/tasks", json={"kind": "echo", "queue": "mail-eu", "depends_on": named})
        really = await client.post(
            "/v1/tasks", json={"kind": "echo", "queue": "mail-eu", "depends_on": [*named[:-1], nobody]}
        )
        assert [text.replace(nobody, hidden) for text in unknown(really)] == list(unknown(single))
        assert single.json()["detail"] == really.json()["detail"].replace(nobody, hidden)
        for form, above in (("json", "#/tasks/1"), ("ndjson", "#/1")):
            batch = await in_bulk(client, form, {"queue": "mail-eu"}, {"queue": "mail-eu", "depends_on": named})
            assert unknown(batch) == (f"{above}/depends_on", f"no task has the id {hidden}, or its retention has ended")
    assert connection.execute("SELECT count(*) FROM pgq.tasks").fetchone() == (0,)

    # It learns nothing by a key either, and a known one answers all the same.
    first = await submitted(client, queue="mail-eu", depends_on=[seen], idempotency_key="k")
    again = await submitted(client, 200, queue="mail-eu", depends_on=[hidden], idempotency_key="k")
    assert again["id"] == first["id"]

    # Who sees both may tie them together; the token sees its own side.
    both = (await submitted(secured.admin, queue="mail-eu", depends_on=[hidden, seen]))["id"]
    assert [one["id"] for one in (await secured.admin.get(f"/v1/tasks/{both}/parents")).json()["items"]] == [
        hidden,
        seen,
    ]
    assert [one["id"] for one in (await client.get(f"/v1/tasks/{both}/parents")).json()["items"]] == [seen]
    other = (await submitted(secured.admin, queue="billing", depends_on=[seen]))["id"]
    assert (await client.get(f"/v1/tasks/{other}/parents")).status_code == 404


async def test_a_token_that_may_only_submit_knows_its_own_tasks_as_parents(
    secured: Secured, connection: Connection[Any]
) -> None:
    client = await secured.client("submit")
    mine, other = (await submitted(client))["id"], str(rows.submitted(connection))
    assert (await submitted(client, depends_on=[mine]))["state"] == "blocked"
    refused = await client.post("/v1/tasks", json={"kind": "echo", "depends_on": [mine, other]})
    assert other in unknown(refused)[1]


async def test_lists_and_verbs_by_filter_know_workflows(api: Api, connection: Connection[Any]) -> None:
    mine, other = rows.submitted(connection), rows.submitted(connection)
    ended, dead = rows.ended(connection), rows.dead(connection)
    workflow = uuid4()
    for table, id in (("tasks", mine), ("task_history", ended), ("dead_tasks", dead)):
        connection.execute(f"UPDATE pgq.{table} SET workflow_id = %s WHERE id = %s", [workflow, id])
    found = (await api.get("/v1/tasks", params={"workflow_id": str(workflow)})).json()["items"]
    assert {UUID(one["id"]) for one in found} == {mine, ended, dead}
    assert {one["workflow_id"] for one in found} == {str(workflow)}
    assert (await api.get("/v1/tasks", params={"workflow_id": "x"})).status_code == 422
    report = (await api.post("/v1/tasks/cancel", json={"workflow_id": str(workflow)})).json()
    assert report["changed"] == 1
    assert [rows.state(connection, one) for one in (mine, other)] == ["cancelled", "pending"]


async def test_a_claim_brings_what_the_parents_gave(api: Api, connection: Connection[Any]) -> None:
    first = rows.ended(connection, result={"text": 'ü"'}, headers=json.dumps({"workflow_node": 'load "'}))
    second, large = rows.ended(connection, result=None), rows.ended(connection, result="x" * 300_000)
    child = (await submitted(api, depends_on=[str(second), str(first)]))["id"]
    much = (await submitted(api, depends_on=[str(large)]))["id"]
    plain = (await submitted(api))["id"]
    worker = await register(api)
    tasks = {task["id"]: task["parents"] for task in await worker.claim(limit=10)}
    assert tasks == {child: {str(second): None, 'load "': {"text": 'ü"'}}, much: None, plain: {}}
    assert list(tasks[child]) == [str(second), 'load "']
    (parent,) = (await api.get(f"/v1/tasks/{much}/parents")).json()["items"]
    assert parent["result"] == "x" * 300_000


async def test_a_claim_brings_nothing_of_parents_that_the_token_may_not_see(
    secured: Secured, connection: Connection[Any]
) -> None:
    hidden, seen = (str(rows.ended(connection, queue=queue, result=1)) for queue in ("billing", "mail-eu"))
    await submitted(secured.admin, queue="mail-eu", depends_on=[hidden, seen])
    worker = await register(await secured.client("work", queues=["mail-*"]), "mail-eu")
    assert (await worker.one())["parents"] == {seen: 1}


async def test_a_claim_does_not_wait_for_results_that_cannot_be_read(
    api: Api, connection: Connection[Any], dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_parents, "READ_SECONDS", 0.05)
    parent = rows.ended(connection, result=1)
    child = (await submitted(api, depends_on=[str(parent)]))["id"]
    worker = await register(api)
    with psycopg.connect(dsn) as locking:
        locking.execute("LOCK TABLE pgq.task_history IN ACCESS EXCLUSIVE MODE")
        task = await worker.one()
    assert (task["id"], task["parents"]) == (child, None)
    assert (await worker.tell("complete", task)).status_code == 200
