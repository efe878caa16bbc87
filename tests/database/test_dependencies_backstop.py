"""What waits for nobody any more is found, whatever broke the chain: older versions, hands in the tables."""

from uuid import UUID, uuid4

import pytest

from pgq.maintenance.ticker import Ticker
from tests.dependents import child_of, copied_child_of, nothing_is_left, states
from tests.verbs import A, Database, duty, statement, take_turn

KEPT = (
    "id, lease_epoch, created_at, run_at, timeout_seconds, priority, attempt, max_attempts, queue, kind, tags, headers,"
    " payload"
)
HISTORY = f"INSERT INTO pgq.task_history (state, {KEPT}) SELECT %s, {KEPT} FROM gone"
DEAD = f"INSERT INTO pgq.dead_tasks (error, {KEPT}) SELECT '{{}}', {KEPT} FROM gone"


async def end_unnoticed(db: Database, how: str, *tasks: UUID) -> None:
    """As an older version does it, which knows of no children."""
    gone = "WITH gone AS (DELETE FROM pgq.tasks WHERE id = ANY (%s) RETURNING *) "
    if how == "dead":
        await db.run(gone + DEAD, list(tasks))
    elif how == "forgotten":
        await db.run("DELETE FROM pgq.tasks WHERE id = ANY (%s)", list(tasks))
    else:
        await db.run(gone + HISTORY, list(tasks), how)


@pytest.mark.parametrize("policy", [None, "run", "wait"])
@pytest.mark.parametrize("how", ["succeeded", "dead", "cancelled", "expired", "forgotten"])
async def test_a_parent_that_ended_unnoticed(db: Database, how: str, policy: str | None) -> None:
    parent, other = await db.submit(), await db.submit()
    child = await child_of(db, parent, policy=policy)
    waits = await child_of(db, other)
    await end_unnoticed(db, how, parent)
    stays = how == "dead" and policy == "wait"

    assert await db.tick("unblocker") == (0 if stays else 1)

    expected = "pending" if how == "succeeded" or policy == "run" else "blocked" if stays else "cancelled"
    assert await states(db, [child, waits]) == [expected, "blocked"]
    assert await db.value("SELECT count(*) FROM pgq.task_dependencies") == 1 + stays


@pytest.mark.parametrize("broken", ["edges", "edges of an ended parent", "counter", "no parents"])
async def test_a_task_that_waits_without_an_edge(db: Database, broken: str) -> None:
    parent, over = await db.submit(), await db.submit()
    child = await child_of(db, parent, over)
    await end_unnoticed(db, "succeeded", over)
    if broken == "edges of an ended parent":
        await end_unnoticed(db, "succeeded", parent)
    await db.run("DELETE FROM pgq.task_dependencies")
    if broken == "counter":
        await db.run("UPDATE pgq.tasks SET waits_for = 7 WHERE id = %s", child)
    elif broken == "no parents":
        await db.run("UPDATE pgq.tasks SET depends_on = NULL WHERE id = %s", child)

    assert await db.tick("unblocker") == 1

    waits = broken in ("edges", "counter")
    assert await db.state(child) == ("blocked" if waits else "pending")
    assert await db.value("SELECT array_agg(parent_id) FROM pgq.task_dependencies") == ([parent] if waits else None)
    assert await db.value("SELECT waits_for FROM pgq.tasks WHERE id = %s", child) == int(waits)


async def test_edges_of_nobody_are_forgotten(db: Database) -> None:
    parent = await db.submit()
    await db.run("INSERT INTO pgq.task_dependencies VALUES (%s, %s), (%s, %s)", uuid4(), uuid4(), parent, uuid4())

    await db.tick("unblocker")

    assert await db.value("SELECT array_agg(parent_id) FROM pgq.task_dependencies") == [parent]
    await end_unnoticed(db, "succeeded", parent)
    await db.run("UPDATE pgq.maintenance SET next_due_at = '-infinity'")
    await db.tick("unblocker")
    await nothing_is_left(db)


async def test_what_waits_for_something_else_than_parents_is_left_alone(db: Database) -> None:
    """A task that sleeps, or waits for a signal, is blocked without parents."""
    task = await db.submit()
    await db.run("UPDATE pgq.tasks SET state = 'blocked' WHERE id = %s", task)

    assert await db.tick("unblocker") == 0
    assert await db.state(task) == "blocked"


async def test_a_part_of_the_tables_is_walked_over_in_each_turn_and_all_of_them_in_the_end(db: Database) -> None:
    parents = [await db.submit() for _ in range(7)]
    children = [await child_of(db, *parents[: 1 + n]) for n in range(7)]
    bare = [await child_of(db, parents[0]) for _ in range(7)]
    await db.run("DELETE FROM pgq.task_dependencies WHERE child_id = ANY (%s)", bare)
    await end_unnoticed(db, "succeeded", *parents)

    changed = []
    for _ in range(30):
        await db.run("UPDATE pgq.maintenance SET next_due_at = '-infinity'")
        changed.append(await db.tick("unblocker", at_most=3))
        if await db.value("SELECT count(*) FROM pgq.tasks WHERE state = 'blocked'") == 0:
            break

    assert set(await states(db, children + bare)) == {"pending"}
    assert len(changed) > 3, "one turn walked over more than its part"
    await nothing_is_left(db)


async def test_without_its_turn_the_unblocker_does_nothing(db: Database) -> None:
    parent = await db.submit()
    child = await child_of(db, parent)
    await end_unnoticed(db, "succeeded", parent)

    await db.connection.execute(statement("unblock"), {"at_most": 10, "only": None})

    assert await db.state(child) == "blocked"


async def test_one_row_that_cannot_be_settled_stops_no_other(db: Database) -> None:
    one, other = await db.submit(), await db.submit()
    bad, good = await child_of(db, one, kind="bad"), await child_of(db, other)
    await db.run("ALTER TABLE pgq.task_history ADD CONSTRAINT refuses CHECK (kind <> 'bad') NOT VALID; ")
    await end_unnoticed(db, "dead", one, other)
    session = await db.another()

    await Ticker(db.conninfo, A, [duty("unblocker")], 86_400).tick(session)

    assert await states(db, [bad, good]) == ["blocked", "cancelled"]
    assert "refuses" in await db.value("SELECT failure FROM pgq.maintenance WHERE duty = 'unblocker'")


async def test_the_history_of_a_parent_is_kept_while_a_child_does_not_know(db: Database) -> None:
    await db.run("INSERT INTO pgq.queues (name, retention_seconds) VALUES ('default', 3600)")
    noticed, unnoticed = await db.submit(), await db.submit()
    await child_of(db, unnoticed)
    await end_unnoticed(db, "succeeded", noticed, unnoticed)
    await db.run("UPDATE pgq.task_history SET finished_at = finished_at - interval '1 day'")

    await db.tick("forgetter")

    assert [row["id"] for row in await db.rows("SELECT id FROM pgq.task_history")] == [unnoticed]


async def test_a_child_by_copy_is_found_too(db: Database) -> None:
    parent = await db.submit()
    child = await copied_child_of(db, parent)
    await end_unnoticed(db, "succeeded", parent)

    changed, ids = await take_turn(db.connection, duty("unblocker"))

    assert (changed, ids) == (1, [child])
    assert await db.state(child) == "pending"
