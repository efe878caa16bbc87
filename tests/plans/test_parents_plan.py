"""What parents gave is looked up parent by parent, whatever the planner believes of the history."""

import pytest

from pgq.db.parents import parents_of
from tests.plans.plan import explain
from tests.verbs import A, Database

ENDED, PARENTS = 50_000, 1_000


async def fill(db: Database) -> None:
    """A history, and two tasks that wait for some of it, written past the door."""
    await db.run(
        "INSERT INTO pgq.task_history (id, lease_epoch, created_at, run_at, timeout_seconds, priority, attempt,"
        " max_attempts, queue, kind, tags, headers, payload, state, result)"
        " SELECT gen_random_uuid(), 1, now(), now(), 300, 5, 1, 4, 'default', 'echo', '{}', '{}', '{}',"
        " 'succeeded', '1' FROM generate_series(1, %s)",
        ENDED,
    )
    await db.run(
        "INSERT INTO pgq.tasks (kind, waits_for, depends_on)"
        " SELECT 'echo', 0, ARRAY(SELECT id FROM pgq.task_history LIMIT %s) FROM generate_series(1, 2)",
        PARENTS,
    )


@pytest.mark.parametrize("known", ["nothing", "empty tables", "everything"])
@pytest.mark.parametrize("planned", ["force_custom_plan", "force_generic_plan"])
async def test_parents_are_read_by_their_ids(db: Database, known: str, planned: str) -> None:
    if known == "empty tables":
        await db.run("ANALYZE pgq.task_history, pgq.tasks, pgq.dead_tasks")
    await fill(db)
    if known == "everything":
        await db.run("VACUUM ANALYZE pgq.task_history, pgq.tasks, pgq.dead_tasks")
    children = [row["id"] for row in await db.rows("SELECT id FROM pgq.tasks WHERE depends_on IS NOT NULL")]
    session = await db.another(plan_cache_mode=planned)

    plan = await explain(db, "parents_of", {"ids": children, "most": 1_000_000, "queues": None}, on=session)

    assert plan.root["Actual Rows"] == 2 * PARENTS
    tables = {name for node in plan.nodes() if (name := node.get("Relation Name", "")).startswith("task_history")}
    assert tables
    assert sum(plan.rows_read(table) for table in tables) == 2 * PARENTS


async def test_no_plan_is_kept_from_when_a_day_s_history_was_empty(db: Database) -> None:
    for _ in range(10):
        await parents_of(db.connection, [A], most=1)
    assert (
        await db.value("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '-- What the parents%'") == 0
    )
