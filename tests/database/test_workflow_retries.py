"""What comes back when a workflow is retried: all of it or nothing, and in its order."""

import psycopg
import pytest

from tests.flows import DEAD, Flow, node
from tests.verbs import Database, retry_later


async def depth(db: Database, most: int, queue: str = "default") -> None:
    await db.run("INSERT INTO pgq.queues (name, max_depth) VALUES (%s, %s)", queue, most)


async def fanned_out(db: Database) -> Flow:
    """A workflow of which one succeeded, one is dead and four are cancelled, one of these a child of the others."""
    parts = [node(f"part{n}", "split") for n in range(4)]
    flow = await Flow.submit(db, node("split"), *parts, node("join", *(one["name"] for one in parts)))
    await flow.work()
    [part] = await db.claim(room=1)
    await db.ends(part, DEAD)
    await flow.keep()
    assert await flow.counts() == {"succeeded": 1, "cancelled": 4, "dead": 1}
    return flow


async def test_a_retry_brings_back_more_than_may_wait_in_a_queue_that_is_not_full(db: Database) -> None:
    flow = await fanned_out(db)
    await depth(db, 2)
    await db.ends(await db.running())
    assert await flow.retry() == 5
    assert [len(await flow.work()) for _ in range(2)] == [4, 1]
    assert await flow.state() == "succeeded"


async def test_a_retry_into_a_full_queue_is_refused_and_nothing_is_half_done(db: Database) -> None:
    flow = await fanned_out(db)
    await depth(db, 2)
    await db.submit_many({"kind": "echo"}, {"kind": "echo"})
    before = await flow.states()
    with pytest.raises(
        psycopg.Error, match=r"queue default is full: at most 2 tasks may wait in it.*when fewer do"
    ) as no:
        await flow.retry()
    assert (no.value.sqlstate, no.value.diag.message_detail) == ("PQ002", '{"queue" : "default", "max_depth" : 2}')
    assert (await flow.states(), await flow.state()) == (before, "failed")
    await db.ends(await db.claim_one())
    assert await flow.retry() == 5


async def test_what_waits_for_its_parents_does_not_count_when_a_workflow_is_retried(db: Database) -> None:
    flow = await Flow.submit(db, node("first"), node("then", "first", queue="small"))
    await flow.work(first=DEAD)
    await flow.keep()
    await depth(db, 1, "small")
    await db.submit(queue="small")
    assert await flow.retry() == 2
    assert await flow.states() == {"first": "pending", "then": "blocked"}


async def test_a_retry_while_others_run_lets_the_callback_wait_for_what_comes_back(db: Database) -> None:
    callback = node("report", "good", "bad", on_parent_failure="run")
    flow = await Flow.submit(db, node("good"), node("bad"), callback, on_failure="continue")
    ids = await flow.ids()
    claimed = {one.id: one for one in await db.claim()}
    await db.ends(claimed[ids["bad"]], DEAD)
    assert await flow.retry() == 1
    await db.ends(claimed[ids["good"]])
    assert await flow.states() == {"good": "succeeded", "bad": "pending", "report": "blocked"}
    assert [await flow.work() for _ in range(2)] == [["bad"], ["report"]]


async def test_a_callback_that_could_have_begun_waits_again_and_one_that_has_begun_does_not(db: Database) -> None:
    ready = node("ready", "bad", on_parent_failure="run")
    begun = node("begun", "bad", on_parent_failure="run", priority=9)
    flow = await Flow.submit(db, node("bad"), ready, begun, on_failure="continue")
    await flow.work(bad=DEAD)
    await db.ends(await db.claim_one(), retry_later())
    assert await flow.retry() == 1
    assert await flow.states() == {"bad": "pending", "ready": "blocked", "begun": "pending"}
    assert [await flow.work() for _ in range(2)] == [["bad", "begun"], ["ready"]]
    assert await flow.state() == "succeeded"
