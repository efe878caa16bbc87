"""`pgq api` without any `pgq worker`: it does the maintenance, and a remote worker that vanished loses its tasks."""

import threading
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from tests.api.processes import ApiProcess, api_process
from tests.cli import rows
from tests.until import until


def post(api: ApiProcess, path: str, **body: Any) -> Any:
    answer = httpx2.post(api.url + path, json=body, timeout=70)
    assert answer.is_success, answer.text
    return answer.json()


def test_what_a_vanished_worker_held_goes_on_within_15_seconds(dsn: str, tmp_path: Path) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection, api_process(dsn, tmp_path) as api:
        task = rows.submitted(connection)
        worker = post(api, "/v1/workers", name="robot", queues=["default"])
        (held,) = post(api, f"/v1/workers/{worker['id']}/claim")["tasks"]
        other = post(api, "/v1/workers", name="other", queues=["default"])

        (again,) = post(api, f"/v1/workers/{other['id']}/claim", wait_seconds=60)["tasks"]

        assert (again["id"], again["attempt"]) == (str(task), 2)
        ended = "SELECT error ->> 'type', failed_at - started_at < '15 s' FROM pgq.attempts"
        assert connection.execute(ended).fetchone() == ("LeaseExpired", True), "the promise is a time"
        stale = f"/v1/workers/{worker['id']}/tasks/{task}/complete"
        answer = httpx2.post(api.url + stale, json={"lease_epoch": held["lease_epoch"]})
        assert (answer.status_code, answer.json()["code"]) == (409, "lease_lost")
        until(lambda: [one["name"] for one in api.get("/v1/workers").json()["items"]] == ["other"], "the worker to go")


def test_a_worker_goes_on_at_another_service_when_its_own_is_killed(dsn: str, tmp_path: Path) -> None:
    with (
        psycopg.connect(dsn, autocommit=True) as connection,
        api_process(dsn, tmp_path) as one,
        api_process(dsn, tmp_path) as two,
    ):
        assert two.get("/health/ready").is_success
        rows.submitted(connection)
        worker = f"/v1/workers/{post(one, '/v1/workers', name='robot', queues=['default'])['id']}"
        (task,) = post(one, f"{worker}/claim")["tasks"]
        lease = {"id": task["id"], "lease_epoch": task["lease_epoch"]}
        one.process.kill()
        one.process.wait()
        assert post(two, f"{worker}/heartbeat", tasks=[lease])["lost"] == []
        for _ in range(2):
            post(two, f"{worker}/tasks/{task['id']}/complete", lease_epoch=task["lease_epoch"], result=1)
        assert two.get(f"/v1/tasks/{task['id']}").json()["state"] == "succeeded"


def test_a_stopping_service_answers_those_who_wait_and_does_not_drain_them(dsn: str, tmp_path: Path) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection, api_process(dsn, tmp_path) as api:
        worker = post(api, "/v1/workers", name="robot", queues=["default"])
        answers: list[Any] = []
        url = f"/v1/workers/{worker['id']}/claim"
        thread = threading.Thread(target=lambda: answers.append(post(api, url, wait_seconds=60)))
        thread.start()
        until(lambda: connection.execute("SELECT FROM pgq.waiting_workers").fetchone() is not None, "it to wait")
        assert api.stop() == 0
        thread.join()
        assert answers == [{"tasks": [], "draining": False}]
        assert connection.execute("SELECT FROM pgq.waiting_workers").fetchone() is None
