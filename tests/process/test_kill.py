"""kill -9: workers die at any moment, and every acknowledged task ends all the same."""

import random

import pgq
from tests.audit import audit
from tests.tasks import Tasks, tasks_of
from tests.workers import LEASE, Fleet

APP = "tests.process.work_app"


def submit_many(fleet: Fleet, tasks: Tasks, rng: random.Random) -> None:
    """5,000 tasks, half of them by Python and half by SQL; what is acknowledged goes to the outside log."""
    waits = [round(rng.uniform(0, 0.15), 3) for _ in range(5_000)]
    with pgq.App(fleet.conninfo) as app:
        work = app.task(kind="work")(lambda seconds: None)
        handles = app.submit_many([work.new(seconds=seconds) for seconds in waits[:2_500]])
    fleet.outside.write("acknowledged", tasks=[handle.id for handle in handles])
    for start in range(2_500, 5_000, 500):
        ids = tasks.connection.execute(
            "INSERT INTO pgq.tasks (kind, payload) SELECT 'work', jsonb_build_object('seconds', s)"
            " FROM unnest(%s::float8[]) AS s RETURNING id",
            [waits[start : start + 500]],
        ).fetchall()
        fleet.outside.write("acknowledged", tasks=[row[0] for row in ids])


def test_workers_are_killed_under_5000_tasks(fleet: Fleet) -> None:
    rng = random.Random(20261122)
    moments = sorted(rng.sample(range(100, 4_800), 8))
    with tasks_of(fleet.conninfo) as tasks:
        submit_many(fleet, tasks, rng)
        workers = [fleet.start(APP, concurrency=20) for _ in range(3)]
        for moment in moments:
            fleet.until("end", moment)
            victim = workers.pop(rng.randrange(len(workers)))
            victim.kill()
            workers.append(fleet.start(APP, concurrency=20))
        tasks.all_ended()

        found = audit(tasks, fleet, lease=LEASE)
        assert len(found.rows) == 5_000
        assert {row.state for row in found.rows.values()} == {"succeeded"}
        assert any(failure.reaped for failures in found.failures.values() for failure in failures), "nobody was hurt"


def test_a_task_that_kills_its_worker_ends_in_the_dead_letters(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        task = tasks.submit("kill_own_worker", attempts=2)
        fleet.outside.write("acknowledged", tasks=[task])
        for _ in range(2):
            assert fleet.start(APP, lease_seconds=1).exit_code() == -9
        healthy = fleet.start(APP, lease_seconds=1)
        row = tasks.ended(task)
        echo = tasks.ended(tasks.submit("echo", value="still here"))

        assert (row.state, row.attempt, row.error["type"]) == ("dead", 2, "LeaseExpired")
        assert echo.result == "still here"
        assert healthy.lives
        found = audit(tasks, fleet, lease=1)
        assert len(found.attempts[task]) == 2
