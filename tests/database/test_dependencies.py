"""What becomes of a task whose parents end: every end, every policy, every door."""

from uuid import uuid4

import psycopg
import pytest

from pgq.db import outcomes
from pgq.db.outcomes import Finished
from pgq.operate import tasks as operate
from tests.dependents import child_of, copied_child_of, end, nothing_is_left, states
from tests.verbs import DONE, A, Database

POLICIES = (None, "cancel", "run", "wait")
ENDS = ("succeeded", "dead", "cancelled", "stopped", "expired", "purged")

DOORS = {"insert": child_of, "copy": copied_child_of}


def answer(how: str, policy: str | None) -> str:
    """What the documents say of a child whose only parent ended so."""
    if how == "succeeded" or policy == "run":
        return "pending"
    return "blocked" if how == "dead" and policy == "wait" else "cancelled"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("how", ENDS)
async def test_a_child_that_waits_is_told_how_its_parent_ended(
    db: Database, how: str, policy: str | None, door: str
) -> None:
    parent = await db.submit()
    child = await DOORS[door](db, parent, policy=policy)
    assert await db.state(child) == "blocked"
    assert [one.id for one in await db.claim(kinds=["other"])] == []

    await end(db, parent, how)

    assert await db.state(child) == answer(how, policy)
    if answer(how, policy) != "blocked":
        await nothing_is_left(db)
    if answer(how, policy) == "cancelled":
        error = (await db.task(child))["error"]
        assert error["type"] == "ParentFailed"
        named = "cancelled" if how == "stopped" else how
        # A child of the default policy was told when its parent died; one that waits, when it was purged.
        assert error["message"] == f"its parent {parent} is {'dead' if how == 'purged' and policy != 'wait' else named}"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("how", ["succeeded", "dead", "cancelled", "expired"])
async def test_a_child_that_comes_later_gets_the_same_answer_at_once(
    db: Database, how: str, policy: str | None, door: str
) -> None:
    parent = await db.submit()
    await end(db, parent, how)

    child = await DOORS[door](db, parent, policy=policy)

    assert await db.state(child) == answer(how, policy)
    if answer(how, policy) != "blocked":
        await nothing_is_left(db)


@pytest.mark.parametrize("how", ["pruned", "purged", "unknown"])
@pytest.mark.parametrize("door", DOORS)
async def test_a_parent_that_nobody_knows_any_more_is_refused(db: Database, how: str, door: str) -> None:
    parent = uuid4() if how == "unknown" else await db.submit()
    if how == "purged":
        await end(db, parent, "purged")
    elif how == "pruned":
        await end(db, parent)
        await db.run("DELETE FROM pgq.task_history")
    known = await db.submit()

    with pytest.raises(psycopg.Error, match=f"no task has the id {parent}") as refused:
        await DOORS[door](db, known, parent)

    assert refused.value.sqlstate == "PQ004"
    assert await db.value("SELECT count(*) FROM pgq.tasks") == 1
    await nothing_is_left(db)


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_parent_that_is_redriven_later_changes_only_what_still_waits(db: Database, policy: str | None) -> None:
    parent = await db.submit()
    child = await child_of(db, parent, policy=policy)
    await end(db, parent, "dead")
    before = await db.state(child)

    await db.redrive(parent)
    assert await db.state(child) == before
    late = await child_of(db, parent, policy=policy)
    assert await db.state(late) == "blocked"
    await end(db, parent)

    assert await db.state(child) == {"cancelled": "cancelled"}.get(before, "pending")
    assert await db.state(late) == "pending"
    await nothing_is_left(db)


async def test_a_dead_parent_that_is_purged_ends_what_waited_for_it(db: Database) -> None:
    parent = await db.submit()
    child = await child_of(db, parent, policy="wait")
    grandchild = await child_of(db, child, policy="wait")
    await end(db, parent, "dead")
    assert await states(db, [child, grandchild]) == ["blocked", "blocked"]

    with psycopg.connect(db.conninfo, autocommit=True) as connection:
        operate.purge(connection, parent)

    assert await states(db, [child, grandchild]) == ["cancelled", "cancelled"]
    await nothing_is_left(db)


# Several parents


async def test_a_child_waits_for_the_last_of_its_parents(db: Database) -> None:
    parents = [await db.submit() for _ in range(3)]
    over = await db.submit()
    await end(db, over)
    child = await child_of(db, *parents, over, parents[0])
    assert (await db.task(child))["depends_on"] == [*parents, over]
    assert await db.value("SELECT waits_for FROM pgq.tasks WHERE id = %s", child) == 3

    for parent in parents[:-1]:
        await end(db, parent)
        assert await db.state(child) == "blocked"
    await end(db, parents[-1])

    assert await db.state(child) == "pending"
    await nothing_is_left(db)


async def test_one_that_fails_ends_the_child_though_the_others_go_on(db: Database) -> None:
    good, bad = await db.submit(), await db.submit()
    child = await child_of(db, good, bad)
    others = await child_of(db, good, bad, policy="run")

    await end(db, bad, "dead")
    assert await states(db, [child, others]) == ["cancelled", "blocked"]
    assert await db.value("SELECT count(*) FROM pgq.task_dependencies") == 1
    await end(db, good)

    assert await states(db, [child, others]) == ["cancelled", "pending"]
    await nothing_is_left(db)


async def test_a_batch_of_outcomes_is_one_answer_for_each_child(db: Database) -> None:
    parents = [await db.submit() for _ in range(5)]
    child = await child_of(db, *parents)
    claimed = await db.claim()

    await outcomes.record(db.connection, A, [Finished(one.lease, DONE) for one in claimed])

    assert await db.state(child) == "pending"
    await nothing_is_left(db)


