"""Dependencies are the same at every door of SQL: what waits, what is refused, and what a known key answers."""

import json
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.database.doors import DOORS, Door
from tests.verbs import DONE, Database

every_door = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)


async def ended(db: Database) -> UUID:
    """A task that has succeeded."""
    claimed = await db.running()
    assert await db.ends(claimed, DONE)
    return claimed.id


@every_door
async def test_a_task_waits_for_the_parents_that_it_names(db: Database, door: Door) -> None:
    over, first, second = await ended(db), await db.submit(), await db.submit()
    child = await door(db, {"depends_on": [second, over, first], "on_parent_failure": "run"})
    task = await db.task(child)
    assert (task["state"], task["depends_on"], task["on_parent_failure"]) == ("blocked", [second, over, first], "run")

    for claimed in await db.claim():
        assert claimed.id != child
        assert await db.ends(claimed, DONE)
    assert await db.state(child) == "pending"


@every_door
async def test_a_task_whose_parents_have_all_succeeded_waits_for_nothing(db: Database, door: Door) -> None:
    parents = [await ended(db), await ended(db)]
    child = await door(db, {"depends_on": parents})
    assert await db.state(child) == "pending"
    (claimed,) = await db.claim()
    assert (claimed.id, claimed.has_parents) == (child, True)


@every_door
async def test_a_task_without_parents_says_so(db: Database, door: Door) -> None:
    task = await db.task(await door(db, {"depends_on": []}))
    assert (task["state"], task["depends_on"], task["on_parent_failure"]) == ("pending", None, None)
    (claimed,) = await db.claim()
    assert not claimed.has_parents


@every_door
async def test_a_parent_that_nobody_has_is_refused_by_its_id(db: Database, door: Door) -> None:
    known, unknown = await db.submit(), uuid4()
    with pytest.raises(psycopg.Error, match=f"^depends_on: no task has the id {unknown}") as refused:
        await door(db, {"depends_on": [known, unknown]})
    assert refused.value.sqlstate == "PQ004"
    assert json.loads(refused.value.diag.message_detail or "")["field"] == "depends_on"
    assert await db.value("SELECT count(*) FROM pgq.tasks") == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"on_parent_failure": "cancel"}, "on_parent_failure"),
        ({"depends_on": [UUID(int=1)], "on_parent_failure": "explode"}, "on_parent_failure"),
        ({"depends_on": [UUID(int=1), None]}, "depends_on"),
    ],
)
@every_door
async def test_what_no_task_can_depend_on_is_refused(
    db: Database, door: Door, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(psycopg.Error, match=f"^{field}: ") as refused:
        await door(db, fields)
    assert refused.value.sqlstate == "PQ003"


@every_door
async def test_a_parent_that_failed_already_cancels_the_task_at_once(db: Database, door: Door) -> None:
    parent = await db.bury()
    await db.run("BEGIN")
    child = await door(db, {"depends_on": [parent]})
    await db.run("COMMIT")
    task = await db.task(child)
    assert (task["state"], task["error"]["type"]) == ("cancelled", "ParentFailed")


async def test_a_known_key_answers_whatever_became_of_the_parents(db: Database) -> None:
    parent, unknown = await db.submit(), uuid4()
    child = await db.submit(key="k", depends_on=[parent])
    assert await db.submit(key="k", depends_on=[unknown], on_parent_failure="run") == child
    again = {"kind": "echo", "idempotency_key": "k", "depends_on": [str(unknown)]}
    assert await db.submit_many(again, {**again, "depends_on": None}) == [(child, False)] * 2
    with pytest.raises(psycopg.Error, match=r"^depends_on: "):
        await db.submit(key="l", depends_on=[unknown])
    assert (await db.task(child))["depends_on"] == [parent]
    assert await db.value("SELECT count(*) FROM pgq.idempotency_keys") == 1, "what is refused takes no key"


async def test_tasks_of_a_bulk_may_depend_on_those_that_stand_before_them(db: Database) -> None:
    first, second, third = (str(uuid4()) for _ in range(3))
    await db.submit_many(
        {"kind": "echo", "id": first},
        {"kind": "echo", "id": second, "depends_on": [first]},
        {"kind": "echo", "id": third, "depends_on": [first, second]},
    )
    order = []
    for _ in range(3):
        (claimed,) = await db.claim()
        order.append(str(claimed.id))
        assert await db.ends(claimed, DONE)
    assert order == [first, second, third]
    with pytest.raises(psycopg.Error, match=r"^depends_on: no task has the id") as refused:
        await db.submit_many({"kind": "echo", "depends_on": [(other := str(uuid4()))]}, {"kind": "echo", "id": other})
    assert json.loads(refused.value.diag.message_detail or "")["position"] == 0


@pytest.mark.parametrize("value", ["x", 1, ["x"], [1], {"a": 1}, [[1]]])
async def test_parents_of_a_wrong_type_are_named_with_the_task_s_position(db: Database, value: object) -> None:
    with pytest.raises(psycopg.Error, match=r"^depends_on: must be a JSON array of UUIDs") as refused:
        await db.submit_many({"kind": "echo"}, {"kind": "echo", "depends_on": value})
    said = json.loads(refused.value.diag.message_detail or "")
    assert (refused.value.sqlstate, said["field"], said["position"]) == ("PQ003", "depends_on", 1)


async def test_the_submitters_role_may_name_parents_at_every_door(db: Database) -> None:
    parent = await db.submit()
    session = await db.another()
    await db.run("SET ROLE pgq_submitter", on=session)
    fields: dict[str, Any] = {"depends_on": [parent], "on_parent_failure": "wait"}
    await db.insert(on=session, **fields)
    await db.submit(on=session, **fields)
    await db.submit(on=session, key="k", **fields)
    await db.submit_many({"kind": "echo", **fields, "depends_on": [str(parent)]}, on=session)
    copy = "COPY pgq.tasks (kind, depends_on, on_parent_failure) FROM STDIN"
    async with session.cursor() as cursor, cursor.copy(copy) as rows:
        await rows.write_row(("echo", [parent], "wait"))
    assert await db.value("SELECT count(*) FROM pgq.tasks WHERE state = 'blocked'") == 5
