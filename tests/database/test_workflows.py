"""Workflows: what they come to, what stops them and what lets them go on."""

import pytest

from pgq.db.sql import sql
from tests.flows import DEAD, Flow, node
from tests.verbs import CANCELLED, Database


async def test_its_counts_are_exact_before_and_after_a_duty_has_added_them_up(db: Database) -> None:
    flow = await Flow.submit(db, node("a"), node("b"), node("c"), node("d", "a", "b"), on_failure="continue")

    async def counts() -> dict[str, int]:
        fresh, anew = await flow.counts(), await flow.counted()
        await flow.keep()
        assert fresh == anew == await flow.counts()
        assert await db.value("SELECT count(*) FROM pgq.workflow_changes") == 0
        return fresh

    assert await counts() == {"live": 4}
    assert await flow.work(b=DEAD, c=CANCELLED) == ["a", "b", "c"]
    assert await counts() == {"succeeded": 1, "cancelled": 2, "dead": 1}
    await db.redrive((await flow.ids())["b"])
    assert await counts() == {"live": 1, "succeeded": 1, "cancelled": 2}


@pytest.mark.parametrize("added_up", [False, True])
async def test_it_runs_until_all_its_tasks_have_ended_and_the_last_one_says_when(db: Database, added_up: bool) -> None:
    flow = await Flow.submit(db, node("a"), node("b", "a"))
    await flow.work()
    assert (await flow.state(), (await flow.shown())["finished_at"]) == ("running", None)
    await flow.work()
    if added_up:
        await flow.keep()
    shown = await flow.shown()
    last = await db.task((await flow.ids())["b"])
    assert (shown["state"], shown["progress"]) == ("succeeded", 1)
    assert shown["finished_at"] >= last["finished_at"] > shown["created_at"]


async def test_the_first_dead_task_cancels_all_others_and_tells_those_that_run(db: Database) -> None:
    flow = await Flow.submit(db, node("bad"), node("child", "bad"), node("runs"), node("later", run_at="2999-01-01Z"))
    claimed = {one.id: one for one in await db.claim()}
    ids = await flow.ids()
    await db.ends(claimed[ids["bad"]], DEAD)
    await flow.keep()

    assert await flow.states() == {"bad": "dead", "child": "cancelled", "runs": "running", "later": "cancelled"}
    assert await db.value("SELECT cancel_requested_at IS NOT NULL FROM pgq.tasks WHERE id = %s", ids["runs"])
    assert (await flow.error_of("later"))["type"] == "WorkflowFailed"
    assert "task bad of its workflow" in (await flow.error_of("later"))["message"]
    assert await flow.state() == "running"

    await db.ends(claimed[ids["runs"]], CANCELLED)
    assert (await flow.state(), await flow.counts()) == ("failed", {"cancelled": 3, "dead": 1})


async def test_an_expired_task_is_a_failure_too(db: Database) -> None:
    flow = await Flow.submit(db, node("late", expires_at="2999-01-01Z"), node("other"))
    await db.run("UPDATE pgq.tasks SET expires_at = clock_timestamp() WHERE id = %s", (await flow.ids())["late"])
    await db.tick("expirer")
    await flow.keep()
    assert await flow.states() == {"late": "expired", "other": "cancelled"}
    assert await flow.state() == "failed"


async def test_told_to_continue_only_what_depends_on_the_failed_task_is_cancelled(db: Database) -> None:
    flow = await Flow.submit(
        db, node("bad"), node("child", "bad"), node("grandchild", "child"), node("other"), on_failure="continue"
    )
    assert await flow.work(bad=DEAD) == ["bad", "other"]
    await flow.keep()
    assert await flow.states() == {"bad": "dead", "child": "cancelled", "grandchild": "cancelled", "other": "succeeded"}
    assert (await flow.error_of("child"))["type"] == "ParentFailed"
    assert await flow.state() == "failed"


