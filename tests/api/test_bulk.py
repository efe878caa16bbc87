"""The verbs by filter over HTTP."""

from typing import Any

import httpx2
import pytest
from psycopg import Connection

from pgq.api.routes import bulk as routes
from pgq.operate import bulk
from tests.cli import rows
from tests.cli.rows import state

VERBS = ("/v1/tasks/cancel", "/v1/tasks/retry", "/v1/dlq/redrive", "/v1/dlq/purge")


@pytest.mark.parametrize("path", VERBS)
async def test_an_empty_filter_takes_nothing_unless_all_is_meant(
    api: httpx2.AsyncClient, connection: Connection[Any], path: str
) -> None:
    dead, waiting = rows.dead(connection), rows.submitted(connection)
    for body in ({}, {"all": False}, {"limit": 5}, {"dry_run": True}):
        answer = await api.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "filter_required"), body
    assert (state(connection, dead), state(connection, waiting)) == ("dead", "pending")
    answer = await api.post(path, json={"all": True})
    assert answer.json()["changed"] >= 1


async def test_cancel_by_filter_takes_what_fits_and_no_other(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    email, running = rows.submitted(connection, queue="email"), rows.running(connection, queue="email")
    other, dead = rows.submitted(connection), rows.dead(connection, queue="email")
    report = (await api.post("/v1/tasks/cancel", json={"queue": "email"})).json()
    assert report == {"matched": 2, "changed": 2, "skipped": [], "more": False}
    shown = [state(connection, one) for one in (email, running, other, dead)]
    assert shown == ["cancelled", "running", "pending", "dead"]


async def test_a_dry_run_counts_and_a_limit_says_that_there_are_more(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    for _ in range(3):
        rows.dead(connection)
    counted = (await api.post("/v1/dlq/purge", json={"all": True, "dry_run": True})).json()
    assert counted == {"matched": 3, "changed": 0, "skipped": [], "more": False}
    purged = (await api.post("/v1/dlq/purge", json={"all": True, "limit": 2})).json()
    assert purged == {"matched": 3, "changed": 2, "skipped": [], "more": True}


async def test_dead_letters_are_chosen_by_kind_error_and_time(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    rows.dead(connection, error_type="KeyError")
    rows.dead(connection, error_type="ValueError")
    for body, matched in (
        ({"error_type": "KeyError"}, 1),
        ({"error_type": ["KeyError", "ValueError"]}, 2),
        ({"error_type": "KeyError", "kind": "another"}, 0),
        ({"dead_after": "2999-01-01T00:00:00Z"}, 0),
        ({"dead_before": "2999-01-01T00:00:00Z"}, 2),
        ({"dead_after": "2001-01-01T00:00:00+01:00", "queue": ["default", "email"]}, 2),
    ):
        report = (await api.post("/v1/dlq/redrive", json={**body, "dry_run": True})).json()
        assert report["matched"] == matched, body


async def test_tasks_are_chosen_by_state_tag_and_time(api: httpx2.AsyncClient, connection: Connection[Any]) -> None:
    rows.submitted(connection, tags=["a", "b"])
    rows.retrying(connection, tags=["a"])
    for body, matched in (
        ({"state": "retrying"}, 1),
        ({"state": ["pending"]}, 2),
        ({"tag": ["a", "b"]}, 1),
        ({"tag": "a"}, 2),
        ({"created_after": "2999-01-01T00:00:00Z"}, 0),
        ({"created_before": "2999-01-01T00:00:00Z"}, 2),
    ):
        report = (await api.post("/v1/tasks/cancel", json={**body, "dry_run": True})).json()
        assert report["matched"] == matched, body


async def test_who_refused_is_named_with_a_code(api: httpx2.AsyncClient, connection: Connection[Any]) -> None:
    await api.put("/v1/queues/default", json={"max_depth": 1})
    dead = sorted([rows.dead(connection), rows.dead(connection)])
    report = (await api.post("/v1/dlq/redrive", json={"all": True})).json()
    assert (report["matched"], report["changed"]) == (2, 1)
    (skipped,) = report["skipped"]
    assert (skipped["id"], skipped["code"]) == (str(dead[1]), "queue_full")


@pytest.mark.parametrize(
    "body",
    [
        {"queue": ""},
        {"queue": []},
        {"queue": ["a"] * 101},
        {"queue": 7},
        {"state": "asleep"},
        {"state": "succeeded"},
        {"created_before": "yesterday"},
        {"all": "yes"},
        {"all": True, "limit": 0},
        {"all": True, "limit": "5"},
        {"all": True, "dry_run": 1},
        {"all": True, "queues": "email"},
    ],
)
async def test_a_wrong_filter_is_refused_and_nothing_is_done(
    api: httpx2.AsyncClient, connection: Connection[Any], body: dict[str, Any]
) -> None:
    task = rows.submitted(connection)
    answer = await api.post("/v1/tasks/cancel", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert state(connection, task) == "pending"


async def test_every_batch_is_audited_with_what_it_changed_and_only_with_it(
    api: httpx2.AsyncClient, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    made = sorted(rows.dead(connection) for _ in range(3))
    connection.execute("UPDATE pgq.dead_tasks SET priority = 77 WHERE id = %s", [made[2]])  # no such priority: refused
    await api.post("/v1/dlq/redrive", json={"all": True, "dry_run": True})
    assert connection.execute("SELECT count(*) FROM pgq.audit_log").fetchone() == (0,)
    report = (await api.post("/v1/dlq/redrive", json={"all": True})).json()
    assert report["changed"] == 2
    ((action, details),) = connection.execute("SELECT action, details FROM pgq.audit_log").fetchall()
    assert action == "dlq.redrive"
    assert details == {"asked": {"all": True}, "changed": 2, "ids": [str(one) for one in made[:2]]}


async def test_a_verb_that_takes_long_answers_in_time_and_says_that_there_are_more(
    api: httpx2.AsyncClient, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "WITHIN", -1.0)
    rows.dead(connection)
    report = (await api.post("/v1/dlq/purge", json={"all": True})).json()
    assert report == {"matched": 1, "changed": 0, "skipped": [], "more": True}
