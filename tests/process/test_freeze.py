"""SIGSTOP: a frozen worker is alive, holds its connections, and must neither keep tasks nor write when it is late."""

import random
from pathlib import Path

from tests.audit import audit
from tests.tasks import tasks_of
from tests.until import until
from tests.workers import LEASE, Fleet

APP = "tests.process.work_app"

AGED = """
    DO $$ BEGIN
        UPDATE pgq.workers SET beat_at = clock_timestamp() - interval '{seconds} s';
        ASSERT {listed} = {count}, 'after {seconds} s';
    END $$"""
"""Let every worker's last sign of life be so old, and count in the same breath: it grows older meanwhile."""


def test_the_late_outcome_of_a_frozen_worker_is_refused(fleet: Fleet, tmp_path: Path) -> None:
    """It arrives while another worker has the task: were it taken, two would have ended it."""
    go_on = tmp_path / "go-on"
    with tasks_of(fleet.conninfo) as tasks:
        task = tasks.submit("block_the_loop", until_exists=str(go_on))
        fleet.outside.write("acknowledged", tasks=[task])
        # The handler holds the loop, so that after the thaw its outcome is the first thing that reaches the database.
        frozen = fleet.start(APP)
        fleet.until("start", 1)
        frozen.freeze()
        go_on.with_name("go-on-1").touch()
        other = fleet.start(APP)
        fleet.until("start", 2)
        frozen.thaw()
        fleet.until("end", 1)
        frozen.wait_to_hear(f"lease lost: task {task}")
        assert tasks.row(task).state == "running"
        go_on.with_name("go-on-2").touch()
        row = tasks.ended(task)

        assert (row.state, row.attempt, row.result["pid"]) == ("succeeded", 2, other.pid)
        audit(tasks, fleet, lease=LEASE)
        assert tasks.ended(tasks.submit("echo", value="both live")).result == "both live"
        assert frozen.lives
        assert other.lives


def test_a_worker_that_freezes_at_any_moment_keeps_no_task(fleet: Fleet) -> None:
    """Not even one whose outcome it was just writing: all that it held runs out, and others finish it."""
    rng = random.Random(2026)
    with tasks_of(fleet.conninfo) as tasks:
        fleet.outside.write("acknowledged", tasks=tasks.submit_many("work", 1_500, seconds=0.02))
        frozen = [fleet.start(APP, concurrency=20) for _ in range(2)]
        for worker, moment in zip(frozen, sorted(rng.sample(range(50, 1_000), 2)), strict=True):
            fleet.until("end", moment)
            worker.freeze()
        fleet.start(APP, concurrency=20)
        tasks.all_ended()
        for worker in frozen:
            worker.thaw()
        for worker in frozen:
            worker.tell_to_stop()
        assert [worker.exit_code() for worker in frozen] == [0, 0]
        found = audit(tasks, fleet, lease=LEASE)
        assert {row.state for row in found.rows.values()} == {"succeeded"}


def test_a_handler_that_blocks_the_loop_keeps_its_lease(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        task = tasks.submit("block_the_loop", seconds=3 * LEASE)
        fleet.outside.write("acknowledged", tasks=[task])
        busy = fleet.start(APP)
        fleet.until("start", 1)
        fleet.start(APP).wait_until_ready()  # it would reap and run the task, if it could
        row = tasks.ended(task)

        assert (row.state, row.attempt, row.result["pid"]) == ("succeeded", 1, busy.pid)
        assert "lease lost" not in fleet.said()
        audit(tasks, fleet, lease=LEASE)


def test_nothing_but_the_worker_row_is_needed_to_see_who_is_dead(fleet: Fleet) -> None:
    """15 seconds of silence, and a worker is gone from the list. The clock is the database's, so its row is aged."""
    listed = "(SELECT count(*) FROM pgq.worker_utilization)"
    with tasks_of(fleet.conninfo) as tasks:
        worker = fleet.start(APP).wait_until_ready()
        until(lambda: tasks.value(f"SELECT {listed}") == 1, "the worker to be listed")
        worker.kill()
        for seconds, count in ((14, 1), (15.1, 0)):
            tasks.connection.execute(AGED.format(seconds=seconds, listed=listed, count=count).encode())
