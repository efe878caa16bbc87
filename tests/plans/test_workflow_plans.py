"""A workflow is found by its id among many, and its tasks by theirs, whatever the planner believes of the tables."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from pgq.db.sql import sql
from tests.plans.plan import Plan
from tests.plans.test_dependency_plans import by_index, explaining, plans_of
from tests.plans.test_plans import PLANNED, fill
from tests.verbs import Connection, Database

FLOWS, MANY = 100_000, 2_000
TABLES = ("tasks", "task_history", "dead_tasks", "workflow_tasks", "workflow_changes", "workflows", "task_dependencies")
KNOWN = ("nothing", "everything")
ENDED = (
    "(id, lease_epoch, created_at, run_at, timeout_seconds, priority, attempt, max_attempts, queue, kind, tags,"
    " headers, payload, workflow_id"
)
AN_ENDED_TASK = "m.task_id, 1, now(), now(), 300, 5, 1, 4, 'default', 'echo', '{}', '{}', '{}', m.workflow_id"
ALL = {"states": None, "names": None, "visible": None, "before": None, "limit": 50}


async def write(db: Database, table: str, select: str, *values: object) -> None:
    """Rows written past the triggers, which would take their time."""
    await db.run(f"ALTER TABLE pgq.{table} DISABLE TRIGGER USER")
    await db.run(f"INSERT INTO pgq.{table} {select}", *values)
    await db.run(f"ALTER TABLE pgq.{table} ENABLE TRIGGER USER")


async def others(db: Database, known: str) -> None:
    """Many workflows of a task each, all over: their tasks are history, some are dead letters. And other tasks."""
    for table in TABLES:
        if table != "task_history":
            await db.run(f"ALTER TABLE pgq.{table} SET (autovacuum_enabled = off)")
    await write(
        db,
        "workflows",
        "(id, name, on_failure, ended_at, total, succeeded, dead, queues)"
        " SELECT pgq.uuid7(), 'w' || n, 'cancel', now(), 1, (n %% 10 <> 0)::int, (n %% 10 = 0)::int, '{default}'"
        " FROM generate_series(1, %s) AS n",
        FLOWS,
    )
    await write(db, "workflow_tasks", "(workflow_id, name, task_id) SELECT id, 'a', pgq.uuid7() FROM pgq.workflows")
    for table, column, end in (("task_history", "state", "'succeeded'"), ("dead_tasks", "error", "'{}'")):
        which = f"w.dead = {int(table == 'dead_tasks')}"
        await write(
            db,
            table,
            f"{ENDED}, {column}) SELECT {AN_ENDED_TASK}, {end}"
            f" FROM pgq.workflow_tasks AS m JOIN pgq.workflows AS w ON w.id = m.workflow_id WHERE {which}",
        )
    await fill(db, FLOWS)
    if known == "everything":
        await db.run(f"VACUUM ANALYZE {', '.join(f'pgq.{table}' for table in TABLES)}")


async def large(db: Database) -> UUID:
    """One workflow of many tasks: the first is a parent of all others."""
    id: UUID = await db.value("SELECT pgq.uuid7()")
    await db.run("SELECT pgq.open_workflow(%s, 'large', 'cancel', NULL, NULL)", id)
    await db.run(
        "SELECT count(*) FROM pgq.add_workflow_tasks(%s, (SELECT jsonb_agg(jsonb_build_object('name', 'n' || n, 'kind',"
        " 'echo', 'depends_on', CASE WHEN n = 1 THEN '[]' ELSE '[\"n1\"]' END::jsonb) ORDER BY n)"
        " FROM generate_series(1, %s) AS n))",
        id,
        MANY,
    )
    return id


async def explained(session: Connection, name: str, parameters: Mapping[str, Any], turn: str = "") -> list[Plan]:
    """Run a shipped statement and roll it back: its plan, and those inside the functions that it calls."""
    with plans_of(session) as found:
        async with session.transaction(force_rollback=True):
            await session.execute("SELECT set_config('pgq.turn', %s, true)", [turn])
            await session.execute(sql(name).encode(), parameters)
    assert found, "no plan was told"
    return [plan for _, plan in found]


def tables(plan: Plan) -> set[str]:
    return {node["Relation Name"] for node in plan.nodes() if "Relation Name" in node}


def frugal(plan: Plan, **most: int) -> None:
    """No table's rows but so many are looked at, those of partitions by their table; and no join compares in vain."""
    read: dict[str, int] = {}
    for table in tables(plan):
        whole = "task_history" if table.startswith("task_history") else table
        read[whole] = read.get(whole, 0) + plan.rows_read(table)
    too_much = {
        table: rows for table, rows in read.items() if rows > 1.1 * most.get(table, 4 * MANY)
    }  # told as averages
    assert not too_much, plan.root
    assert plan.rows_compared() <= 4 * MANY


