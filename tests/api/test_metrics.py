"""/metrics and /v1/stats: the numbers are the database's, and Prometheus' own tool finds nothing to say of them."""

import asyncio
import os
import shutil
import subprocess
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from psycopg import Connection

from pgq.api import metrics as pgq_metrics
from tests.api.conftest import Secured
from tests.cli import rows
from tests.verbs import Database, retry_later


@pytest.fixture(autouse=True)
def _nothing_is_kept_between_two_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pgq_metrics, "FRESH_SECONDS", -1.0)


@pytest.fixture
async def some_work(dsn: str, connection: Connection[Any]) -> None:
    """Two tasks that succeeded, one that failed and waits for its next attempt, one dead, one running, two waiting."""
    rows.worker(connection, ["echo"], "w1")
    async with Database.at(dsn) as db:
        for _ in range(2):
            assert await db.ends(await db.running())
        await db.bury()
        assert await db.ends(await db.running(), retry_later(3_600))
        await db.running()
        await db.submit()
        await db.submit(queue='odd "name"\\\n'.replace("\n", ""))


async def scraped(client: httpx2.AsyncClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by its name and labels."""
    answer = await client.get("/metrics")
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def of(samples: dict[tuple[str, tuple[tuple[str, str], ...]], float], name: str, **labels: str) -> float:
    return samples[name, tuple(sorted(labels.items()))]


@pytest.mark.usefixtures("some_work")
async def test_the_states_of_a_queue_are_disjoint_and_add_up(api: httpx2.AsyncClient) -> None:
    samples = await scraped(api)
    depth = {
        dict(labels)["state"]: value
        for (name, labels), value in samples.items()
        if name == "pgq_queue_depth" and dict(labels)["queue"] == "default"
    }
    assert depth == {
        "ready": 1, "scheduled": 0, "retrying": 1, "blocked": 0, "waiting": 0, "running": 1, "dead": 1
    }  # fmt: skip
    assert of(samples, "pgq_queue_depth", queue='odd "name"\\', state="ready") == 1
    assert of(samples, "pgq_queue_paused", queue="default") == 0


@pytest.mark.usefixtures("some_work")
async def test_outcomes_are_counted_and_their_times_are_histograms(api: httpx2.AsyncClient) -> None:
    samples = await scraped(api)
    where = {"queue": "default", "kind": "echo"}
    counted = {one: of(samples, "pgq_tasks_total", outcome=one, **where) for one in pgq_metrics.OUTCOMES}
    assert counted == {"succeeded": 2, "failed": 1, "dead": 1, "cancelled": 0, "expired": 0}
    for name in ("pgq_task_wait_seconds", "pgq_task_duration_seconds"):
        assert of(samples, f"{name}_count", **where) == of(samples, f"{name}_bucket", le="+Inf", **where) == 4
        assert of(samples, f"{name}_sum", **where) > 0
        ends = sorted(
            (float(dict(labels)["le"]), value)
            for (sample, labels), value in samples.items()
            if sample == f"{name}_bucket"
        )
        assert len(ends) == 25
        assert [value for _, value in ends] == sorted(value for _, value in ends)


@pytest.mark.usefixtures("some_work")
async def test_workers_and_the_requests_of_this_process_are_told(api: httpx2.AsyncClient) -> None:
    await api.get("/v1/queues/email")
    await api.get("/no/such/path")
    samples = await scraped(api)
    assert of(samples, "pgq_workers", state="running") == 1
    assert [value for (name, _), value in samples.items() if name == "pgq_worker_utilization"] == [0]
    process = str(os.getpid())
    name = "pgq_http_request_duration_seconds_count"
    assert of(samples, name, method="GET", route="/v1/queues/{name}", status="200", process=process) == 1
    assert of(samples, name, method="GET", route="none", status="404", process=process) == 1
    assert ("process_cpu_seconds_total", ()) in samples


@pytest.mark.usefixtures("some_work")
async def test_promtool_finds_nothing_wrong(api: httpx2.AsyncClient) -> None:
    promtool = shutil.which("promtool")
    if promtool is None and not os.environ.get("CI"):
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    assert promtool is not None, "promtool is missing: install Debian's package prometheus"
    await api.get("/v1/queues")
    text = (await api.get("/metrics")).text
    said = await asyncio.to_thread(
        subprocess.run, [promtool, "check", "metrics"], input=text, capture_output=True, text=True
    )
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


async def test_openmetrics_is_given_to_those_who_ask(api: httpx2.AsyncClient) -> None:
    answer = await api.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


async def test_however_often_it_is_scraped_the_database_is_asked_once(
    api: httpx2.AsyncClient, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pgq_metrics, "FRESH_SECONDS", 3_600.0)
    before = await scraped(api)
    rows.submitted(connection, queue="late")
    after = await scraped(api)
    assert [one for one in after if ("queue", "late") in one[1]] == []
    assert {name for name, _ in before} <= {name for name, _ in after}


@pytest.mark.usefixtures("some_work")
async def test_a_token_is_told_of_its_own_queues_only(secured: Secured, connection: Connection[Any]) -> None:
    rows.submitted(connection, queue="mail-eu")
    client = await secured.client("read", queues=["mail-*"])
    assert {dict(labels).get("queue", "mail-eu") for _, labels in await scraped(client)} == {"mail-eu"}
    page = (await client.get("/v1/stats")).json()
    assert ([one["queue"] for one in page["queues"]], page["totals"]["ready"]) == (["mail-eu"], 1)
    assert (page["totals"]["succeeded"], page["throughput"], page["workers"]["count"]) == (0, [], 0)
    assert [one["queue"] for one in page["unknown_kinds"]] in ([], ["mail-eu"])


@pytest.mark.usefixtures("some_work")
async def test_stats_have_a_dashboards_numbers(api: httpx2.AsyncClient) -> None:
    page = (await api.get("/v1/stats")).json()
    totals = page["totals"]
    assert (totals["pending"], totals["ready"], totals["retrying"], totals["running"]) == (3, 2, 1, 1)
    assert (totals["succeeded"], totals["failed"], totals["dead"], totals["dead_letters"]) == (2, 1, 1, 1)
    assert sum(one["succeeded"] for one in page["throughput"]) == 2
    assert page["error_rate"] == {"failure_ratio": 0.5, "dead_per_hour": 1}
    for name in ("wait", "run", "total"):
        assert page["latency"][name]["p50"] <= page["latency"][name]["p99"]
        assert page["averages"][name] > 0
    assert page["workers"] == {"count": 1, "busy": 0, "capacity": 10, "utilization": 0}
    default = next(one for one in page["queues"] if one["queue"] == "default")
    assert (default["ready"], default["error_rate"]["dead_per_hour"]) == (1, 1)
    assert default["latency"]["run"]["p50"] is not None


async def test_stats_of_an_empty_database_are_zeros_and_nulls(api: httpx2.AsyncClient) -> None:
    page = (await api.get("/v1/stats", params={"minutes": 5})).json()
    assert (page["minutes"], page["queues"], page["throughput"], page["unknown_kinds"]) == (5, [], [], [])
    assert set(page["totals"].values()) == {0}
    assert page["latency"]["wait"] == {"p50": None, "p95": None, "p99": None}
    assert page["averages"] == {"wait": None, "run": None, "total": None}
    assert page["workers"] == {"count": 0, "busy": 0, "capacity": 0, "utilization": 0}
    for wrong in (0, 1441, "many"):
        assert (await api.get("/v1/stats", params={"minutes": wrong})).status_code == 422