async def test_a_child_keeps_its_time(db: Database) -> None:
    parent = await db.submit()
    later = await child_of(db, parent, run_at="2999-01-01Z")
    due = await child_of(db, parent, run_at="2020-01-01Z")

    await end(db, parent)

    assert await states(db, [later, due]) == ["scheduled", "pending"]
    # Where claims have read their lanes up to about now, it is not hidden.
    assert await db.value("SELECT run_at > now() - interval '1 minute' FROM pgq.tasks WHERE id = %s", due)


async def test_parent_and_child_expire_in_one_batch(db: Database) -> None:
    parent = await db.submit()
    child = await child_of(db, parent)
    other = await child_of(db, parent, policy="run")
    await db.run("UPDATE pgq.tasks SET expires_at = clock_timestamp() WHERE id = ANY (%s)", [parent, child])

    assert await db.tick("expirer") == 2

    assert await states(db, [parent, child, other]) == ["expired", "expired", "pending"]
    await nothing_is_left(db)


async def test_a_waiting_task_can_be_cancelled_and_takes_its_children_with_it(db: Database) -> None:
    parent = await db.submit()
    child = await child_of(db, parent)
    grandchild = await child_of(db, child)

    assert await db.cancel(child) == "cancelled"

    assert await states(db, [parent, child, grandchild]) == ["pending", "cancelled", "cancelled"]
    await nothing_is_left(db)


async def test_parents_and_children_come_in_one_statement(db: Database) -> None:
    ids = [uuid4() for _ in range(3)]
    await db.run(
        "INSERT INTO pgq.tasks (id, kind, depends_on)"
        " VALUES (%s, 'echo', NULL), (%s, 'echo', ARRAY[%s]), (%s, 'echo', ARRAY[%s])",
        ids[0], ids[1], ids[0], ids[2], ids[1],
    )  # fmt: skip
    assert await states(db, ids) == ["pending", "blocked", "blocked"]


@pytest.mark.parametrize("parent_first", [True, False])
async def test_two_inserts_of_one_statement_are_both_looked_after(db: Database, parent_first: bool) -> None:
    """They share what their triggers see, and the order in which they run is the database's."""
    before, parent, child = await db.submit(), uuid4(), uuid4()
    inserts = [
        f"a AS (INSERT INTO pgq.tasks (id, kind, depends_on) VALUES ('{parent}', 'echo', ARRAY['{before}'::uuid]))",
        f"b AS (INSERT INTO pgq.tasks (id, kind, depends_on) VALUES ('{child}', 'echo', ARRAY['{before}'::uuid]))",
        "c AS (INSERT INTO pgq.tasks (kind) VALUES ('other'))",
    ]
    await db.run(f"WITH {', '.join(inserts if parent_first else reversed(inserts))} SELECT")
    await end(db, before)

    assert await states(db, [parent, child]) == ["pending", "pending"]
    await nothing_is_left(db)


async def test_a_row_that_comes_to_nothing_leaves_nothing(db: Database) -> None:
    """ON CONFLICT DO NOTHING: the door has seen a child, the table has not."""
    parent, known = await db.submit(), await db.submit()
    again = "INSERT INTO pgq.tasks (id, kind, depends_on) VALUES (%s, 'echo', ARRAY[%s]) ON CONFLICT DO NOTHING"
    await db.run(again, known, parent)
    await nothing_is_left(db)

    child = await child_of(db, parent)
    await db.run(again, child, parent)
    await end(db, parent)
    assert await states(db, [known, child]) == ["pending", "pending"]
    await nothing_is_left(db)


async def test_a_child_whose_insert_is_prepared_waits_each_time(db: Database) -> None:
    parent, ended = await db.submit(), await db.submit()
    await end(db, ended)
    session = await db.another(plan_cache_mode="force_generic_plan")
    children = []
    for on in (parent, ended, parent):
        child = uuid4()
        insert = "INSERT INTO pgq.tasks (id, kind, depends_on) VALUES (%s, 'echo', %s)"
        await session.execute(insert, (child, [on]), prepare=True)
        children.append(child)

    assert await states(db, children) == ["blocked", "pending", "blocked"]
    await end(db, parent)
    assert await states(db, children) == ["pending", "pending", "pending"]


async def test_a_parent_comes_before_its_child(db: Database) -> None:
    child, parent = uuid4(), uuid4()
    with pytest.raises(psycopg.Error, match=f"no task has the id {parent}"):
        await db.run(
            "INSERT INTO pgq.tasks (id, kind, depends_on) VALUES (%s, 'echo', ARRAY[%s]), (%s, 'echo', NULL)",
            child,
            parent,
            parent,
        )


async def test_all_ends_within_one_transaction(db: Database) -> None:
    session = await db.another(autocommit=False)
    parent = await db.submit(on=session)
    child = await child_of(db, parent, on=session)
    await db.cancel(parent, on=session)
    await session.commit()

    assert await states(db, [parent, child]) == ["cancelled", "cancelled"]
    await nothing_is_left(db)


async def test_what_is_rolled_back_leaves_nothing(db: Database) -> None:
    parent = await db.submit()
    session = await db.another(autocommit=False)
    await child_of(db, parent, on=session)
    await session.rollback()
    async with session.transaction():
        async with session.transaction(force_rollback=True):
            await child_of(db, parent, on=session)
        kept = await child_of(db, parent, on=session)

    assert await db.value("SELECT array_agg(child_id) FROM pgq.task_dependencies") == [kept]
