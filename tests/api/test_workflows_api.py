"""Workflows over HTTP: what is submitted, shown, added and steered, and what is refused with a pointer."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx2
import pytest
from psycopg import Connection
from psycopg.types.json import Json

from tests.api.conftest import Secured
from tests.cli import rows

NOBODY = "00000000-0000-4000-8000-000000000000"


def node(name: str, *parents: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": "echo", "depends_on": list(parents), **more}


async def submit(api: httpx2.AsyncClient, *tasks: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    answer = await api.post("/v1/workflows", json={"name": "report", "tasks": tasks, **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert found.pop("created") is True
    assert answer.headers["location"] == f"/v1/workflows/{found['id']}"
    return found


async def test_what_is_submitted_is_shown_parents_first_and_by_their_names(api: httpx2.AsyncClient) -> None:
    made = await submit(
        api, node("sum", "a", "b"), node("a", payload={"n": 1}), node("b", priority="high"), on_failure="continue"
    )
    assert (made["state"], made["on_failure"], made["total"], made["progress"]) == ("running", "continue", 3, 0)
    assert made["counts"] == {"live": 3, "succeeded": 0, "cancelled": 0, "expired": 0, "dead": 0}
    assert made["live"] == {"blocked": 1, "scheduled": 0, "retrying": 0, "pending": 2, "running": 0}
    assert [(task["name"], task["depends_on"], task["state"]) for task in made["tasks"]] == [
        ("a", [], "pending"),
        ("b", [], "pending"),
        ("sum", ["a", "b"], "blocked"),
    ]
    assert (await api.get(f"/v1/workflows/{made['id']}")).json() == made

    a = (await api.get(f"/v1/tasks/{made['tasks'][0]['id']}")).json()
    assert (a["payload"], a["workflow_id"], a["headers"]["workflow_node"]) == ({"n": 1}, made["id"], "a")
    of_it = (await api.get("/v1/tasks", params={"workflow_id": made["id"]})).json()["items"]
    assert {task["id"] for task in of_it} == {task["id"] for task in made["tasks"]}


@pytest.mark.parametrize("path", ["/v1/workflows", f"/v1/workflows/{NOBODY}/tasks"])
async def test_a_key_that_stands_twice_is_refused_with_its_place(api: httpx2.AsyncClient, path: str) -> None:
    body = '{"name": "w", "tasks": [{"name": "a", "kind": "echo", "payload": {"n": 1, "n": 2}}]}'
    answer = await api.post(path, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")
    assert answer.json()["detail"] == "the key 'n' stands twice in one object (#/tasks/0/payload)"


async def test_a_batch_is_a_workflow_with_a_callback(api: httpx2.AsyncClient, connection: Connection[Any]) -> None:
    made = await submit(api, node("a"), node("b"), callback={"kind": "tell", "payload": {"to": "ada"}})
    last = made["tasks"][-1]
    assert (last["name"], last["depends_on"], last["on_parent_failure"]) == ("callback", ["a", "b"], "run")
    for task in made["tasks"][:2]:
        rows.bury(connection, UUID(task["id"]))
    connection.execute("SELECT pgq.release_children(%s::uuid[], '{dead,dead}')", [[t["id"] for t in made["tasks"][:2]]])
    assert rows.state(connection, UUID(last["id"])) == "pending"


@pytest.mark.parametrize(
    ("body", "pointer", "reason"),
    [
        ([], "#", "must be an object with name and tasks"),
        ({"tasks": [node("a")]}, "#/name", "is missing"),
        ({"name": 3, "tasks": [node("a")]}, "#/name", "must be text"),
        ({"name": "w"}, "#/tasks", "array of 1 to 20,000 tasks"),
        ({"name": "w", "tasks": []}, "#/tasks", "array of 1 to 20,000 tasks"),
        ({"name": "w", "tasks": [node("a")], "more": 1}, "#/more", "is not a field"),
        ({"name": "w", "tasks": [node("a")], "on_failure": "stop"}, "#/on_failure", "cancel or continue"),
        ({"name": "w", "tasks": [node("a"), 7]}, "#/tasks/1", "must be an object"),
        ({"name": "w", "tasks": [node("a"), {"kind": "echo"}]}, "#/tasks/1/name", "is missing"),
        ({"name": "w", "tasks": [{**node("a"), "name": 7}]}, "#/tasks/0/name", "must be text"),
        ({"name": "w", "tasks": [{"name": "a"}]}, "#/tasks/0/kind", "is missing"),
        ({"name": "w", "tasks": [node("a"), node("a")]}, "#/tasks/1/name", "name of another task"),
        ({"name": "w", "tasks": [node("a", kind="")]}, "#/tasks/0/kind", "1 to 128 characters"),
        ({"name": "w", "tasks": [node("a", wrong=1)]}, "#/tasks/0/wrong", "is not a field of a task"),
        ({"name": "w", "tasks": [node("a", idempotency_key="k")]}, "#/tasks/0/idempotency_key", "not for the tasks"),
        ({"name": "w", "tasks": [node("a", "a")]}, "#/tasks/0/depends_on", "cannot depend on itself"),
        ({"name": "w", "tasks": [node("a", "b")]}, "#/tasks/0/depends_on", "no task of this workflow is called 'b'"),
        ({"name": "w", "tasks": [node("a", NOBODY)]}, "#/tasks/0/depends_on", "not the id"),
        ({"name": "w", "tasks": [node("a", "b"), node("b", "a")]}, "#/tasks/0/depends_on", "circle: a → b → a"),
        ({"name": "w", "tasks": [node("a", on_parent_failure="run")]}, "#/tasks/0/on_parent_failure", "means nothing"),
        ({"name": "w", "tasks": [node("a")], "callback": "tell"}, "#/callback", "must be an object, not a string"),
        ({"name": "w", "tasks": [node("a")], "callback": {"kind": ""}}, "#/callback/kind", "1 to 128"),
        (
            {"name": "w", "tasks": [node("a")], "callback": node("c", "a")},
            "#/callback/depends_on",
            "not for a callback",
        ),
        ({"name": "w", "tasks": [node("callback")], "callback": {"kind": "k"}}, "#/callback/name", "another task"),
        ({"name": "w", "tasks": [node("a"), node("b", kind="strict")]}, "#/tasks/1/payload", "is missing"),
        (
            {"name": "w", "tasks": [node("a"), node("b", expires_at="2020-01-01T00:00:00Z")]},
            "#/tasks/1/expires_at",
            "later",
        ),
    ],
)
async def test_what_is_wrong_is_pointed_at_and_nothing_is_stored(
    api: httpx2.AsyncClient, connection: Connection[Any], body: Any, pointer: str, reason: str
) -> None:
    schema = Json({"type": "object", "required": ["n"]})
    connection.execute("INSERT INTO pgq.kinds (kind, payload_schema) VALUES ('strict', %s)", [schema])
    answer = await api.post("/v1/workflows", json=body)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid"), problem
    assert problem["errors"][0]["pointer"] == pointer
    assert reason in problem["errors"][0]["detail"]
    assert connection.execute("SELECT count(*) FROM pgq.workflows").fetchone() == (0,)


async def test_all_that_is_wrong_is_named_at_once(api: httpx2.AsyncClient) -> None:
    body = {"name": "", "tasks": [node("a", priority=10), node("b"), node("c", kind="")]}
    errors = (await api.post("/v1/workflows", json=body)).json()["errors"]
    assert [one["pointer"] for one in errors] == ["#/name", "#/tasks/0/priority", "#/tasks/2/kind"]


async def test_tasks_are_added_while_it_runs(api: httpx2.AsyncClient) -> None:
    made = await submit(api, node("a"))
    added = await api.post(f"/v1/workflows/{made['id']}/tasks", json={"tasks": [node("c", "b", "a"), node("b", "a")]})
    assert added.status_code == 201
    named = {one["name"]: one["id"] for one in added.json()["items"]}
    now = (await api.get(f"/v1/workflows/{made['id']}")).json()
    assert [(task["name"], task["depends_on"]) for task in now["tasks"]] == [("a", []), ("b", ["a"]), ("c", ["b", "a"])]
    assert named == {task["name"]: task["id"] for task in now["tasks"][1:]}

    for task, pointer in ((node("a"), "#/tasks/0/name"), (node("d", "nobody"), "#/tasks/0/depends_on")):
        refused = await api.post(f"/v1/workflows/{made['id']}/tasks", json={"tasks": [task]})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    unknown = await api.post(f"/v1/workflows/{NOBODY}/tasks", json={"tasks": [node("a")]})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


async def test_cancel_and_retry_answer_with_what_has_become_of_it_and_are_written_down(api: httpx2.AsyncClient) -> None:
    made = await submit(api, node("a"), node("b", "a"))
    path = f"/v1/workflows/{made['id']}"
    cancelled = (await api.post(f"{path}/cancel")).json()
    assert (cancelled["state"], cancelled["counts"]["cancelled"]) == ("cancelled", 2)
    assert cancelled["finished_at"] >= cancelled["cancel_requested_at"] > made["created_at"]
    twice = await api.post(f"{path}/cancel")
    assert (twice.status_code, twice.json()["code"]) == (409, "wrong_state")
    late = await api.post(f"{path}/tasks", json={"tasks": [node("c")]})
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")

    again = (await api.post(f"{path}/retry")).json()
    assert (again["state"], again["counts"]["live"], again["cancel_requested_at"]) == ("running", 2, None)
    assert (await api.post(f"{path}/retry")).status_code == 409
    lines = (await api.get("/v1/audit")).json()["items"]
    assert [(line["action"], line["target"], line["details"]) for line in lines] == [
        ("workflow.retry", made["id"], {"name": "report", "tasks": 2}),
        ("workflow.cancel", made["id"], {"name": "report", "tasks": 2}),
    ]


async def test_a_retry_into_a_full_queue_says_when_to_come_again_and_changes_nothing(api: httpx2.AsyncClient) -> None:
    made = await submit(api, node("a"), node("b"), node("c"))
    path = f"/v1/workflows/{made['id']}"
    before = (await api.post(f"{path}/cancel")).json()
    await api.put("/v1/queues/default", json={"max_depth": 1})
    waits = (await api.post("/v1/tasks", json={"kind": "echo"})).json()
    refused = await api.post(f"{path}/retry")
    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (503, "queue_full", "5")
    assert f"nothing came back, retry workflow {made['id']} when fewer do" in refused.json()["detail"]
    assert (await api.get(path)).json()["counts"] == before["counts"]
    assert [line["action"] for line in (await api.get("/v1/audit")).json()["items"]] == ["queue.set", "workflow.cancel"]
    await api.post(f"/v1/tasks/{waits['id']}/cancel")
    assert (await api.post(f"{path}/retry")).json()["counts"]["live"] == 3


async def test_the_list_is_paged_and_filtered(api: httpx2.AsyncClient) -> None:
    made = [await submit(api, node("a")) for _ in range(3)]
    other = (await api.post("/v1/workflows", json={"name": "other", "tasks": [node("a")]})).json()
    await api.post(f"/v1/workflows/{made[1]['id']}/cancel")
    newest_first = [other["id"], *(one["id"] for one in reversed(made))]

    async def listed(**params: Any) -> list[str]:
        return [one["id"] for one in (await api.get("/v1/workflows", params=params)).json()["items"]]

    first = (await api.get("/v1/workflows", params={"limit": 3})).json()
    rest = (await api.get("/v1/workflows", params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert [one["id"] for one in (*first["items"], *rest["items"])] == newest_first
    assert rest["next_cursor"] is None
    assert await listed(state="cancelled") == [made[1]["id"]]
    assert await listed(state="running", name="report") == [made[2]["id"], made[0]["id"]]
    assert set(first["items"][0]) == set(made[0]) - {"tasks", "live"}


async def test_a_token_sees_the_workflows_whose_queues_are_all_its_own(secured: Secured) -> None:
    admin = secured.admin
    mail = await submit(admin, node("a", queue="mail-eu"), node("b", "a", queue="mail-us"))
    mixed = await submit(admin, node("a", queue="mail-eu"), node("b", "a", queue="billing"))
    narrow = await secured.client("read", "operate", "submit", queues=["mail-*"])
    assert [one["id"] for one in (await narrow.get("/v1/workflows")).json()["items"]] == [mail["id"]]
    for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/retry")):
        assert (await narrow.request(method, f"/v1/workflows/{mixed['id']}{path}")).status_code == 404
    hidden = await narrow.post(f"/v1/workflows/{mixed['id']}/tasks", json={"tasks": [node("c", queue="mail-eu")]})
    assert hidden.status_code == 404
    elsewhere = await narrow.post(f"/v1/workflows/{mail['id']}/tasks", json={"tasks": [node("c", queue="billing")]})
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "forbidden")

    # What is added later counts as well, before and after it is added up.
    more = {"tasks": [node("c", queue="billing")]}
    assert (await admin.post(f"/v1/workflows/{mail['id']}/tasks", json=more)).status_code == 201
    assert (await narrow.get(f"/v1/workflows/{mail['id']}")).status_code == 404


@pytest.mark.parametrize("in_head", [True, False])
async def test_the_same_again_with_its_key_is_answered_with_the_first(
    api: httpx2.AsyncClient, connection: Connection[Any], in_head: bool
) -> None:
    def body(**more: Any) -> dict[str, Any]:
        whole = {"name": "report", "tasks": [node("sum", "a"), node("a", payload={"n": 1})], **more}
        return whole if in_head else {**whole, "idempotency_key": "k"}

    head = {"Idempotency-Key": "k"} if in_head else {}
    first = await api.post("/v1/workflows", json=body(), headers=head)
    assert (first.status_code, first.json()["created"]) == (201, True)
    rows.bury(connection, UUID(first.json()["tasks"][0]["id"]))

    again = await api.post("/v1/workflows", json=body(), headers=head)
    assert (again.status_code, again.json()["created"]) == (200, False)
    assert again.headers["location"] == first.headers["location"] == f"/v1/workflows/{again.json()['id']}"
    assert again.json()["tasks"][0]["error"] is not None
    assert connection.execute("SELECT count(*), max(total) FROM pgq.workflow_status").fetchone() == (1, 2)

    other = await api.post("/v1/workflows", json=body(callback={"kind": "tell"}), headers=head)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert connection.execute("SELECT count(*), max(total) FROM pgq.workflow_status").fetchone() == (1, 2)


@pytest.mark.parametrize(
    ("key", "head", "pointer"),
    [
        ("", {}, "#/idempotency_key"),
        (1, {}, "#/idempotency_key"),
        ("k" * 256, {}, "#/idempotency_key"),
        (None, {"Idempotency-Key": ""}, "header/idempotency-key"),
        ("k", {"Idempotency-Key": "l"}, "header/idempotency-key"),
    ],
)
async def test_a_key_that_is_none_is_refused(
    api: httpx2.AsyncClient, key: object, head: dict[str, str], pointer: str
) -> None:
    body = {"name": "w", "tasks": [node("a")], "idempotency_key": key}
    answer = await api.post("/v1/workflows", json=body, headers=head)
    assert answer.status_code == 422, answer.text
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]


async def test_a_known_key_shows_nobody_what_he_may_not_see(secured: Secured, connection: Connection[Any]) -> None:
    body = {"name": "w", "tasks": [node("a", queue="mail")], "idempotency_key": "k"}
    made = (await secured.admin.post("/v1/workflows", json=body)).json()
    rows.bury(connection, UUID(made["tasks"][0]["id"]))
    writer = await secured.client("submit", queues=["mail"])
    again = await writer.post("/v1/workflows", json=body)
    assert (again.status_code, again.json()["id"], again.json()["tasks"][0]["error"]) == (200, made["id"], None)

    connection.execute("INSERT INTO pgq.workflow_changes (workflow_id, queue) VALUES (%s, 'billing')", [made["id"]])
    hidden = await writer.post("/v1/workflows", json=body)
    assert (hidden.status_code, hidden.json()["code"]) == (409, "idempotency_conflict")
    assert made["id"] not in hidden.text


async def test_a_task_that_is_moved_elsewhere_hides_its_workflow(secured: Secured) -> None:
    made = await submit(secured.admin, node("a", queue="mail"))
    narrow = await secured.client("read", queues=["mail"])
    assert (await narrow.get(f"/v1/workflows/{made['id']}")).status_code == 200
    move = await secured.admin.patch(f"/v1/tasks/{made['tasks'][0]['id']}", json={"queue": "billing"})
    assert move.status_code == 200
    assert (await narrow.get(f"/v1/workflows/{made['id']}")).status_code == 404
    assert (await narrow.get("/v1/workflows")).json()["items"] == []


async def test_tasks_of_a_submitter_say_who_submitted_them(secured: Secured) -> None:
    client = await secured.client("submit")
    made = await submit(client, node("a"))
    assert (await client.get(f"/v1/tasks/{made['tasks'][0]['id']}")).status_code == 200
    other = await secured.client("submit")
    assert (await other.get(f"/v1/tasks/{made['tasks'][0]['id']}")).status_code == 404


async def test_only_json_is_read(api: httpx2.AsyncClient) -> None:
    answer = await api.post("/v1/workflows", content=b"name: w", headers={"content-type": "application/yaml"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_what_is_forgotten_of_its_tasks_shows_as_such(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    made = await submit(api, node("a"), node("b", "a"))
    rows.move_to_history(connection, UUID(made["tasks"][0]["id"]), "succeeded", 1)
    connection.execute("DELETE FROM pgq.task_history")
    shown = (await api.get(f"/v1/workflows/{made['id']}")).json()
    assert (shown["tasks"][0]["state"], shown["tasks"][0]["kind"]) == (None, None)
    assert shown["counts"]["succeeded"] == 1
