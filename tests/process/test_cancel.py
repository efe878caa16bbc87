"""A running task whose cancellation is asked for: told at once by a notification, and soon without one.

Each worker here can hear in one way only: its lease is renewed, if ever, long after the test has given up.
"""

import pytest

from tests.process.test_stop import nothing_is_left
from tests.tasks import tasks_of
from tests.until import until
from tests.workers import Fleet

WITHOUT_NOTIFYING = "UPDATE pgq.tasks SET cancel_requested_at = clock_timestamp() WHERE id = %s RETURNING 'requested'"


@pytest.mark.parametrize("kind", ["work", "heed"])
@pytest.mark.parametrize(
    ("app", "ask"),
    [("tests.process.silent_app:work", "SELECT pgq.cancel(%s)"), ("tests.process.stuck_app", WITHOUT_NOTIFYING)],
    ids=["notified", "at a beat"],
)
def test_a_cancellation_reaches_the_handler_long_before_the_lease_is_renewed(
    fleet: Fleet, app: str, ask: str, kind: str
) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        task, other = tasks.submit(kind, seconds=600), tasks.submit("work", seconds=600)
        worker = fleet.start(app, lease_seconds=3600, grace_seconds=0)
        fleet.until("start", 2)
        assert tasks.value(ask, task) == "requested"
        until(lambda: tasks.row(task).state == "cancelled", "the task to be cancelled")

        assert tasks.row(other).state == "running"
        worker.tell_to_stop()
        assert worker.exit_code() == 0
        assert nothing_is_left(tasks)