@pytest.mark.parametrize("known", KNOWN)
async def test_who_looks_at_a_workflow_or_a_page_of_them_reads_no_others(db: Database, known: str) -> None:
    await others(db, known)
    id = await large(db)
    for plans in PLANNED:
        session = await explaining(db, plans)
        for name, parameters in (
            ("status", {"id": id}),
            ("queues", {"id": id}),
            ("names", {"id": id}),
            ("tasks", {"id": id}),
            ("task_id", {"workflow_id": id, "name": "n7"}),
        ):
            for plan in await explained(session, f"workflows/{name}", parameters):
                frugal(plan, workflows=1, workflow_tasks=MANY, workflow_changes=MANY)
        for filters in ({}, {"visible": ["default", "x%"]}, {"states": ["succeeded", "running"]}):
            for plan in await explained(session, "workflows/list", {**ALL, **filters}):
                frugal(plan, workflows=100, workflow_changes=MANY)
        # A state that few have: all rows, but no more of each than its own.
        for plan in await explained(session, "workflows/list", {**ALL, "states": ["cancelled"]}):
            frugal(plan, workflows=FLOWS + 1, workflow_changes=MANY)


@pytest.mark.parametrize("known", KNOWN)
async def test_who_cancels_or_retries_a_workflow_touches_its_own_tasks_only(db: Database, known: str) -> None:
    await others(db, known)
    id = await large(db)
    for plans in PLANNED:
        session = await explaining(db, plans)
        for plan in await explained(session, "workflows/cancel", {"id": id}):
            frugal(plan)
    await db.run("SELECT pgq.cancel_workflow(%s)", id)
    for plans in PLANNED:
        session = await explaining(db, plans)
        for plan in await explained(session, "workflows/retry", {"id": id}):
            frugal(plan)


@pytest.mark.parametrize("known", KNOWN)
async def test_a_duty_adds_up_what_has_happened_and_stops_what_failed_by_index(db: Database, known: str) -> None:
    await others(db, known)
    await large(db)
    await db.run(
        "INSERT INTO pgq.workflow_changes (workflow_id, dead)"
        " SELECT w.id, (w.name = 'large')::integer FROM pgq.workflows AS w, generate_series(1, 4)"
        " WHERE w.name = 'large' OR w.name < 'w15'"
    )
    changes = await db.value("SELECT count(*) FROM pgq.workflow_changes")
    touched = await db.value("SELECT count(DISTINCT workflow_id) FROM pgq.workflow_changes")
    if known == "everything":
        await db.run("ANALYZE pgq.workflow_changes")
    for plans in PLANNED:
        session = await explaining(db, plans)
        *stopping, keeping = await explained(session, "workflows/keep", {"only": None}, "workflows")
        frugal(keeping, workflow_changes=3 * changes, workflows=2 * touched + 2)
        assert all(by_index(node) for node in keeping.on("workflows"))
        assert len(stopping) > 5, "nothing was stopped"
        for plan in stopping:
            frugal(plan)


@pytest.mark.parametrize("known", KNOWN)
async def test_workflows_are_forgotten_faster_than_they_come(db: Database, known: str) -> None:
    await others(db, known)
    await db.run("UPDATE pgq.workflows SET ended_at = ended_at - interval '8 days'")
    session = await explaining(db, "auto")
    plans = await explained(session, "workflows/forget", {"retention": 60}, "workflow_pruner")
    for plan in plans:
        frugal(plan, workflows=2 * FLOWS, workflow_tasks=10_000, dead_tasks=10_000)
    assert await db.tick("workflow_pruner") == 10_000
    assert await db.value("SELECT count(*) FROM pgq.workflow_tasks") == FLOWS - 10_000
