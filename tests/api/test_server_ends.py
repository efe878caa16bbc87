"""How `pgq api` ends: at once, well, and with an answer for whoever waits for one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.api.processes import all_of, api_process
from tests.until import PATIENCE, until
from tests.workers import PYTHONPATH


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_idle_process_ends_at_once_and_well(dsn: str, tmp_path: Path, number: signal.Signals) -> None:
    with (
        api_process(dsn, tmp_path) as process,
        httpx2.Client(base_url=process.url, timeout=PATIENCE) as keeps_a_connection,
    ):
        assert keeps_a_connection.get("/health/ready").status_code == 200
        assert process.stop(number) == 0
        assert "Traceback" not in process.said()


STOPPED_AT_ONCE = """
import logging, os, signal, sys

def stop_at_once(record):
    if record.getMessage().startswith("serves "):
        os.kill(os.getpid(), signal.SIGTERM)
    return True

logging.getLogger("pgq.api").addFilter(stop_at_once)
sys.argv[:] = ["pgq", "api", "--port", "0"]
from pgq.cli.main import main
sys.exit(main())
"""


def test_a_process_that_says_that_it_serves_ends_well_however_soon_it_is_stopped(dsn: str) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PGQ_")}
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", STOPPED_AT_ONCE],
        env={**kept, "PYTHONPATH": PYTHONPATH, "PGQ_DATABASE_URL": dsn},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
    )
    assert ended.returncode == 0, ended.stderr
    assert "has stopped" in ended.stderr


def test_a_stopping_process_answers_those_who_wait_for_a_task(dsn: str, tmp_path: Path) -> None:
    with api_process(dsn, tmp_path) as process, process.connect() as waiting, httpx2.Client(timeout=PATIENCE) as client:
        task = client.post(f"{process.url}/v1/tasks", json={"kind": "nobody_has_it"}).json()
        # Both in one piece: once the first is answered, the second has been received, too.
        head = " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        waiting.sendall(f"GET /health/live{head}GET /v1/tasks/{task['id']}?wait=60{head}".encode())
        answer = b""
        while b"live" not in answer:
            answer += waiting.recv(65_536)
        with client.stream("GET", f"{process.url}/v1/tasks/{task['id']}/events") as events:
            lines = events.iter_lines()
            assert next(lines)
            assert process.stop() == 0
            list(lines)  # it ends as a stream should
        answer += all_of(waiting)
        assert answer.count(b"HTTP/1.1 200 OK") == 2
        assert b'"state":"pending"' in answer


def test_several_processes_share_the_port_and_one_that_dies_comes_back(dsn: str, tmp_path: Path) -> None:
    with api_process(dsn, tmp_path, "--processes", "2") as process:

        def instances() -> set[str]:
            return {process.get("/health").json()["instance"] for _ in range(20)}

        until(lambda: len(instances()) == 2, "both to answer")
        victim = int(sorted(instances())[0].partition(":")[2])
        os.kill(victim, signal.SIGKILL)
        until(lambda: f"({victim}) ended with signal 9 (SIGKILL); starting it again" in process.said(), "its end")
        until(lambda: process.said().count("serves") == 3, "another one")
        assert process.stop() == 0
        assert process.said().count("has stopped") == 2
        with pytest.raises(httpx2.ConnectError):
            process.get("/health/live")
