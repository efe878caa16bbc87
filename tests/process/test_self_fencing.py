"""A worker that cannot renew a lease gives its task up, by its own clock, before another may have it."""

import psycopg

from tests.tasks import tasks_of
from tests.workers import Fleet

APP = "tests.process.work_app"


def test_a_worker_that_cannot_renew_a_lease_stops_its_handler(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks, psycopg.connect(fleet.conninfo) as holder:
        task = tasks.submit("work", seconds=600)
        worker = fleet.start(APP, lease_seconds=2)
        fleet.until("start", 1)
        # Renewals pass by a row that somebody holds, and so does the reaper: nobody tells the worker anything.
        holder.execute("SELECT FROM pgq.tasks WHERE id = %s FOR UPDATE", [task])
        fleet.until("end", 1)

        assert [event.facts["how"] for event in fleet.outside.events("end")] == ["CancelledError"]
        worker.wait_to_hear(f"lease lost: task {task}")
        row = tasks.row(task)
        assert (row.state, row.attempt) == ("running", 1), "its outcome is nobody's"

        holder.rollback()
        fleet.until("start", 2)
        assert tasks.row(task).attempt == 2
        assert worker.lives
