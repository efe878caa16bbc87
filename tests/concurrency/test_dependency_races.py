"""Parents that end while others end, and while their children come: in both orders, nobody waits for ever."""

import asyncio

import pytest

from pgq.values.outcome import BuryNow, Outcome
from tests.dependents import child_of, finish, nothing_is_left, states
from tests.verbs import DONE, FAILED, Connection, Database


async def in_a_transaction(db: Database, isolation: str = "read committed") -> Connection:
    session = await db.another(autocommit=False)
    await session.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}".encode())
    return session


async def test_two_parents_end_at_the_same_moment(db: Database) -> None:
    """The second waits for the first one's count, and goes on from it."""
    one, other = await db.running(), await db.running()
    child = await child_of(db, one.id, other.id)
    first, second = await in_a_transaction(db), await db.another()
    assert await db.ends(one, on=first)

    ending = asyncio.create_task(db.ends(other, on=second))
    await db.until_waiting(second)
    await first.commit()

    assert await ending
    assert await db.state(child) == "pending"
    await nothing_is_left(db)


@pytest.mark.parametrize("first_to_end", ["succeeds", "dies"])
async def test_of_two_parents_that_end_at_the_same_moment_one_dies(db: Database, first_to_end: str) -> None:
    one, other = await db.running(), await db.running()
    child, survivor = await child_of(db, one.id, other.id), await child_of(db, one.id, other.id, policy="run")
    ends: list[Outcome] = [DONE, BuryNow(FAILED)] if first_to_end == "succeeds" else [BuryNow(FAILED), DONE]
    first, second = await in_a_transaction(db), await db.another()
    assert await db.ends(one, ends[0], on=first)

    ending = asyncio.create_task(db.ends(other, ends[1], on=second))
    await db.until_waiting(second)
    await first.commit()

    assert await ending
    assert await states(db, [child, survivor]) == ["cancelled", "pending"]
    await nothing_is_left(db)


@pytest.mark.parametrize("outcome", ["succeeded", "dead"])
async def test_a_parent_ends_while_its_child_is_in_an_open_transaction(db: Database, outcome: str) -> None:
    """It is not held up, and the child sees its end when it commits."""
    parent = await db.running()
    submitter = await in_a_transaction(db)
    child = await child_of(db, parent.id, on=submitter)
    grandchild = await child_of(db, child, on=submitter)
    assert await db.state(parent.id) == "running"

    assert await db.ends(parent, DONE if outcome == "succeeded" else BuryNow(FAILED))
    await submitter.commit()

    expected = ["pending", "blocked"] if outcome == "succeeded" else ["cancelled", "cancelled"]
    assert await states(db, [child, grandchild]) == expected
    assert await db.value("SELECT count(*) FROM pgq.task_dependencies") == expected.count("blocked")


@pytest.mark.parametrize("outcome", ["succeeded", "dead"])
async def test_a_child_commits_while_its_parent_is_being_ended(db: Database, outcome: str) -> None:
    """The commit waits for the end, since the end cannot see the child."""
    parent = await db.running()
    ender, submitter = await in_a_transaction(db), await in_a_transaction(db)
    child = await child_of(db, parent.id, on=submitter)
    assert await db.ends(parent, DONE if outcome == "succeeded" else BuryNow(FAILED), on=ender)

    committing = asyncio.create_task(submitter.commit())
    await db.until_waiting(submitter)
    await ender.commit()
    await committing

    assert await db.state(child) == ("pending" if outcome == "succeeded" else "cancelled")
    await nothing_is_left(db)


async def test_a_child_commits_while_the_end_of_its_parent_is_undone(db: Database) -> None:
    parent = await db.running()
    ender, submitter = await in_a_transaction(db), await in_a_transaction(db)
    child = await child_of(db, parent.id, on=submitter)
    assert await db.ends(parent, on=ender)

    committing = asyncio.create_task(submitter.commit())
    await db.until_waiting(submitter)
    await ender.rollback()
    await committing

    assert await db.state(child) == "blocked"
    assert await db.ends(parent)
    assert await db.state(child) == "pending"


