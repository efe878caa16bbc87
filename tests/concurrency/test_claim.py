"""A claim takes what is ready, most urgent first, never more than asked, and never what another has."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from pgq.db import leases
from tests.verbs import A, B, Database


async def fill(db: Database, tasks: int, queue: str = "default", priority: int = 5, kind: str = "echo") -> None:
    await db.run(
        "INSERT INTO pgq.tasks (kind, queue, priority) SELECT %s, %s, %s FROM generate_series(1, %s)",
        kind,
        queue,
        priority,
        tasks,
    )


async def test_a_claimer_passes_by_what_another_is_taking(db: Database) -> None:
    await fill(db, 10)
    taking = await db.another(autocommit=False)
    first = await db.claim(A, 4, on=taking)

    second = await db.claim(B, 10)  # while the other has not committed

    await taking.commit()
    assert len(first) == 4
    assert len(second) == 6
    assert {one.id for one in first}.isdisjoint(one.id for one in second)


async def test_many_claimers_share_the_tasks_without_overlap(db: Database) -> None:
    await fill(db, 300)
    sessions = [await db.another() for _ in range(6)]

    async def drain(worker: int) -> list[object]:
        mine: list[object] = []
        while claimed := await db.claim(A, 7, on=sessions[worker]):
            mine += [one.id for one in claimed]
        return mine

    taken = [task for tasks in await asyncio.gather(*map(drain, range(6))) for task in tasks]

    assert len(taken) == len(set(taken)) == 300


async def test_the_most_urgent_first_and_then_who_came_first(db: Database) -> None:
    order = [(5, 0), (0, 1), (9, 2), (5, 3), (9, 4)]
    tasks = [await db.submit(priority=priority) for priority, _ in order]

    claimed = [one.id for _ in order for one in await db.claim(A, 1)]

    assert claimed == [tasks[index] for index in (2, 4, 0, 3, 1)]


async def test_a_due_time_is_kept_and_the_earlier_one_goes_first(db: Database) -> None:
    await db.submit(delay=timedelta(hours=1), priority=9)
    late = await db.submit(run_at="2020-01-02Z")
    early = await db.submit(run_at="2020-01-01Z")

    assert [one.id for one in await db.claim()] == [early, late]


async def test_only_the_kinds_and_queues_asked_for(db: Database) -> None:
    await fill(db, 2, kind="shout")
    await fill(db, 2, queue="email")
    mine = await db.submit()

    assert [one.id for one in await db.claim()] == [mine]
    assert await db.claim(kinds=[]) == []
    assert await db.claim(queues=[]) == []


async def test_foreign_kinds_at_the_head_of_the_lane_hide_nothing(db: Database) -> None:
    await fill(db, 500, kind="shout")
    mine = await db.submit()

    assert [one.id for one in await db.claim(room=1)] == [mine]


async def test_nothing_of_a_paused_queue(db: Database) -> None:
    await fill(db, 3)
    await fill(db, 3, queue="email")
    await db.run("INSERT INTO pgq.queues (name, paused_at) VALUES ('default', now())")

    assert {one.queue for one in await db.claim(queues=["default", "email"])} == {"email"}

    await db.run("UPDATE pgq.queues SET paused_until = now() - interval '1 s'")
    assert len(await db.claim()) == 3


async def test_a_task_whose_time_to_start_is_over_is_not_started(db: Database) -> None:
    task = await db.submit(expires_at="2999-01-01Z")
    await db.run("UPDATE pgq.tasks SET expires_at = clock_timestamp() WHERE id = %s", task)

    assert await db.claim() == []


async def test_an_attempt_is_counted_when_it_is_claimed_and_the_lease_fits_the_timeout(db: Database) -> None:
    await db.submit(timeout="10 s")

    claimed = await db.claim_one()

    assert (claimed.attempt, claimed.timeout_seconds) == (1, 10)
    assert claimed.lease_seconds == pytest.approx(15, abs=0.1)
    [row] = await db.rows(
        "SELECT state, attempt, leased_by, extract(epoch FROM deadline_at - started_at)::float8 AS runs FROM pgq.tasks"
    )
    assert (row["state"], row["attempt"], row["leased_by"]) == ("running", 1, A)
    assert row["runs"] == pytest.approx(10, abs=0.1)


async def test_each_queue_gives_up_to_its_budget_in_the_order_asked(db: Database) -> None:
    for queue in ("a", "b", "c"):
        await fill(db, 50, queue, priority=9 if queue == "c" else 5)

    first = await db.claim(room=10, queues=["b", "a", "c"], budgets=[4, 4, 4])
    assert Counter(one.queue for one in first) == {"b": 4, "a": 4, "c": 2}

    second = await db.claim(room=100, queues=["c", "a"], budgets=[7, 1])
    assert Counter(one.queue for one in second) == {"c": 7, "a": 1}


async def test_a_budget_is_per_queue_and_not_per_priority(db: Database) -> None:
    for priority in (0, 5, 9):
        await fill(db, 10, priority=priority)

    claimed = await db.claim(room=100, budgets=[12])

    assert Counter(one.priority for one in claimed) == {9: 10, 5: 2}


@pytest.mark.parametrize("room", [0, 1, 7])
@pytest.mark.parametrize(
    "planner",
    [
        {},
        {"plan_cache_mode": "force_generic_plan"},
        {"enable_tidscan": "off"},
        {"enable_nestloop": "off"},
        {"enable_indexscan": "off", "enable_bitmapscan": "off"},
        {"enable_seqscan": "off", "enable_sort": "off"},
        {"enable_hashjoin": "off", "enable_mergejoin": "off", "enable_material": "off", "enable_memoize": "off"},
        {"enable_nestloop": "off", "enable_tidscan": "off", "enable_indexscan": "off", "enable_bitmapscan": "off"},
    ],
    ids=lambda planner: ",".join(f"{name}={value}" for name, value in planner.items()) or "default",
)
async def test_never_more_than_there_is_room_for_however_it_is_planned(
    db: Database, planner: dict[str, Any], room: int
) -> None:
    for queue in ("a", "b"):
        for priority in (9, 5):
            await fill(db, 20, queue, priority)
    session = await db.another(**planner)

    for times in range(1, 8):  # psycopg prepares a statement at its fifth use
        claimed = await db.claim(A, room, queues=["a", "b"], budgets=[5, 5], on=session)
        assert len(claimed) == room
        assert all(count <= 5 for count in Counter(one.queue for one in claimed).values())
        assert times > 4 or all(one.priority == 9 for one in claimed)
    assert await db.value("SELECT count(*) FROM pgq.tasks WHERE state = 'running'") == 7 * room


async def test_statistics_that_are_far_off_let_no_claim_take_more(db: Database) -> None:
    await db.run("ALTER TABLE pgq.tasks SET (autovacuum_enabled = off)")
    await db.run("ANALYZE pgq.tasks")  # of the empty table
    await fill(db, 5_000)

    assert len(await db.claim(room=10)) == 10

    await db.run("ANALYZE pgq.tasks")
    await db.run("DELETE FROM pgq.tasks WHERE state = 'pending' AND id NOT IN (SELECT id FROM pgq.tasks LIMIT 50)")
    assert len(await db.claim(room=10)) == 10


async def test_a_row_that_changes_between_snapshot_and_lock_is_claimed_next_time_or_not_at_all(db: Database) -> None:
    """Locked in its new version, but not returned: the statement's own snapshot does not see that version."""
    task = await db.submit()
    changing = await db.another(autocommit=False)
    await db.run("UPDATE pgq.tasks SET priority = 6 WHERE id = %s", task, on=changing)

    assert await db.claim() == []  # passed by, not waited for
    await changing.commit()

    assert [one.id for one in await db.claim()] == [task]


