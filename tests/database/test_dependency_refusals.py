"""Which parents a task may name: what could never be is refused, with its reason."""

from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.dependents import child_of
from tests.verbs import Database

PARENT, NEW = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"on_parent_failure": "run"}, "on_parent_failure: means nothing without depends_on"),
        (
            {"depends_on": [PARENT], "on_parent_failure": "hope"},
            "on_parent_failure: must be cancel, run or wait",
        ),
        ({"depends_on": [PARENT, None]}, "depends_on: must be a list of ids, none of them null"),
        ({"depends_on": [[PARENT], [PARENT]]}, "depends_on: must be a list of ids"),
        ({"id": PARENT, "depends_on": [PARENT]}, "depends_on: a task cannot depend on itself"),
        ({"id": NEW, "depends_on": [PARENT, NEW]}, "depends_on: a task cannot depend on itself"),
    ],
)
async def test_what_could_never_be_is_refused_with_its_reason(db: Database, columns: dict[str, Any], why: str) -> None:
    await db.insert(id=PARENT)

    with pytest.raises(psycopg.Error, match=why) as refused:
        await db.insert(**columns)

    assert refused.value.sqlstate == "PQ003"


async def test_ten_thousand_parents_and_no_more(db: Database) -> None:
    many = "INSERT INTO pgq.tasks (kind) SELECT 'echo' FROM generate_series(1, 10001) RETURNING id"
    parents = [row["id"] for row in await db.rows(many)]
    with pytest.raises(psycopg.Error, match="depends_on: must be at most 10,000 tasks, not 10001"):
        await child_of(db, *parents)

    child = await child_of(db, *parents[:10_000], parents[0])

    assert await db.value("SELECT waits_for FROM pgq.tasks WHERE id = %s", child) == 10_000


async def test_a_list_without_parents_is_none(db: Database) -> None:
    task = await db.insert(depends_on=[], on_parent_failure="run")

    row = await db.task(task)
    assert (row["state"], row["depends_on"], row["on_parent_failure"]) == ("pending", None, None)
