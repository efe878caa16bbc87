"""Who ends tasks pays next to nothing for those that nobody waits for, and finds those that wait by index."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.dependents import child_of
from tests.plans.plan import Node, Plan, explain
from tests.plans.test_plans import PLANNED, fill, without_autovacuum
from tests.verbs import A, Connection, Database, statement

MARK = "Query Text"


@contextmanager
def plans_of(connection: Connection) -> Iterator[list[tuple[str, Plan]]]:
    """The statements inside functions that this session runs meanwhile, with their plans."""
    found: list[tuple[str, Plan]] = []

    def hear(diagnostic: Any) -> None:
        text = diagnostic.message_primary or ""
        if "plan:" in text:
            said = json.loads(text.split("plan:", 1)[1])
            found.append((said[MARK], Plan(said["Plan"])))

    connection.add_notice_handler(hear)
    try:
        yield found
    finally:
        connection.remove_notice_handler(hear)


async def explaining(db: Database, plans: str) -> Connection:
    """A session that tells the plan of every statement, those inside functions included."""
    session = await db.another(plan_cache_mode=plans)
    for setting in (
        "LOAD 'auto_explain'",
        "SET auto_explain.log_min_duration = 0",
        "SET auto_explain.log_analyze = on",
        "SET auto_explain.log_timing = off",
        "SET auto_explain.log_nested_statements = on",
        "SET auto_explain.log_format = json",
        "SET auto_explain.log_level = notice",
    ):
        await session.execute(setting.encode())
    return session


async def edges(db: Database, many: int) -> None:
    """So many edges between others, that this end does not touch."""
    await db.run(
        "INSERT INTO pgq.task_dependencies SELECT gen_random_uuid(), gen_random_uuid() FROM generate_series(1, %s)",
        many,
    )


def by_index(node: Node) -> bool:
    return "Index" in node["Node Type"] or "Tid" in node["Node Type"] or "Bitmap" in node["Node Type"]


@pytest.mark.parametrize("analysed", [False, True])
@pytest.mark.parametrize("tasks", [500, 2_000, 20_000])
@pytest.mark.parametrize("plans", PLANNED)
async def test_children_are_found_by_index_however_full_the_tables_are(
    db: Database, plans: str, tasks: int, analysed: bool
) -> None:
    await without_autovacuum(db)
    await db.run("ALTER TABLE pgq.task_dependencies SET (autovacuum_enabled = off)")
    await fill(db, tasks)
    await edges(db, tasks)
    if analysed:
        await db.run("VACUUM ANALYZE pgq.tasks, pgq.task_dependencies")
    parents = [
        row["id"]
        for row in await db.rows(
            "INSERT INTO pgq.tasks (kind, priority) SELECT 'echo', 9 FROM generate_series(1, 100) RETURNING id"
        )
    ]
    for policy in ("cancel", "run", "wait"):
        await db.run(
            "INSERT INTO pgq.tasks (kind, depends_on, on_parent_failure)"
            " SELECT 'echo', ARRAY[p], %s FROM unnest(%s::uuid[]) AS p",
            policy, parents,
        )  # fmt: skip
    session = await explaining(db, plans)

    with plans_of(session) as found:
        await db.rows(
            "SELECT pgq.release_children(%s, array_fill('succeeded'::text, ARRAY[50]))", parents[:50], on=session
        )
        await db.rows(
            "SELECT pgq.release_children(%s, array_fill('expired'::text, ARRAY[50]))", parents[50:], on=session
        )

    assert len(found) > 10, "no plan was told"
    for query, plan in found:
        for table in ("tasks", "task_dependencies"):
            assert all(by_index(node) for node in plan.on(table)), query
            assert plan.rows_read(table) <= 4 * 300, query
        assert plan.rows_compared() <= 4 * 300, query
    assert await db.value("SELECT count(*) FROM pgq.tasks WHERE state = 'blocked'") == 0


@pytest.mark.parametrize("analysed", [False, True])
async def test_what_a_session_planned_when_the_tables_were_empty_serves_it_when_they_are_full(
    db: Database, analysed: bool
) -> None:
    """Plans are made once: to make them anew costs each child, and each end that has children, a millisecond."""
    await without_autovacuum(db)
    await db.run("ALTER TABLE pgq.task_dependencies SET (autovacuum_enabled = off)")
    if analysed:
        await db.run("ANALYZE pgq.tasks, pgq.task_dependencies")
    session = await explaining(db, "auto")
    parent = await db.submit()
    for verb in ("SELECT pgq.retry(%s)", "SELECT pgq.cancel(%s)"):
        await child_of(db, parent, on=session)
        await db.rows(verb, parent, on=session)
    await fill(db, 20_000)
    await edges(db, 20_000)
    assert len(await db.claim(room=2_000)) == 2_000
    parents = [await db.submit() for _ in range(20)]
    await db.run(
        "INSERT INTO pgq.tasks (kind, depends_on) SELECT 'echo', ARRAY[p] FROM unnest(%s::uuid[]) AS p", parents
    )

    with plans_of(session) as found:
        await child_of(db, *parents, on=session)
        await db.rows("SELECT pgq.release_children(%s, '{succeeded}')", parents[:1], on=session)
        await session.execute(statement("cancel_many"), {"ids": parents})

    assert len(found) > 10, "no plan was told"
    for query, plan in found:
        for table in ("tasks", "task_dependencies"):
            assert all(by_index(node) for node in plan.on(table)), query
            assert plan.rows_read(table) <= 100, query
    assert await db.value("SELECT count(*) FROM pgq.tasks WHERE id = ANY (%s)", parents) == 0


@pytest.mark.parametrize("plans", PLANNED)
@pytest.mark.parametrize("others", [0, 20_000])
async def test_where_nobody_waits_one_look_is_enough(db: Database, others: int, plans: str) -> None:
    await without_autovacuum(db)
    await fill(db, 2_000)
    await edges(db, others)
    claimed = await db.claim(room=500)
    many = len(claimed)
    session = await explaining(db, plans)
    nothing = [None] * many

    with plans_of(session) as found:
        await explain(
            db,
            "finish",
            {
                "workers": [A] * many,
                "ids": [one.id for one in claimed],
                "epochs": [one.lease_epoch for one in claimed],
                "states": ["succeeded"] * many,
                "results": nothing,
                "errors": nothing,
            },
            on=session,
        )

    asked = [(query, plan) for query, plan in found if plan.on("task_dependencies")]
    assert len(asked) == 1, [query for query, _ in asked]
    [(_, plan)] = asked
    assert plan.rows_read("task_dependencies") == 0
    assert all(by_index(node) for node in plan.on("task_dependencies"))
