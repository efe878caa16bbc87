"""Every route of the OpenAPI document by every scope: who is let in, and who is told what."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any
from uuid import uuid4

import httpx2
from psycopg import Connection

from pgq.api.app import create_app
from pgq.operate.tokens import create_token
from pgq.values.settings import Settings
from tests.api.conftest import Secured
from tests.cli import rows

SCOPES = ("submit", "read", "operate", "work", "exec", "admin")
QUEUE = "mail-eu"
METHODS = ("get", "put", "post", "patch", "delete")

Targets = Callable[[Connection[Any]], object]


def waiting(connection: Connection[Any]) -> object:
    return rows.submitted(connection, queue=QUEUE)


def done(connection: Connection[Any]) -> object:
    return rows.ended(connection, queue=QUEUE)


def dead(connection: Connection[Any]) -> object:
    return rows.dead(connection, queue=QUEUE)


def queue(_connection: Connection[Any]) -> object:
    return QUEUE


def schedule(connection: Connection[Any]) -> object:
    """A schedule of its own."""
    row = connection.execute(
        "INSERT INTO pgq.schedules (name, cron, kind, queue) VALUES (pgq.uuid7(), '@daily', 'echo', %s) RETURNING name",
        [QUEUE],
    ).fetchone()
    assert row is not None
    return row[0]


def unused_name(_connection: Connection[Any]) -> object:
    return uuid4()


def token(connection: Connection[Any]) -> object:
    stored, _ = create_token(connection, name="spare", scopes=["read"], created_by="a test")
    return stored.id


def remote(connection: Connection[Any]) -> object:
    """A worker of the token with the scope `work` that may see the queue, if there is one."""
    row = connection.execute(
        "INSERT INTO pgq.workers (id, name, hostname, version, queues, kinds, capacity, remote, token_id)"
        " VALUES (pgq.uuid7(), 'robot', 'host', '0', %s, '{}', 1, true,"
        " (SELECT id FROM pgq.api_tokens WHERE scopes = '{work}' AND queues = '{mail-*}')) RETURNING id",
        [[QUEUE]],
    ).fetchone()
    assert row is not None
    return row[0]


def remote_and_task(connection: Connection[Any]) -> object:
    return f"{remote(connection)}/tasks/{waiting(connection)}"


def workflow(connection: Connection[Any]) -> object:
    return rows.workflow(connection, A_NODE)


def cancelled_workflow(connection: Connection[Any]) -> object:
    id = workflow(connection)
    connection.execute("SELECT pgq.cancel_workflow(%s)", [id])
    return id


A_NODE = {"name": "a", "kind": "echo", "queue": QUEUE}
AN_ERROR = {"type": "ValueError", "message": "no"}
A_SCHEDULE = {"cron": "@daily", "kind": "echo", "queue": QUEUE}


def new_schedule() -> Mapping[str, Any]:
    """A schedule of a name that is not taken."""
    return {"name": str(uuid4()), **A_SCHEDULE}


@dataclass(frozen=True)
class Route:
    """Which scopes are let in, besides admin, and with what answer; how the others and `elsewhere` are answered.

    also: the scope that a token with one of these needs besides. elsewhere: the answer to a token with such a scope,
    but for the queues `other-*` only. own_only: the scope submit sees only what its own token submitted.
    """

    scopes: tuple[str, ...]
    answer: int = 200
    elsewhere: int = 200
    target: Targets | None = None
    body: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None = None
    open: bool = False
    own_only: bool = False
    also: str | None = None


EVERYBODY = ("nobody", *SCOPES)

ROUTES: Mapping[str, Route] = {
    "submit_task": Route(("submit",), 201, 403, body={"kind": "echo", "queue": QUEUE}),
    "submit_tasks": Route(("submit",), 201, 403, body={"tasks": [{"kind": "echo", "queue": QUEUE}]}),
    "list_tasks": Route(("read",)),
    "get_task": Route(("read", "submit"), 200, 404, waiting, own_only=True),
    "list_attempts": Route(("read",), 200, 404, waiting),
    "list_parents": Route(("read",), 200, 404, waiting),
    "list_logs": Route(("read",), 200, 404, waiting),
    "follow_task": Route(("read",), 200, 404, done),
    "change_task": Route(("operate",), 200, 404, waiting, {"priority": 9}),
    "cancel_task": Route(("operate",), 200, 404, waiting),
    "retry_task": Route(("operate",), 200, 404, done),
    "cancel_tasks": Route(("operate",), body={"all": True, "dry_run": True}),
    "retry_tasks": Route(("operate",), body={"all": True, "dry_run": True}),
    "redrive_dead_letters": Route(("operate",), body={"all": True, "dry_run": True}),
    "purge_dead_letters": Route(("operate",), body={"all": True, "dry_run": True}),
    "list_dead_letters": Route(("read",)),
    "get_dead_letter": Route(("read",), 200, 404, dead),
    "purge_dead_letter": Route(("operate",), 204, 404, dead),
    "redrive_dead_letter": Route(("operate",), 200, 404, dead, {"payload": {"n": 1}}),
    "list_queues": Route(("read",)),
    "get_queue": Route(("read",), 200, 404, queue),
    "set_queue": Route(("operate",), 200, 404, queue, {"timeout_seconds": 60}),
    "pause_queue": Route(("operate",), 200, 404, queue, {}),
    "resume_queue": Route(("operate",), 200, 404, queue),
    "list_schedules": Route(("read",)),
    "create_schedule": Route(("operate",), 201, 403, body=new_schedule, also="submit"),
    "get_schedule": Route(("read",), 200, 404, schedule),
    "put_schedule": Route(("operate",), 201, 403, unused_name, A_SCHEDULE, also="submit"),
    "delete_schedule": Route(("operate",), 204, 404, schedule),
    "pause_schedule": Route(("operate",), 200, 404, schedule),
    "resume_schedule": Route(("operate",), 200, 404, schedule),
    "run_schedule": Route(("operate",), 201, 404, schedule, also="submit"),
    "list_workers": Route(("read",)),
    "register_worker": Route(("work",), 201, 403, body={"name": "robot", "queues": [QUEUE]}),
    "drain_worker": Route(("work", "operate"), 200, 404, remote),
    "delete_worker": Route(("work",), 204, 404, remote),
    "claim_tasks": Route(("work",), 200, 404, remote, {}),
    "heartbeat": Route(("work",), 200, 404, remote, {}),
    "complete_task": Route(("work",), 409, 404, remote_and_task, {"lease_epoch": 1}),
    "fail_task": Route(("work",), 409, 404, remote_and_task, {"lease_epoch": 1, "error": AN_ERROR}),
    "snooze_task": Route(("work",), 409, 404, remote_and_task, {"lease_epoch": 1, "delay_seconds": 1}),
    "submit_workflow": Route(("submit",), 201, 403, body={"name": "w", "tasks": [A_NODE]}),
    "list_workflows": Route(("read",)),
    "get_workflow": Route(("read",), 200, 404, workflow),
    "cancel_workflow": Route(("operate",), 200, 404, workflow),
    "retry_workflow": Route(("operate",), 200, 404, cancelled_workflow),
    "add_workflow_tasks": Route(("submit",), 201, 404, workflow, {"tasks": [{**A_NODE, "name": "more"}]}),
    "list_kinds": Route(("read", "submit")),
    "list_tokens": Route(()),
    "create_token": Route((), 201, body={"name": "another", "scopes": ["read"]}),
    "rotate_token": Route((), target=token, body={}),
    "revoke_token": Route((), 204, target=token),
    "list_audit": Route(()),
    "version": Route(("read",)),
    "get_stats": Route(("read",)),
    "metrics": Route(("read",)),
    "live": Route(EVERYBODY, open=True),
    "ready": Route(EVERYBODY, open=True),
    "health": Route(EVERYBODY, open=True),
}


def operations() -> dict[str, tuple[str, str]]:
    """The routes of the document: method and path by operation id."""
    paths = create_app(Settings(auth="off"), conninfo="").openapi()["paths"]
    return {
        operation["operationId"]: (method.upper(), path)
        for path, item in paths.items()
        for method, operation in item.items()
        if method in METHODS
    }


def expected(route: Route, scope: str) -> int:
    """The answer to a token with this scope that may see the queue."""
    if scope == "nobody":
        return route.answer if route.open else 401
    if scope == "submit" and route.own_only:
        return 404
    return route.answer if scope == "admin" or (scope in route.scopes and route.also is None) else 403


async def test_every_route_lets_in_whom_it_should_and_nobody_else(
    secured: Secured, connection: Connection[Any]
) -> None:
    routes = operations()
    assert set(ROUTES) == set(routes), "a route of the document has no entry above, or an entry no route"

    # An admin has every queue: it could make itself a token for the others.
    clients = {one: await secured.client(one, queues=[] if one == "admin" else ["mail-*"]) for one in SCOPES}
    clients["nobody"] = await secured.client_with(None)
    wrong = []
    for (name, route), (scope, client) in product(ROUTES.items(), clients.items()):
        answer = await ask(client, connection, routes[name], route)
        if answer.status_code != expected(route, scope):
            wrong.append((name, scope, expected(route, scope), answer.status_code, answer.text[:200]))
    for name, route in ROUTES.items():
        if route.also is not None:
            client = await secured.client(*route.scopes, route.also, queues=["mail-*"])
            answer = await ask(client, connection, routes[name], route)
            if answer.status_code != route.answer:
                wrong.append((name, "both", route.answer, answer.status_code, answer.text[:200]))
    assert not wrong


async def test_a_token_for_other_queues_is_told_nothing_of_this_one(
    secured: Secured, connection: Connection[Any]
) -> None:
    routes = operations()
    needed = {(scope, route.also) for route in ROUTES.values() if not route.open for scope in route.scopes}
    clients = {
        (scope, also): await secured.client(*filter(None, (scope, also)), queues=["other-*"]) for scope, also in needed
    }
    connection.execute("INSERT INTO pgq.kinds (kind, queue) VALUES ('echo', %s)", [QUEUE])
    rows.worker(connection, ["echo"])
    connection.execute("UPDATE pgq.workers SET queues = ARRAY[%s]", [QUEUE])
    wrong = []
    for (name, route), ((scope, also), client) in product(ROUTES.items(), clients.items()):
        if route.open or scope not in route.scopes or also != route.also:
            continue
        answer = await ask(client, connection, routes[name], route)
        told = answer.json() if answer.headers.get("content-type") == "application/json" else {}
        leaks = answer.status_code == 200 and (told.get("items") or told.get("matched") or QUEUE in answer.text)
        if answer.status_code != route.elsewhere or leaks:
            wrong.append((name, scope, route.elsewhere, answer.status_code, answer.text[:200]))
    assert not wrong


async def test_a_made_up_token_is_no_token(secured: Secured, connection: Connection[Any]) -> None:
    client = await secured.client_with("pgq_0123456789abcdef_" + "x" * 43)
    routes = operations()
    for name, route in ROUTES.items():
        if not route.open:
            answer = await ask(client, connection, routes[name], route)
            assert (answer.status_code, answer.json()["code"]) in ((401, "unauthenticated"), (429, "rate_limited")), (
                name
            )


async def ask(
    client: httpx2.AsyncClient,
    connection: Connection[Any],
    operation: tuple[str, str],
    route: Route,
) -> httpx2.Response:
    """A request that the route would grant, on a target of its own."""
    method, path = operation
    if route.target is not None:
        path = path[: path.index("{")] + str(route.target(connection)) + path[path.rindex("}") + 1 :]
    if route.body is None:
        return await client.request(method, path)
    body = route.body() if callable(route.body) else route.body
    return await client.request(method, path, json=dict(body))
