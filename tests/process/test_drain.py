"""`--drain`: a worker that ends by itself once its queues are empty, and not before."""

from pathlib import Path

import pytest

from pgq.db.connect import connect_async
from pgq.db.leases import drained
from tests.process.test_stop import nothing_is_left
from tests.tasks import tasks_of
from tests.workers import Fleet

APP = "tests.process.work_app"

NOW, LATER, OVER = "now()", "now() + interval '1 h'", "now() - interval '1 min'"
RUNS = (
    "UPDATE pgq.tasks SET state = 'running', leased_by = pgq.uuid7(), started_at = now(), deadline_at = now(),"
    " lease_expires_at = now()"
)
FAILED_BEFORE = "UPDATE pgq.tasks SET attempt = 1"
PAUSED = "INSERT INTO pgq.queues (name, paused_at) VALUES ('here', now())"


def task(queue: str, run_at: str, expires_at: str = "NULL") -> str:
    return f"INSERT INTO pgq.tasks (kind, queue, run_at, expires_at) VALUES ('k', '{queue}', {run_at}, {expires_at})"


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        pytest.param([], True, id="empty"),
        pytest.param([task("here", NOW)], False, id="ready"),
        pytest.param([task("elsewhere", NOW)], True, id="ready in another queue"),
        pytest.param([task("here", LATER)], True, id="scheduled"),
        pytest.param([task("here", LATER), FAILED_BEFORE], False, id="retrying"),
        pytest.param([task("here", "now() - interval '1 h'", OVER)], True, id="expired"),
        pytest.param([task("here", NOW), RUNS], False, id="running"),
        pytest.param([task("elsewhere", NOW), RUNS], True, id="running in another queue"),
        pytest.param([task("here", NOW), PAUSED], True, id="ready and paused"),
        pytest.param([task("here", LATER), FAILED_BEFORE, PAUSED], True, id="retrying and paused"),
        pytest.param([task("here", NOW), RUNS, PAUSED], False, id="running and paused"),
    ],
)
async def test_drained_means_nothing_ready_running_or_retrying(dsn: str, statements: list[str], expected: bool) -> None:
    async with await connect_async(dsn) as connection:
        for statement in statements:
            await connection.execute(statement.encode())
        assert await drained(connection, ["here"]) is expected


def test_a_draining_worker_finishes_everything_but_what_is_scheduled(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        done = [tasks.submit("work", seconds=0.2), tasks.submit("work_in_thread", seconds=0.2), tasks.submit("flaky")]
        later = tasks.value("INSERT INTO pgq.tasks (kind, run_at) VALUES ('work', now() + interval '1 h') RETURNING id")
        worker = fleet.start(APP, "--drain")

        assert worker.exit_code() == 0
        assert {row.state for row in tasks.rows(*done).values()} == {"succeeded"}
        assert tasks.row(done[2]).attempt == 2
        assert tasks.row(later).state == "scheduled"
        assert nothing_is_left(tasks)


def test_a_draining_worker_waits_for_what_others_run(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        task = tasks.submit("heed")
        other = fleet.start(APP)
        fleet.until("start", 1)
        draining = fleet.start(APP, "--drain")
        draining.wait_to_hear("waiting for retries")
        assert tasks.row(task).state == "running"
        assert draining.lives
        tasks.value("SELECT pgq.cancel(%s)", task)

        assert draining.exit_code() == 0
        assert tasks.row(task).state == "cancelled"
        assert other.lives


def test_all_processes_of_a_draining_worker_end_and_its_supervisor_too(fleet: Fleet, tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    with tasks_of(fleet.conninfo) as tasks:
        ids = tasks.submit_many("hold", 2, until_exists=str(go_on))
        whole = fleet.start(APP, "--drain", "--processes", "2", whole=True, concurrency=1)
        fleet.until("start", 2)
        assert len({event.pid for event in fleet.outside.events("start")}) == 2
        go_on.touch()

        assert whole.exit_code() == 0
        assert {row.state for row in tasks.rows(*ids).values()} == {"succeeded"}
        assert nothing_is_left(tasks)
