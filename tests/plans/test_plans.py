"""The hot statements read what they need and no more, whatever the planner believes of the tables."""

import pytest

from pgq.db.sql import sql
from tests.plans.plan import Plan, claim_of, explain, explain_duty
from tests.verbs import A, Database

MANY = 200_000


async def fill(db: Database, tasks: int, **columns: str) -> None:
    """Tasks written past the door, which would take its time; `columns` are SQL expressions over n."""
    chosen = {"run_at": "now() - n * interval '1 ms'", "priority": "5", "kind": "'echo'", **columns}
    names = "queue, max_attempts, timeout_seconds, " + ", ".join(chosen)
    values = "'default', 4, 300, " + ", ".join(chosen.values())
    await db.run("ALTER TABLE pgq.tasks DISABLE TRIGGER USER")
    await db.run(f"INSERT INTO pgq.tasks ({names}) SELECT {values} FROM generate_series(1, {tasks}) AS n")
    await db.run("ALTER TABLE pgq.tasks ENABLE TRIGGER USER")


async def without_autovacuum(db: Database) -> None:
    """What the planner knows is what the test tells it."""
    await db.run("ALTER TABLE pgq.tasks SET (autovacuum_enabled = off)")


RUNNING = {
    "state": "'running'",
    "attempt": "1",
    "leased_by": f"'{A}'::uuid",
    "lease_epoch": "n",
    "started_at": "now()",
    "deadline_at": "now() + interval '1 h'",
    "lease_expires_at": "now() + interval '1 h'",
}


def claims_by_lane(plan: Plan, room: int) -> None:
    assert plan.scans("tasks") == {"Index Scan tasks_lanes", "Tid Scan"}
    heads = [node for node in plan.nodes() if node["Node Type"] == "LockRows"]
    assert len(heads) == 1
    assert heads[0]["Actual Rows"] * heads[0]["Actual Loops"] <= room
    once = [node for node in plan.nodes() if node.get("Parent Relationship") == "InitPlan"]
    assert once
    assert all(node["Actual Loops"] == 1 for node in once)
    assert plan.root["Plans"][-1]["Node Type"] == "Tid Scan" or plan.root["Plans"][0]["Node Type"] == "Tid Scan"


PLANNED = ("force_custom_plan", "force_generic_plan")


@pytest.mark.parametrize("known", ["nothing", "an empty table", "everything"])
async def test_a_claim_reads_the_lanes_by_their_index(db: Database, known: str) -> None:
    await without_autovacuum(db)
    if known == "an empty table":
        await db.run("ANALYZE pgq.tasks")
    await fill(db, MANY, priority="n % 10")
    if known == "everything":
        await db.run("VACUUM ANALYZE pgq.tasks")
    for planned in PLANNED:
        session = await db.another(plan_cache_mode=planned)

        for kinds in (("echo",), None):
            plan = await explain(db, "claim", claim_of(100, kinds=kinds), on=session)

            claims_by_lane(plan, 100)
            assert plan.rows_read("tasks") <= 2 * 100 + 10


@pytest.mark.parametrize("plans", PLANNED)
async def test_the_look_for_all_who_wait_reads_a_row_a_lane(db: Database, plans: str) -> None:
    await without_autovacuum(db)
    await fill(db, MANY, run_at="now() + n * interval '1 min'")
    await db.run("VACUUM ANALYZE pgq.tasks")
    session = await db.another(plan_cache_mode=plans)
    queues = ["default", *(f"queue-{n}" for n in range(100))]

    plan = await explain(db, "remote/ready_queues", {"queues": queues}, on=session)

    assert plan.scans("tasks") <= {"Index Scan tasks_lanes", "Index Only Scan tasks_lanes"}
    assert plan.rows_read("tasks") == 0
    await fill(db, 1_000)
    plan = await explain(db, "remote/ready_queues", {"queues": queues}, on=session)
    assert plan.rows_read("tasks") <= 1


@pytest.mark.parametrize("plans", PLANNED)
async def test_an_idle_look_reads_nothing_though_much_is_scheduled(db: Database, plans: str) -> None:
    """statement_timestamp() bounds the scan; a volatile clock would walk every future task."""
    await fill(db, 20_000, run_at="now() + n * interval '1 min'")
    await db.run("VACUUM ANALYZE pgq.tasks")
    session = await db.another(plan_cache_mode=plans)

    plan = await explain(db, "claim", claim_of(100), on=session)

    assert plan.scans("tasks") == {"Index Scan tasks_lanes", "Tid Scan"}
    assert plan.rows_read("tasks") == 0