async def test_a_task_that_is_to_run_all_the_same_is_spared_by_a_failure_but_not_by_a_cancel(db: Database) -> None:
    tasks = node("bad"), node("other", run_at="2999-01-01Z"), node("tidy", "bad", "other", on_parent_failure="run")
    failed = await Flow.submit(db, *tasks)
    await failed.work(bad=DEAD)
    await failed.keep()
    assert await failed.states() == {"bad": "dead", "other": "cancelled", "tidy": "pending"}
    await failed.keep()
    assert await failed.work() == ["tidy"]
    assert await failed.state() == "failed"

    cancelled = await Flow.submit(db, *tasks)
    assert await cancelled.cancel() == 3
    assert set((await cancelled.states()).values()) == {"cancelled"}


async def test_a_cancel_ends_what_waits_and_tells_what_runs(db: Database) -> None:
    flow = await Flow.submit(db, node("a"), node("b", "a"), node("c", "b"))
    (claimed,) = await db.claim()
    assert await flow.cancel() == 3
    assert await flow.states() == {"a": "running", "b": "cancelled", "c": "cancelled"}
    assert await db.rows("SELECT * FROM pgq.task_dependencies") == []
    assert await flow.error_of("b") is None
    await db.ends(claimed, CANCELLED)
    assert await flow.state() == "cancelled"


async def test_a_cancel_waits_for_nobody_and_a_duty_ends_what_it_passed_by(db: Database) -> None:
    flow = await Flow.submit(db, node("held"), node("free"))
    holder = await db.another(autocommit=False)
    await holder.execute("SELECT FROM pgq.tasks WHERE id = %s FOR UPDATE", [(await flow.ids())["held"]])

    assert await flow.cancel() == 1
    assert await flow.states() == {"held": "pending", "free": "cancelled"}
    await flow.keep()
    assert await flow.states() == {"held": "pending", "free": "cancelled"}
    await holder.rollback()
    await flow.keep()
    assert await flow.states() == {"held": "cancelled", "free": "cancelled"}
    assert await db.value("SELECT bool_or(stopping) FROM pgq.workflows") is False


async def test_what_waited_outside_for_a_task_of_a_cancelled_workflow_is_cancelled_with_it(db: Database) -> None:
    flow = await Flow.submit(db, node("a"), node("b", "a"))
    ids = await flow.ids()
    outside = await db.insert(depends_on=[ids["b"]])
    await flow.cancel()
    assert await db.state(outside) == "cancelled"


async def test_a_retry_brings_back_what_has_not_succeeded_under_its_ids_to_wait_again(db: Database) -> None:
    flow = await Flow.submit(db, node("done"), node("bad", "done"), node("child", "bad"), node("last", "child", "done"))
    before = await flow.ids()
    assert await flow.work() == ["done"]
    assert await flow.work(bad=DEAD) == ["bad"]
    await flow.keep()
    assert await flow.counts() == {"succeeded": 1, "cancelled": 2, "dead": 1}

    assert await flow.retry() == 3
    await flow.keep()
    assert await flow.ids() == before
    assert await flow.states() == {"done": "succeeded", "bad": "pending", "child": "blocked", "last": "blocked"}
    assert [await flow.work() for _ in range(3)] == [["bad"], ["child"], ["last"]]
    assert (await flow.state(), await flow.counts()) == ("succeeded", {"succeeded": 4})


async def test_a_retry_gives_all_attempts_again_and_takes_expiry_away(db: Database) -> None:
    flow = await Flow.submit(db, node("late", expires_at="2999-01-01Z", max_attempts=2, payload={"n": 1}, tags=["t"]))
    (id,) = (await flow.ids()).values()
    await db.run("UPDATE pgq.tasks SET expires_at = clock_timestamp(), attempt = 1")
    await db.tick("expirer")
    await flow.retry()
    row = await db.task(id)
    assert (row["state"], row["attempt"], row["max_attempts"], row["expires_at"]) == ("pending", 0, 2, None)
    assert (row["payload"], row["tags"], row["workflow_id"]) == ({"n": 1}, ["t"], flow.id)


async def test_a_failure_from_before_a_retry_does_not_stop_it_and_one_after_it_does(db: Database) -> None:
    flow = await Flow.submit(db, node("bad"), node("other", run_at="2999-01-01Z"))
    await flow.work(bad=DEAD)
    await flow.retry()  # before any duty has seen the failure
    await flow.keep()
    assert await flow.states() == {"bad": "pending", "other": "scheduled"}
    await flow.work(bad=DEAD)
    await flow.keep()
    assert await flow.states() == {"bad": "dead", "other": "cancelled"}


