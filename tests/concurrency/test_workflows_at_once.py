"""Sessions that meet at one workflow: nobody waits for who ends another task of it, and nothing is counted wrongly."""

import asyncio

import psycopg
import pytest

from tests.flows import DEAD, Flow, node
from tests.verbs import A, B, Connection, Database


@pytest.fixture
async def one(db: Database) -> Connection:
    return await db.another(autocommit=False)


@pytest.fixture
async def two(db: Database) -> Connection:
    return await db.another(autocommit=False)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("added_up_between", [False, True])
async def test_two_tasks_that_end_at_once_are_both_counted_and_neither_end_waits(
    db: Database, one: Connection, two: Connection, first: int, added_up_between: bool
) -> None:
    flow = await Flow.submit(db, node("a"), node("b"), on_failure="continue")
    a, b = await db.claim_one(A), await db.claim_one(B)
    sessions = [one, two]
    assert await db.ends(a, worker=A, on=one)
    assert await db.ends(b, DEAD, worker=B, on=two)  # the other has not committed
    await flow.keep()
    assert await flow.counts() == {"live": 2}

    await sessions[first].commit()
    if added_up_between:
        await flow.keep()
    assert (await flow.shown())["ended"] == 1
    await sessions[1 - first].commit()
    assert (await flow.state(), await flow.counts()) == ("failed", {"succeeded": 1, "dead": 1})
    await flow.keep()
    assert (await flow.state(), await flow.counts()) == ("failed", {"succeeded": 1, "dead": 1})


async def test_the_last_two_parents_end_at_once_and_their_child_runs(
    db: Database, one: Connection, two: Connection
) -> None:
    flow = await Flow.submit(db, node("a"), node("b"), node("c", "a", "b"))
    a, b = await db.claim_one(A), await db.claim_one(B)
    await db.ends(a, worker=A, on=one)
    other = asyncio.create_task(db.ends(b, worker=B, on=two))  # waits for the child's row
    await db.until_waiting(two)
    await one.commit()
    await other
    await two.commit()
    assert await flow.states() == {"a": "succeeded", "b": "succeeded", "c": "pending"}


async def test_an_open_transaction_that_adds_tasks_holds_up_no_end_and_lets_the_workflow_run_again(
    db: Database, one: Connection
) -> None:
    flow = await Flow.submit(db, node("a"))
    await flow.add(node("b", "a"), on=one)
    assert await flow.work() == ["a"]
    await flow.keep()
    assert await flow.state() == "succeeded"
    await one.commit()
    assert (await flow.state(), await flow.counts()) == ("running", {"live": 1, "succeeded": 1})
    await flow.keep()
    assert await flow.work() == ["b"]
    assert await flow.state() == "succeeded"


async def test_what_was_being_added_when_the_workflow_was_cancelled_is_cancelled_too(
    db: Database, one: Connection
) -> None:
    flow = await Flow.submit(db, node("a"))
    await flow.add(node("b"), on=one)
    await flow.cancel()
    await flow.keep()
    await one.commit()
    assert await flow.states() == {"a": "cancelled", "b": "pending"}
    await flow.keep()
    assert await flow.states() == {"a": "cancelled", "b": "cancelled"}


async def test_what_was_being_added_when_a_task_failed_is_cancelled_too(db: Database, one: Connection) -> None:
    flow = await Flow.submit(db, node("bad"))
    await flow.add(node("b"), on=one)
    await flow.work(bad=DEAD)
    await flow.keep()
    await one.commit()
    await flow.keep()
    assert await flow.states() == {"bad": "dead", "b": "cancelled"}


async def test_of_two_that_add_the_same_name_the_second_is_refused(
    db: Database, one: Connection, two: Connection
) -> None:
    flow = await Flow.submit(db, node("a"))
    await flow.add(node("b"), on=one)
    second = asyncio.create_task(flow.add(node("b"), on=two))
    await db.until_waiting(two)
    await one.commit()
    with pytest.raises(psycopg.Error, match="name: b is the name of another task of this workflow"):
        await second
    assert await flow.counts() == {"live": 2}


async def test_a_duty_waits_for_no_operator_and_a_retry_that_is_open_is_not_stopped_by_the_failure_before_it(
    db: Database, one: Connection
) -> None:
    flow = await Flow.submit(db, node("bad"), node("other", run_at="2999-01-01Z"))
    await flow.work(bad=DEAD)
    await flow.retry(on=one)
    await flow.keep()  # knows of the failure, not of the retry
    await one.commit()
    await flow.keep()
    assert await flow.states() == {"bad": "pending", "other": "scheduled"}
    assert await flow.counts() == {"live": 2}


async def test_two_cancels_at_once_are_one(db: Database, one: Connection, two: Connection) -> None:
    flow = await Flow.submit(db, node("a"), node("b"))
    assert await flow.cancel(on=one) == 2
    second = asyncio.create_task(flow.cancel(on=two))
    await db.until_waiting(two)
    await one.commit()
    with pytest.raises(psycopg.Error, match="is cancelled: only one that runs can be cancelled"):
        await second
    await two.rollback()
    assert await flow.counts() == {"cancelled": 2}


async def test_a_task_that_ends_while_its_workflow_is_cancelled_ends_as_it_did(db: Database, one: Connection) -> None:
    flow = await Flow.submit(db, node("a"), node("b", "a"))
    (a,) = await db.claim()
    await db.ends(a, on=one)  # not committed: the cancel passes it by
    cancel = asyncio.create_task(flow.cancel())
    await one.commit()
    await cancel
    await flow.keep()
    assert await flow.states() == {"a": "succeeded", "b": "cancelled"}
    assert await flow.state() == "cancelled"


async def test_what_is_redriven_before_its_failure_is_added_up_is_not_stopped_by_it(db: Database) -> None:
    flow = await Flow.submit(db, node("bad"), node("other", run_at="2999-01-01Z"))
    await flow.work(bad=DEAD)
    await db.redrive((await flow.ids())["bad"])
    await flow.keep()
    assert await flow.states() == {"bad": "pending", "other": "scheduled"}


async def test_a_redrive_and_a_retry_of_its_workflow_at_once_do_not_deadlock(
    db: Database, one: Connection, two: Connection
) -> None:
    flow = await Flow.submit(db, node("bad"))
    await flow.work(bad=DEAD)
    await one.execute("SELECT FROM pgq.workflows FOR NO KEY UPDATE")  # where a retry begins
    redrive = asyncio.create_task(two.execute("SELECT pgq.redrive(%s)", [(await flow.ids())["bad"]]))
    await db.until_waiting(two)
    assert await flow.retry(on=one) == 1
    await one.commit()
    with pytest.raises(psycopg.Error, match="only a dead letter can be redriven"):
        await redrive
