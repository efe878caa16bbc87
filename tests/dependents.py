"""Tasks that wait for others, as the tests speak of them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from pgq.values.outcome import BuryNow, Outcome
from tests.verbs import CANCELLED, DONE, FAILED, A, Connection, Database

FAILURES = ("dead", "cancelled", "expired")


async def child_of(
    db: Database, *parents: UUID, policy: str | None = None, on: Connection | None = None, **columns: Any
) -> UUID:
    """A new task that waits for these, by INSERT."""
    more = columns if policy is None else {**columns, "on_parent_failure": policy}
    return await db.insert(on=on, depends_on=list(parents), **more)


async def copied_child_of(db: Database, *parents: UUID, policy: str | None = None) -> UUID:
    """The same by COPY."""
    child = uuid4()
    async with db.connection.cursor() as cursor:
        copying = cursor.copy("COPY pgq.tasks (id, kind, depends_on, on_parent_failure) FROM STDIN")
        async with copying as copy:
            await copy.write_row((child, "echo", list(parents), policy))
    return child


async def end(db: Database, task: UUID, how: str = "succeeded", on: Connection | None = None) -> None:
    """End a task that is due, in this way."""
    match how:
        case "succeeded":
            await finish(db, task, DONE, on)
        case "dead":
            await finish(db, task, BuryNow(FAILED), on)
        case "stopped":
            await finish(db, task, CANCELLED, on)
        case "cancelled":
            await db.cancel(task, on=on)
        case "expired":
            await db.run("UPDATE pgq.tasks SET expires_at = clock_timestamp() WHERE id = %s", task)
            await db.tick("expirer")
        case "purged":
            await finish(db, task, BuryNow(FAILED), on)
            await db.rows(
                "SELECT pgq.release_children(array_agg(id), '{purged}') FROM pgq.dead_tasks WHERE id = %s", task
            )
            await db.run("DELETE FROM pgq.dead_tasks WHERE id = %s", task)
        case _:
            raise AssertionError(how)


async def finish(db: Database, task: UUID, outcome: Outcome, on: Connection | None = None) -> None:
    """Claim this very task, and end its attempt."""
    await db.run("UPDATE pgq.tasks SET priority = 9, run_at = now() WHERE id = %s", task)
    claimed = await db.claim_one()
    assert claimed.id == task
    assert await db.ends(claimed, outcome, on=on)


async def states(db: Database, tasks: Sequence[UUID]) -> list[str]:
    """What is shown of each."""
    rows = await db.rows("SELECT id, state FROM pgq.task_status WHERE id = ANY (%s)", list(tasks))
    shown = {row["id"]: row["state"] for row in rows}
    return [shown[task] for task in tasks]


async def nothing_is_left(db: Database) -> None:
    """No edge without a reason, and no agenda."""
    assert await db.value("SELECT count(*) FROM pgq.task_dependencies") == 0
    assert await db.value("SELECT count(*) FROM pgq.new_children") == 0


async def lives_on(db: Database, task: UUID) -> None:
    """The task can be claimed and finished."""
    claimed = await db.claim(A)
    assert task in [one.id for one in claimed]
    for one in claimed:
        assert await db.ends(one)