async def test_a_redriven_dead_letter_runs_in_its_workflow_again(db: Database) -> None:
    flow = await Flow.submit(db, node("bad"), node("child", "bad", on_parent_failure="wait"), on_failure="continue")
    await flow.work(bad=DEAD)
    await flow.keep()
    await db.redrive((await flow.ids())["bad"])
    await flow.keep()
    assert await flow.counts() == {"live": 2}
    assert [await flow.work() for _ in range(2)] == [["bad"], ["child"]]
    assert await flow.state() == "succeeded"


async def test_a_redriven_dead_letter_of_a_workflow_that_failed_is_not_cancelled_again(db: Database) -> None:
    flow = await Flow.submit(db, node("bad"), node("other", run_at="2999-01-01Z"))
    await flow.work(bad=DEAD)
    await flow.keep()
    await db.redrive((await flow.ids())["bad"])
    await flow.keep()
    assert await flow.states() == {"bad": "pending", "other": "cancelled"}


async def test_a_task_that_is_run_again_on_its_own_is_not_of_the_workflow(db: Database) -> None:
    flow = await Flow.submit(db, node("a"))
    await flow.work()
    again = await db.task(await db.retry((await flow.ids())["a"]))
    assert (again["workflow_id"], await flow.counts()) == (None, {"succeeded": 1})
    assert again["headers"].keys() == {"retried_from"}


async def test_a_purged_dead_letter_still_counts(db: Database) -> None:
    flow = await Flow.submit(db, node("bad"))
    await flow.work(bad=DEAD)
    await db.run("DELETE FROM pgq.dead_tasks")
    assert (await flow.state(), await flow.counts()) == ("failed", {"dead": 1})


async def test_what_becomes_of_a_purged_parent_does_not_keep_a_retry_from_its_child(db: Database) -> None:
    flow = await Flow.submit(db, node("bad"), node("child", "bad"))
    await flow.work(bad=DEAD)
    await flow.keep()
    await db.run("DELETE FROM pgq.dead_tasks")
    assert await flow.retry() == 1
    assert await flow.work() == ["child"]


async def test_it_is_forgotten_when_its_retention_is_over_unless_it_holds_dead_letters(db: Database) -> None:
    done = await Flow.submit(db, node("a"))
    await done.work()
    dead = await Flow.submit(db, node("bad"))
    await dead.work(bad=DEAD)
    live = await Flow.submit(db, node("a"))
    await live.keep()
    assert await db.tick("workflow_pruner") == 0
    await db.run("UPDATE pgq.workflows SET ended_at = ended_at - interval '8 days'")
    assert await db.tick("workflow_pruner") == 1
    assert {row["id"] for row in await db.rows("SELECT id FROM pgq.workflows")} == {dead.id, live.id}
    assert {row["workflow_id"] for row in await db.rows("SELECT workflow_id FROM pgq.workflow_tasks")} == {
        dead.id,
        live.id,
    }


async def test_other_tasks_leave_no_trace_among_workflows(db: Database) -> None:
    await db.bury()
    await db.ends(await db.running())
    await db.insert(depends_on=[await db.submit()])
    assert await db.value("SELECT count(*) FROM pgq.workflow_changes") == 0


async def test_the_duties_of_workflows_do_nothing_without_their_turn(db: Database) -> None:
    flow = await Flow.submit(db, node("a"))
    await flow.work()
    await db.run(
        "INSERT INTO pgq.workflows (id, name, on_failure, ended_at) SELECT pgq.uuid7(), 'old', 'cancel', '2020-01-01Z'"
    )
    for statement, parameters in (("keep", {"only": None}), ("forget", {"retention": 60})):
        await db.connection.execute(sql(f"workflows/{statement}"), parameters)
    assert await db.value("SELECT count(*) FROM pgq.workflow_changes") == 2
    assert await db.value("SELECT count(*) FROM pgq.workflows") == 2