async def test_a_claim_that_is_rolled_back_uses_no_attempt(db: Database) -> None:
    await db.submit()
    session = await db.another(autocommit=False)
    assert await db.claim(on=session)
    await session.rollback()

    assert (await db.claim_one()).attempt == 1


async def test_a_claim_that_need_not_be_durable_leaves_its_session_as_it_was(db: Database) -> None:
    """Or what the session writes next, an outcome perhaps, would be acknowledged and lost in a crash."""
    setting = "SELECT current_setting('synchronous_commit')"
    usual = await db.value(setting)
    await fill(db, 2)
    session = await db.another(autocommit=False)

    async def claim() -> None:
        assert await leases.claim(
            session, worker=A, queues=["default"], budgets=[1], kinds=["echo"], room=1, lease=60, durable=False
        )

    await claim()
    assert await db.value(setting, on=session) == "off"
    await session.commit()
    assert await db.value(setting, on=session) == usual

    await session.rollback()
    await session.set_autocommit(True)
    await claim()
    assert await db.value(setting, on=session) == usual


async def test_a_row_cannot_run_without_a_lease_nor_keep_one_while_it_waits(db: Database) -> None:
    claimed = await db.running()
    for change in ("state = 'pending'", "leased_by = NULL", "lease_expires_at = NULL", "deadline_at = NULL"):
        with pytest.raises(psycopg.errors.CheckViolation):
            await db.run(f"UPDATE pgq.tasks SET {change} WHERE id = %s", claimed.id)
