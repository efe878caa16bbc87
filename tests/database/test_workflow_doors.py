"""What a workflow may hold, and how tasks are added to one that runs."""

import json
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.flows import DEAD, Flow, node
from tests.verbs import Database

SOMEBODY = "00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("tasks", "field", "position", "reason"),
    [
        ([], "tasks", None, "array of 1 to 20000 objects"),
        ([node("a"), 7], "tasks", 1, "objects only"),
        ([node("a"), {"kind": "echo"}], "name", 1, "1 to 128 characters"),
        ([node("a"), node("x" * 129)], "name", 1, "1 to 128 characters"),
        ([node(SOMEBODY)], "name", 0, "must not look like an id"),
        ([node("a"), node("b"), node("a")], "name", 0, "a is the name of another task"),
        ([node("a", "a")], "depends_on", 0, "cannot depend on itself"),
        ([node("a", "b"), node("b")], "depends_on", 0, "b stands behind it"),
        ([node("a"), node("b", "c")], "depends_on", 1, "no task of this workflow is called c"),
        ([node("a"), node("b", depends_on="a")], "depends_on", 1, "an array of names"),
        ([node("a"), node("b", depends_on=[1])], "depends_on", 1, "an array of names"),
        ([node("a", idempotency_key="k")], "idempotency_key", 0, "not for the tasks of a workflow"),
        ([node("a", id="1")], "id", 0, "must be a UUID"),
        ([node("a"), node("b", priority=10)], "priority", 1, "0 to 9"),
        ([node("a"), node("b", wrong=1)], "wrong", 1, "not a field of a task"),
        ([node("a", on_parent_failure="run")], "on_parent_failure", 0, "means nothing"),
        ([node("a", headers=[1])], "headers", 0, "a JSON object"),
    ],
)
async def test_what_is_wrong_is_named_with_the_tasks_place_and_nothing_is_stored(
    db: Database, tasks: list[Any], field: str, position: int | None, reason: str
) -> None:
    with pytest.raises(psycopg.Error) as refused:
        await Flow.submit(db, *tasks)
    said = json.loads(str(refused.value.diag.message_detail))
    assert (refused.value.sqlstate, said["field"], said.get("position")) == ("PQ003", field, position)
    assert reason in said["reason"]
    for table in ("workflows", "workflow_tasks", "workflow_changes", "tasks"):
        assert await db.value(f"SELECT count(*) FROM pgq.{table}") == 0


@pytest.mark.parametrize(
    ("workflow", "reason"),
    [
        ("[]", "workflow: must be a JSON object"),
        ('{"name": "", "tasks": []}', "name: must have 1 to 128 characters"),
        ('{"tasks": []}', "name: must have 1 to 128 characters"),
        ('{"name": "a", "on_failure": "stop", "tasks": []}', "on_failure: must be cancel or continue"),
        ('{"name": "a", "more": 1}', "more: is not a field of a workflow"),
        ('{"name": "a", "id": "1"}', "id: must be a UUID"),
        ('{"name": "a"}', "tasks: must be a JSON array"),
    ],
)
async def test_what_is_wrong_with_the_whole_is_named(db: Database, workflow: str, reason: str) -> None:
    with pytest.raises(psycopg.Error, match=reason) as refused:
        await db.run("SELECT pgq.submit_workflow(%s::jsonb)", workflow)
    assert refused.value.sqlstate == "PQ003"


async def test_an_id_is_given_once(db: Database) -> None:
    given = json.dumps({"id": SOMEBODY, "name": "a", "tasks": [node("a")]})
    assert await db.value("SELECT pgq.submit_workflow(%s::jsonb)", given) == UUID(SOMEBODY)
    with pytest.raises(psycopg.Error, match="id: belongs to another workflow"):
        await db.run("SELECT pgq.submit_workflow(%s::jsonb)", given)


async def test_a_task_knows_its_workflow_and_its_name_there(db: Database) -> None:
    flow = await Flow.submit(db, node("a", headers={"trace": "t"}))
    row = await db.task((await flow.ids())["a"])
    assert row["workflow_id"] == flow.id
    assert row["headers"] == {"trace": "t", "workflow_id": str(flow.id), "workflow_node": "a"}