async def test_an_end_waits_for_a_commit_that_looks_at_the_parent(db: Database) -> None:
    """SET CONSTRAINTS brings the look at commit forward: as between it and the commit itself."""
    parent = await db.running()
    submitter, ender = await in_a_transaction(db), await db.another()
    child = await child_of(db, parent.id, on=submitter)
    await submitter.execute("SET CONSTRAINTS ALL IMMEDIATE")

    ending = asyncio.create_task(db.ends(parent, on=ender))
    await db.until_waiting(ender)
    await submitter.commit()

    assert await ending
    assert await db.state(child) == "pending"
    await nothing_is_left(db)


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
@pytest.mark.parametrize("outcome", ["succeeded", "dead"])
async def test_a_child_with_an_old_snapshot_is_accepted_and_found_by_the_backstop(
    db: Database, outcome: str, isolation: str
) -> None:
    parent = await db.running()
    submitter = await in_a_transaction(db, isolation)
    await db.value("SELECT 1", on=submitter)
    assert await db.ends(parent, DONE if outcome == "succeeded" else BuryNow(FAILED))

    child = await child_of(db, parent.id, on=submitter)
    await submitter.commit()
    assert await db.state(child) == "blocked"
    await db.tick("unblocker")

    assert await db.state(child) == ("pending" if outcome == "succeeded" else "cancelled")
    await nothing_is_left(db)


async def test_a_child_with_an_old_snapshot_of_a_parent_that_goes_on_needs_no_backstop(db: Database) -> None:
    parent = await db.running()
    submitter = await in_a_transaction(db, "repeatable read")
    child = await child_of(db, parent.id, on=submitter)
    await submitter.commit()

    assert await db.ends(parent)

    assert await db.state(child) == "pending"
    await nothing_is_left(db)


async def test_a_parent_is_redriven_while_its_child_comes(db: Database) -> None:
    parent = await db.bury()
    redriver, submitter = await in_a_transaction(db), await in_a_transaction(db)
    child = await child_of(db, parent, policy="wait", on=submitter)
    await db.value("SELECT pgq.redrive(%s)", parent, on=redriver)

    committing = asyncio.create_task(submitter.commit())
    await db.until_waiting(submitter)
    await redriver.commit()
    await committing

    assert await db.state(child) == "blocked"
    await finish(db, parent, DONE)
    assert await db.state(child) == "pending"
    await nothing_is_left(db)


async def test_a_parent_is_purged_while_its_child_comes(db: Database) -> None:
    parent = await db.bury()
    purger, submitter = await in_a_transaction(db), await in_a_transaction(db)
    child = await child_of(db, parent, policy="wait", on=submitter)
    await db.run("DELETE FROM pgq.dead_tasks WHERE id = %s", parent, on=purger)

    committing = asyncio.create_task(submitter.commit())
    await db.until_waiting(submitter)
    await purger.commit()
    await committing

    assert await db.state(child) == "cancelled"


async def test_children_of_one_transaction_lock_their_parents_in_the_order_of_ids(db: Database) -> None:
    """Whichever came first: a batch of outcomes goes the same way."""
    low, high = sorted([await db.running(), await db.running()], key=lambda task: task.id)
    holder, submitter, probe = await in_a_transaction(db), await in_a_transaction(db), await db.another()
    await child_of(db, high.id, on=submitter)
    await child_of(db, low.id, on=submitter)
    await db.rows("SELECT FROM pgq.tasks WHERE id = %s FOR UPDATE", low.id, on=holder)

    committing = asyncio.create_task(submitter.commit())
    await db.until_waiting(submitter)
    await db.rows("SELECT FROM pgq.tasks WHERE id = %s FOR UPDATE NOWAIT", high.id, on=probe)  # it has not come so far
    await holder.rollback()

    await committing