async def test_a_claim_is_planned_alike_with_many_queues(db: Database) -> None:
    await fill(db, 20_000)
    await db.run("INSERT INTO pgq.queues (name) SELECT 'q' || n FROM generate_series(1, 20000) AS n")
    await db.run("VACUUM ANALYZE pgq.tasks, pgq.queues")
    queues = [f"q{n}" for n in range(1, 50)] + ["default"]

    plan = await explain(db, "claim", claim_of(10, queues))

    claims_by_lane(plan, 10)
    assert plan.rows_read("queues") <= len(queues)


@pytest.mark.parametrize("plans", PLANNED)
@pytest.mark.parametrize("tasks", [500, 2_000, 20_000])
async def test_outcomes_and_leases_find_each_row_by_its_id(db: Database, tasks: int, plans: str) -> None:
    """However full the table is: no comparison of each row with each id, no walk of an index of all that run."""
    await without_autovacuum(db)
    await fill(db, tasks)
    await db.run("VACUUM ANALYZE pgq.tasks")
    session = await db.another(plan_cache_mode=plans)
    claimed = await db.claim(room=500)
    many = len(claimed)
    fence = {
        "worker": A,
        "workers": [A] * many,
        "ids": [one.id for one in claimed],
        "epochs": [one.lease_epoch for one in claimed],
    }
    nothing = [None] * many
    for name, more in (
        ("finish", {"states": ["succeeded"] * many, "results": nothing, "errors": nothing}),
        ("bury", {"errors": ["{}"] * many}),
        ("put_back", {"delays": [0.0] * many, "errors": nothing}),
        ("extend", {"lease": 60.0}),
        ("asked_to_cancel", {}),
        ("settled", {}),
        ("remote/settled", {"ends": ["completed", "failed", "put back"] * (many // 3) + ["failed"] * (many % 3)}),
        ("remote/attempts", {}),
    ):
        plan = await explain(
            db, name, {key: value for key, value in {**fence, **more}.items() if used(name, key)}, on=session
        )
        assert "Index Scan tasks_running" not in plan.scans("tasks"), name
        assert plan.rows_read("tasks") <= 4 * many, name
        assert plan.rows_compared() <= 4 * many, name


def used(name: str, parameter: str) -> bool:
    return f"%({parameter})s" in sql(name)


async def test_the_reaper_looks_only_at_what_runs(db: Database) -> None:
    await without_autovacuum(db)
    await fill(db, 50_000)
    await fill(db, 500, **RUNNING)
    await db.run("UPDATE pgq.tasks SET lease_expires_at = now() - interval '1 s' WHERE lease_epoch BETWEEN 1 AND 5")
    for statistics in ("", "ANALYZE pgq.tasks"):
        if statistics:
            await db.run(statistics)
        plan = await explain_duty(db, "reaper", "reap", {"only": None, "longer": 50.0})
        assert "Seq Scan" not in plan.scans("tasks")
        assert plan.rows_read("tasks") <= 500 + 100


async def test_the_expirer_looks_only_at_what_may_expire(db: Database) -> None:
    await fill(db, 50_000)
    await fill(db, 100, expires_at="now() - n * interval '1 s'")
    await db.run("ANALYZE pgq.tasks")

    plan = await explain_duty(db, "expirer", "expire", {"only": None})

    assert "Seq Scan" not in plan.scans("tasks")
    assert plan.rows_read("tasks") <= 400


async def test_a_duty_without_its_turn_reads_no_task(db: Database) -> None:
    await fill(db, 20_000, expires_at="now()")
    await db.run("ANALYZE pgq.tasks")
    for name, parameters in (
        ("reap", {"only": None, "longer": 50.0}),
        ("expire", {"only": None}),
        ("bury_unknown_kinds", {"grace": 1.0, "only": None}),
    ):
        assert (await explain(db, name, parameters)).rows_read("tasks") <= 1, name


async def test_a_task_is_looked_up_by_its_id_wherever_it_is(db: Database) -> None:
    await fill(db, 20_000)
    await db.run("ANALYZE pgq.tasks")
    task = await db.submit()

    plan = await explain(db, "task_status", {"id": task})

    assert plan.rows_read("tasks") == 1
    assert not any(node["Node Type"] == "Seq Scan" for node in plan.nodes())


async def test_extending_touches_no_index(db: Database) -> None:
    await db.run("INSERT INTO pgq.tasks (kind) SELECT 'echo' FROM generate_series(1, 5)")
    claimed = await db.claim(room=5)
    fence = {"worker": A, "ids": [one.id for one in claimed], "epochs": [one.lease_epoch for one in claimed]}

    for _ in range(3):  # as often as the page has room for, whether or not it can be pruned in between
        async with db.connection.transaction():
            before = await db.updates()
            await db.connection.execute(sql("extend"), {**fence, "lease": 60.0})
            after = await db.updates()
        assert [now - then for now, then in zip(after, before, strict=True)] == [5, 5]
