"""Chains, verbs and duties where tasks wait for others."""

from uuid import UUID, uuid4

import psycopg
import pytest

from tests.dependents import child_of, end, nothing_is_left, states
from tests.verbs import Database, retry_later, statement


async def chain(db: Database, length: int) -> list[UUID]:
    tasks = [uuid4() for _ in range(length)]
    await db.run(
        "INSERT INTO pgq.tasks (id, kind, depends_on) SELECT t.id, 'echo', CASE WHEN t.n > 1 THEN ARRAY[t.parent] END "
        "FROM unnest(%s::uuid[], %s::uuid[]) WITH ORDINALITY AS t (id, parent, n) ORDER BY t.n",
        tasks,
        [tasks[0], *tasks[:-1]],
    )
    return tasks


async def test_a_chain_of_a_thousand_fails_as_a_whole(db: Database) -> None:
    tasks = await chain(db, 1_000)

    await end(db, tasks[0], "dead")

    assert await states(db, tasks) == ["dead"] + ["cancelled"] * 999
    assert (await db.task(tasks[1]))["error"]["message"] == f"its parent {tasks[0]} is dead"
    assert (await db.task(tasks[999]))["error"]["message"] == f"its parent {tasks[998]} is cancelled"
    await nothing_is_left(db)


async def test_a_chain_of_a_thousand_succeeds_one_after_the_other(db: Database) -> None:
    tasks = await chain(db, 1_000)

    for task in tasks:
        (claimed,) = await db.claim()
        assert claimed.id == task
        assert await db.ends(claimed)

    await nothing_is_left(db)


async def test_a_redriven_child_does_not_wait_again(db: Database) -> None:
    parent = await db.submit()
    child = await child_of(db, parent)
    await end(db, parent)
    await end(db, child, "dead")

    await db.redrive(child)

    row = await db.task(child)
    assert (row["state"], row["depends_on"]) == ("pending", [parent])


async def test_a_retry_of_what_had_begun_does_not_wait_again(db: Database) -> None:
    dead = await db.submit()
    child = await child_of(db, dead, policy="run")
    await end(db, dead, "dead")
    await end(db, child)
    await db.redrive(dead)

    again = await db.retry(child)

    row = await db.task(again)
    assert (row["state"], row["depends_on"], row["on_parent_failure"]) == ("pending", [dead], "run")


async def test_a_retry_of_what_its_parent_cancelled_waits_for_the_parents_that_live_now(db: Database) -> None:
    good, bad = await db.submit(), await db.submit()
    child = await child_of(db, good, bad)
    await end(db, bad, "dead")
    assert await db.state(child) == "cancelled"

    waits = await db.retry(child)
    assert await db.state(waits) == "blocked"
    await end(db, good)
    assert await db.state(waits) == "pending"
    runs = await db.retry(child)
    assert await db.state(runs) == "pending"
    await nothing_is_left(db)


async def test_a_waiting_task_cannot_be_retried(db: Database) -> None:
    child = await child_of(db, await db.submit())
    with pytest.raises(psycopg.Error, match="is blocked") as refused:
        await db.retry(child)
    assert refused.value.sqlstate == "PQ006"


@pytest.mark.parametrize("duty", ["reaper", "undertaker"])
async def test_what_a_duty_ends_is_told_to_its_children(db: Database, duty: str) -> None:
    parent = await db.submit(max_attempts=1)
    child = await child_of(db, parent)
    if duty == "reaper":
        assert (await db.claim_one()).id == parent
        await db.expire_lease(parent)
    else:
        await db.run("UPDATE pgq.tasks SET created_at = '2020-01-01Z', run_at = '2020-01-01Z' WHERE id = %s", parent)

    assert await db.tick(duty) == 1

    assert await states(db, [parent, child]) == ["dead", "cancelled"]


async def test_a_retry_that_finds_a_cancellation_is_told_to_the_children(db: Database) -> None:
    parent = await db.running()
    child = await child_of(db, parent.id)
    assert await db.cancel(parent.id) == "requested"

    assert await db.ends(parent, retry_later())

    assert await states(db, [parent.id, child]) == ["cancelled", "cancelled"]


async def test_history_and_dead_letters_keep_what_a_task_waited_for(db: Database) -> None:
    parent = await db.submit()
    for how in ("succeeded", "dead", "expired", "cancelled"):
        task = await child_of(db, parent, policy="wait")
        await db.run("UPDATE pgq.tasks SET workflow_id = %s WHERE id = %s", workflow := uuid4(), task)
        if how in ("succeeded", "dead"):
            await db.run("UPDATE pgq.tasks SET state = 'pending' WHERE id = %s", task)
        await end(db, task, how)
        row = await db.task(task)
        kept = (row["state"], row["depends_on"], row["on_parent_failure"], row["workflow_id"])
        assert kept == (how, [parent], "wait", workflow)


async def test_a_child_that_may_run_wakes_a_worker(db: Database) -> None:
    parent = await db.submit()
    await child_of(db, parent, queue="later")
    await db.run(
        "INSERT INTO pgq.workers (id, name, hostname, pid, version, queues, kinds, capacity) "
        "VALUES (%s, 'w', 'h', 1, '0', '{later}', '{echo}', 1)", UUID(int=1)
    )  # fmt: skip
    await db.run("INSERT INTO pgq.waiting_workers VALUES (%s, '{later}')", UUID(int=1))
    listener = await db.another()
    await listener.execute("LISTEN pgq_ready")

    await end(db, parent)

    assert [note.payload async for note in listener.notifies(timeout=5, stop_after=1)] == ["later"]


async def test_a_submitter_of_little_rights_names_parents(db: Database) -> None:
    parent = await db.submit()
    session = await db.another()
    await session.execute("SET ROLE pgq_submitter")
    child = await child_of(db, parent, policy="run", on=session)
    with pytest.raises(psycopg.Error, match="permission denied"):
        await db.insert(waits_for=0, on=session)

    await end(db, parent, "dead")

    assert await db.state(child) == "pending"


def test_every_statement_that_ends_tasks_tells_their_children() -> None:
    for name in ("finish", "bury", "put_back", "reap", "expire", "bury_unknown_kinds", "purge"):
        text = statement(name).decode()
        assert text.count("pgq.release_children(") == 1, name
        assert ", released" in text.rsplit("FROM", 1)[1], f"{name}: a CTE that nobody asks never runs"