async def test_a_task_may_depend_on_one_outside_of_the_workflow(db: Database) -> None:
    outside = await db.submit("foreign")
    flow = await Flow.submit(db, node("a", str(outside)))
    assert await flow.states() == {"a": "blocked"}
    with pytest.raises(psycopg.Error) as refused:
        await Flow.submit(db, node("a", SOMEBODY))
    assert refused.value.sqlstate == "PQ004"


async def test_added_tasks_depend_on_new_and_old_ones_by_their_names(db: Database) -> None:
    flow = await Flow.submit(db, node("a"), node("later", run_at="2999-01-01Z"))
    assert await flow.work() == ["a"]
    await flow.add(node("c", "a"), node("d", "c", "later"))
    assert await flow.states() == {"a": "succeeded", "later": "scheduled", "c": "pending", "d": "blocked"}
    assert await flow.counts() == {"live": 3, "succeeded": 1}
    await flow.keep()
    assert (await flow.shown())["total"] == 4


async def test_a_name_is_given_once_in_a_workflow(db: Database) -> None:
    flow = await Flow.submit(db, node("a"))
    other = await Flow.submit(db, node("a"))
    with pytest.raises(psycopg.Error, match="name: a is the name of another task of this workflow"):
        await flow.add(node("b"), node("a"))
    await other.add(node("b"))
    assert set(await flow.ids()) == {"a"}


async def test_a_workflow_that_has_ended_or_is_being_stopped_takes_no_more(db: Database) -> None:
    done = await Flow.submit(db, node("a"))
    await done.work()
    with pytest.raises(psycopg.Error, match="is succeeded: only one that runs takes more tasks") as refused:
        await done.add(node("b"))
    assert refused.value.sqlstate == "PQ006"

    stopping = await Flow.submit(db, node("a"))
    await db.claim()
    await stopping.cancel()
    with pytest.raises(psycopg.Error, match="being cancelled, so it takes no more"):
        await stopping.add(node("b"))


@pytest.mark.parametrize("verb", ["cancel_workflow(%s)", "retry_workflow(%s)", "add_workflow_tasks(%s, '[]')"])
async def test_an_unknown_workflow_is_said_to_be_unknown(db: Database, verb: str) -> None:
    nobody = uuid4()
    with pytest.raises(psycopg.Error, match=f"no workflow has the id {nobody}") as refused:
        await db.run(f"SELECT pgq.{verb}", nobody)
    assert refused.value.sqlstate == "PQ007"


async def test_verbs_say_which_state_forbids_them(db: Database) -> None:
    flow = await Flow.submit(db, node("a"), node("b"))
    for state, verb, reason in (
        ("running", flow.retry, "nothing of it has failed"),
        ("succeeded", flow.cancel, "only one that runs"),
        ("succeeded", flow.retry, "nothing of it has failed"),
    ):
        if state == "succeeded":
            await flow.work()
        with pytest.raises(psycopg.Error, match=f"is {state}: {reason}") as refused:
            await verb()
        assert refused.value.sqlstate == "PQ006"


async def test_no_retry_while_a_handler_is_still_being_told_to_stop(db: Database) -> None:
    flow = await Flow.submit(db, node("bad"), node("runs"))
    ids, claimed = await flow.ids(), {one.id: one for one in await db.claim()}
    await db.ends(claimed[ids["bad"]], DEAD)
    await flow.keep()
    with pytest.raises(psycopg.Error, match="its tasks are being cancelled; retry it when they have ended"):
        await flow.retry()
    await db.ends(claimed[ids["runs"]])
    assert await flow.retry() == 1


async def test_a_plain_insert_joins_a_workflow_under_its_id(db: Database) -> None:
    flow = await Flow.submit(db, node("a"))
    task = await db.insert(workflow_id=flow.id)
    assert (await flow.ids())[str(task)] == task
    assert await flow.counts() == {"live": 2}
    with pytest.raises(psycopg.Error, match="workflow_id: there is no such workflow"):
        await db.insert(workflow_id=uuid4())
