"""Health, readiness, version."""

import asyncio
from importlib.metadata import version
from typing import Any

import httpx2
import pytest
from psycopg import Connection

from pgq.api import health
from pgq.api.app import create_app
from pgq.values.settings import Settings
from tests.api.conftest import running
from tests.cli import rows
from tests.until import PATIENCE


async def test_a_process_that_answers_is_live(api: httpx2.AsyncClient) -> None:
    answer = await api.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "live"})
    assert answer.headers["x-request-id"]


async def test_an_unknown_path_is_a_problem_document(api: httpx2.AsyncClient) -> None:
    answer = await api.get("/nowhere")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


async def test_health_counts_what_there_is_and_says_what_is_missing(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    rows.dead(connection)
    connection.execute(
        "INSERT INTO pgq.task_stats (minute, queue, kind, worker_id, succeeded, wait, run, total) "
        "VALUES (date_trunc('minute', now()), 'default', 'echo', pgq.uuid7(), 1, "
        "pgq.histogram('{}'), pgq.histogram('{}'), pgq.histogram('{}'))"
    )
    rows.submitted(connection)
    answer = await api.get("/health")
    found = answer.json()
    assert answer.status_code == 200
    assert list(found) == [
        "status",
        "reasons",
        "workers",
        "instance",
        "pending_tasks",
        "running_tasks",
        "completed_tasks",
        "dead_tasks",
        "timestamp",
    ]
    assert (found["status"], found["workers"]) == ("degraded", 0)
    assert "no worker is running" in found["reasons"]
    assert [found[f"{name}_tasks"] for name in ("pending", "running", "completed", "dead")] == [1, 0, 1, 1]
    assert found["timestamp"].endswith("Z")


async def test_with_a_worker_that_has_the_kinds_all_is_healthy(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    connection.execute(
        "INSERT INTO pgq.workers (id, name, hostname, pid, version, queues, kinds, capacity)"
        " VALUES (gen_random_uuid(), 'w', 'h', 1, '1', '{default}', '{echo}', 1)"
    )
    rows.submitted(connection)
    found = (await api.get("/health")).json()
    assert (found["status"], found["reasons"], found["workers"]) == ("healthy", [], 1)


async def test_health_asks_the_database_once_for_all_who_ask_at_once(
    api: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "FRESH", PATIENCE)  # at once is at once also where thirty requests take a while
    answers = await asyncio.gather(*(api.get("/health") for _ in range(30)))
    assert len({one.json()["timestamp"] for one in answers}) == 1


async def test_a_process_that_stops_is_not_ready(dsn: str) -> None:
    app = create_app(Settings(auth="off"), conninfo=dsn)
    async with running(app) as client:
        assert (await client.get("/health/ready")).status_code == 200
        app.state.services.stopping.set()
        assert (await client.get("/health/ready")).status_code == 503


async def test_the_version_is_the_packages(api: httpx2.AsyncClient) -> None:
    assert (await api.get("/v1/version")).json() == {"version": version("pgq-tasks")}
