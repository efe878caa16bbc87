"""The example workers in JavaScript, bash and Python, against real API processes that die in between."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tests.api.processes import ApiProcess, api_process
from tests.http_workers import LANGUAGES, http_worker
from tests.until import until

ADMIN_TOKEN = "the-first-admin-token-of-the-tests"
LEASE = 4
"""Seconds; a worker beats three times as often."""

NASTY = [
    '"quoted" \\back\\slashes\\\\ \\u0041 \\n',
    "line\nbreaks\r\nand\ttabs",
    "]} [{ ,: }] null true -1e5",
    "€ é 😀 \u200b \x01\x02\x7f",
    '{"tasks": [{"id": "none"}]}',
    "$(touch x) `touch x` ; rm -rf x & | > x * ? ~ % %s %n -n -e",
    "word",
]
"""Texts on which a reader of JSON, or a shell, could stumble; their words are separated by ASCII white space."""

Start = Callable[..., ApiProcess]


@pytest.fixture
def connection(dsn: str) -> Iterator[Connection[dict[str, Any]]]:
    with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture
def start_api(dsn: str, tmp_path: Path) -> Iterator[Start]:
    """Start an API process."""
    with ExitStack() as closing:

        def start(**settings: Any) -> ApiProcess:
            process = closing.enter_context(api_process(dsn, tmp_path, lease_seconds=LEASE, **settings))
            assert process.url
            return process

        yield start


def submit(connection: Connection[dict[str, Any]], kind: str, payload: dict[str, Any], **more: Any) -> str:
    """Submit a task with SQL; its id."""
    row = connection.execute(
        "INSERT INTO pgq.tasks (kind, payload, max_attempts) VALUES (%s, %s, %s) RETURNING id::text",
        (kind, Jsonb(payload), more.get("max_attempts", 10)),
    ).fetchone()
    assert row
    return str(row["id"])


def status(connection: Connection[dict[str, Any]], task: str) -> dict[str, Any]:
    row = connection.execute("SELECT * FROM pgq.task_status WHERE id = %s", (task,)).fetchone()
    assert row
    return row


def state_is(connection: Connection[dict[str, Any]], task: str, state: str) -> Callable[[], bool]:
    return lambda: status(connection, task)["state"] == state


def succeeded(connection: Connection[dict[str, Any]]) -> int:
    row = connection.execute("SELECT count(*) FROM pgq.task_history WHERE state = 'succeeded'").fetchone()
    assert row
    return int(row["count"])


def test_no_task_is_lost_and_none_doubled_while_services_are_killed_and_restarted(
    start_api: Start, connection: Connection[dict[str, Any]], tmp_path: Path
) -> None:
    first, second = (start_api(auth="required", admin_token=ADMIN_TOKEN) for _ in range(2))
    ports = first.port, second.port
    token = httpx2.post(
        f"{second.url}/v1/tokens",
        json={"name": "workers", "scopes": ["work"], "queues": ["default"]},
        headers={"Authorization": f"Bearer {ADMIN_TOKEN}"},
    ).json()["token"]
    (tmp_path / "token").write_text(token + "\n")
    with ExitStack() as closing:
        addresses = [first.url, second.url]
        settings = {"token_file": tmp_path / "token", "concurrency": 4}
        workers = [
            closing.enter_context(http_worker(language, addresses, tmp_path, **settings)) for language in LANGUAGES
        ]
        ids = {worker.id for worker in workers}

        at = time.time() + 5
        words = [submit(connection, "count_words", {"text": NASTY[n % len(NASTY)]}) for n in range(100)]
        unsteady = [submit(connection, "unsteady", {"failures": 1}) for _ in range(40)]
        patient = [submit(connection, "not_before", {"at": at}) for _ in range(20)]
        long = [submit(connection, "countdown", {"steps": 8, "seconds": 0.1}) for _ in range(60)]
        tasks = [*words, *unsteady, *patient, *long]

        def wait_for(count: int) -> None:
            until(
                lambda: succeeded(connection) >= count,
                lambda: (
                    f"{count} tasks, not {succeeded(connection)}; "
                    + "\n".join(worker.said()[-2000:] for worker in workers)
                ),
            )

        wait_for(40)
        first.process.kill()
        wait_for(80)
        start_api(auth="required", admin_token=ADMIN_TOKEN, port=ports[0])
        second.process.kill()
        wait_for(120)
        start_api(auth="required", admin_token=ADMIN_TOKEN, port=ports[1])
        wait_for(len(tasks))

        for worker in workers:
            worker.tell_to_stop()
        assert [worker.exit_code() for worker in workers] == [0, 0, 0], [worker.said() for worker in workers]
        for worker in workers:
            assert "Traceback" not in worker.said()

    history = {
        row["id"]: row
        for row in connection.execute(
            "SELECT id::text, state, attempt, result, leased_by::text, date_part('epoch', finished_at) AS ended"
            " FROM pgq.task_history"
        )
    }
    assert sorted(history) == sorted(tasks)
    assert {row["state"] for row in history.values()} == {"succeeded"}
    assert connection.execute("SELECT id FROM pgq.tasks UNION ALL SELECT id FROM pgq.dead_tasks").fetchall() == []
    counted = connection.execute("SELECT sum(succeeded)::int AS n FROM pgq.task_counts").fetchone()
    assert counted == {"n": len(tasks)}, "an outcome was counted twice"

    for n, task in enumerate(words):
        assert history[task]["result"] == {"words": len(NASTY[n % len(NASTY)].split())}, NASTY[n % len(NASTY)]
    for task in unsteady:
        assert history[task]["result"] == {"attempt": history[task]["attempt"]}
    assert all(history[task]["ended"] >= at for task in patient)
    assert all(history[task]["result"] == {"steps": 8} for task in long)

    # Each attempt ended in exactly one way: by a failure, by its lease, or as the one that succeeded.
    failures = connection.execute("SELECT task_id::text, attempt, error->>'type' AS type FROM pgq.attempts").fetchall()
    tries = Counter(row["task_id"] for row in failures)
    assert {task: history[task]["attempt"] for task in tasks} == {task: tries[task] + 1 for task in tasks}
    told = [row for row in failures if row["type"] != "LeaseExpired"]
    assert {row["task_id"] for row in told} <= set(unsteady)
    assert all(row["attempt"] == 1 for row in told)
    assert ids <= {row["leased_by"] for row in history.values()}, "one of the workers did nothing"
    assert connection.execute("SELECT FROM pgq.workers WHERE remote").fetchall() == [], "they did not leave"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_worker_that_is_killed_is_gone_and_its_task_goes_on(
    language: str, start_api: Start, connection: Connection[dict[str, Any]], tmp_path: Path
) -> None:
    api = start_api()
    task = submit(connection, "countdown", {"steps": 30, "seconds": 0.1})
    with http_worker(language, [api.url], tmp_path) as victim:
        until(lambda: status(connection, task)["progress"], "its progress")
        victim.kill()
        gone = victim.id
    with http_worker(language, [api.url], tmp_path) as other:
        until(state_is(connection, task, "succeeded"), lambda: f"the task's end; the other said:\n{other.said()}")
        ended = status(connection, task)
        assert (ended["attempt"], str(ended["worker_id"])) == (2, other.id)
        workers = until(
            lambda: [ids for ids in [{one["id"] for one in api.get("/v1/workers").json()["items"]}] if gone not in ids],
            "the dead worker to leave the list",
        )
        assert workers == [{other.id}]
    (failed,) = connection.execute("SELECT worker_id::text, error->>'type' AS type FROM pgq.attempts").fetchall()
    assert failed == {"worker_id": gone, "type": "LeaseExpired"}


def test_what_is_left_of_a_worker_in_bash_leaves_when_its_main_process_is_killed(
    start_api: Start, connection: Connection[dict[str, Any]], tmp_path: Path
) -> None:
    """Its long poll is a process of its own, which would go on taking tasks."""
    api = start_api()
    task = submit(connection, "countdown", {"steps": 10_000, "seconds": 0.1})
    with http_worker("bash", [api.url], tmp_path) as victim:
        until(lambda: status(connection, task)["progress"], "its progress")
        victim.process.kill()
        victim.process.wait()
        until(lambda: not connection.execute("SELECT FROM pgq.workers WHERE remote").fetchall(), "it to leave")
        assert state_is(connection, task, "pending")()
        assert status(connection, task)["attempt"] == 0, "handed back, so no attempt is lost"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_worker_stops_a_task_that_is_cancelled_and_has_told_what_it_did(
    language: str, start_api: Start, connection: Connection[dict[str, Any]], tmp_path: Path
) -> None:
    api = start_api()
    task = submit(connection, "countdown", {"steps": 10_000, "seconds": 0.05})
    with http_worker(language, [api.url], tmp_path, concurrency=1) as worker:
        progress = until(lambda: status(connection, task)["progress"], "its progress")
        assert 0 < progress["value"] < 1
        assert progress["message"].endswith(" of 10000")
        assert httpx2.post(f"{api.url}/v1/tasks/{task}/cancel").status_code == 200
        until(state_is(connection, task, "cancelled"), lambda: f"the task's end; the worker said:\n{worker.said()}")
        lines = connection.execute("SELECT message FROM pgq.task_logs ORDER BY n").fetchall()
        assert [line["message"] for line in lines] == [f"step {n + 1}" for n in range(len(lines))]
        assert lines
        following = submit(connection, "count_words", {"text": "its slot is free"})
        until(state_is(connection, following, "succeeded"), lambda: f"the next one; the worker said:\n{worker.said()}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_worker_gives_a_task_up_whose_lease_is_not_renewed_though_its_heartbeats_are_answered(
    language: str, start_api: Start, connection: Connection[dict[str, Any]], dsn: str, tmp_path: Path
) -> None:
    api = start_api()
    task = submit(connection, "countdown", {"steps": 2, "seconds": 600})
    with http_worker(language, [api.url], tmp_path, concurrency=1) as worker:
        until(state_is(connection, task, "running"), lambda: f"its start; the worker said:\n{worker.said()}")
        with connection.transaction():
            connection.execute("SELECT FROM pgq.tasks WHERE id = %s FOR UPDATE", (task,))
            with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as other:
                following = submit(other, "count_words", {"text": "its slot is free"})
                until(state_is(other, following, "succeeded"), lambda: f"the next one; it said:\n{worker.said()}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_worker_that_is_told_to_stop_finishes_what_it_holds_and_leaves(
    language: str, start_api: Start, connection: Connection[dict[str, Any]], tmp_path: Path
) -> None:
    api = start_api()
    with http_worker(language, [api.url], tmp_path, concurrency=2) as worker:
        task = submit(connection, "countdown", {"steps": 20, "seconds": 0.1})
        until(lambda: status(connection, task)["state"] == "running", "its start")
        worker.tell_to_stop()
        until(lambda: "draining" in worker.said(), lambda: worker.said())
        assert worker.exit_code() == 0, worker.said()
        ended = status(connection, task)
        assert (ended["state"], ended["attempt"]) == ("succeeded", 1)
        assert connection.execute("SELECT FROM pgq.workers WHERE remote").fetchall() == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_failure_says_what_it_was_and_a_hopeless_one_is_not_tried_again(
    language: str, start_api: Start, connection: Connection[dict[str, Any]], tmp_path: Path
) -> None:
    api = start_api()
    hopeless = submit(connection, "count_words", {"no": "text"})
    used_up = submit(connection, "unsteady", {"failures": 1}, max_attempts=1)
    with http_worker(language, [api.url], tmp_path) as worker:
        for task, message in ((hopeless, "the payload has no text"), (used_up, "attempt 1 was not to be")):
            until(state_is(connection, task, "dead"), lambda: f"a dead letter; the worker said:\n{worker.said()}")
            dead = status(connection, task)
            assert dead["attempt"] == 1
            assert dead["error"]["message"] == message
            assert dead["error"]["type"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_worker_without_a_valid_token_says_so_and_ends(language: str, start_api: Start, tmp_path: Path) -> None:
    api = start_api(auth="required", admin_token=ADMIN_TOKEN)
    with http_worker(language, [api.url], tmp_path, token="pgq_none_none") as worker:
        assert worker.exit_code() == 1
        said = worker.said()
        assert "could not register" in said
        assert json.dumps("unauthenticated") in said
        assert "pgq_none_none" not in said