async def test_no_edge_is_touched_before_its_child_is_locked(db: Database) -> None:
    """Or an end that holds the edge, and a cancel that holds the child, would wait for each other."""
    parent = await db.running()
    child = await child_of(db, parent.id)
    holder, ender = await in_a_transaction(db), await db.another()
    await db.rows("SELECT FROM pgq.tasks WHERE id = %s FOR UPDATE", child, on=holder)

    ending = asyncio.create_task(db.ends(parent, on=ender))
    await db.until_waiting(ender)
    await db.rows("SELECT FROM pgq.task_dependencies WHERE child_id = %s FOR UPDATE NOWAIT", child, on=holder)
    await holder.rollback()

    assert await ending
    assert await db.state(child) == "pending"


async def test_a_cancel_that_takes_its_children_with_it_meets_the_end_of_another_parent(db: Database) -> None:
    running, waiting = await db.running(), await db.submit(queue="other")
    child = await child_of(db, running.id, waiting)
    canceller, ender = await in_a_transaction(db), await db.another()
    assert await db.cancel(waiting, on=canceller) == "cancelled"

    ending = asyncio.create_task(db.ends(running, on=ender))
    await db.until_waiting(ender)
    await canceller.commit()

    assert await ending
    assert await db.state(child) == "cancelled"
    await nothing_is_left(db)


async def test_a_grandchild_comes_while_its_parent_is_cancelled_with_its_own(db: Database) -> None:
    parent = await db.running()
    child = await child_of(db, parent.id)
    ender, submitter = await in_a_transaction(db), await in_a_transaction(db)
    grandchild = await child_of(db, child, on=submitter)
    assert await db.ends(parent, BuryNow(FAILED), on=ender)

    committing = asyncio.create_task(submitter.commit())
    await db.until_waiting(submitter)
    await ender.commit()
    await committing

    assert await states(db, [child, grandchild]) == ["cancelled", "cancelled"]
    await nothing_is_left(db)


async def test_a_deadlock_among_children_costs_no_outcome(db: Database) -> None:
    """What an end cannot do for its children is left to the backstop: the end itself holds."""
    parent = await db.running()
    child = await child_of(db, parent.id)
    holder, ender = await in_a_transaction(db), await db.another(lock_timeout="100ms")
    await db.rows("SELECT FROM pgq.tasks WHERE id = %s FOR UPDATE", child, on=holder)

    assert await db.ends(parent, on=ender)
    await holder.rollback()

    assert await states(db, [parent.id, child]) == ["succeeded", "blocked"]
    assert await db.tick("unblocker") == 1
    assert await db.state(child) == "pending"


async def test_many_ends_at_once_of_many_shared_parents(db: Database) -> None:
    """No deadlock, nobody forgotten: forty tasks, each the parent of all of ten children, ended by four sessions."""
    before = await db.value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    claimed = [await db.running() for _ in range(40)]
    children = [await child_of(db, *(one.id for one in claimed)) for _ in range(10)]
    sessions = [await db.another() for _ in range(4)]

    async def end_some(session: Connection, part: int) -> None:
        for one in claimed[part::4]:
            assert await db.ends(one, on=session)

    await asyncio.gather(*(end_some(session, part) for part, session in enumerate(sessions)))

    assert set(await states(db, children)) == {"pending"}
    assert await db.value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == before
    await nothing_is_left(db)


async def test_a_child_prepared_for_two_phases_is_looked_after_when_it_is_prepared(db: Database) -> None:
    parent = await db.running()
    submitter = await in_a_transaction(db)
    child = await child_of(db, parent.id, on=submitter)
    await submitter.execute("PREPARE TRANSACTION 'deps'")
    finisher = await db.another()
    ending = asyncio.create_task(db.ends(parent, on=finisher))
    await db.until_waiting(finisher)
    await db.run("COMMIT PREPARED 'deps'")

    assert await ending
    assert await db.state(child) == "pending"


async def test_a_worker_of_little_rights_ends_parents(db: Database) -> None:
    """All that a completion needs for the children is done with the rights of the functions' owner."""
    parent = await db.running()
    child = await child_of(db, parent.id)
    session = await db.another()
    await session.execute("SET ROLE pgq_worker")

    assert await db.ends(parent, on=session)

    assert await db.state(child) == "pending"
