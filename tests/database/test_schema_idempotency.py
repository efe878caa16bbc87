"""One task per queue and key within the key's window, whichever way it was submitted."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from pgq.values.outcome import BuryNow
from tests.database.doors import DOORS, Door
from tests.verbs import FAILED, Database

KEYED = {"kind": "echo", "idempotency_key": "k"}


async def end_window(db: Database) -> None:
    await db.run("UPDATE pgq.idempotency_keys SET expires_at = clock_timestamp() - interval '1 s'")


async def known(db: Database, task: UUID, **fields: Any) -> bool:
    """Whether pgq.submit() answers the key with this task."""
    return await db.submit(key="k", **fields) == task


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
async def test_the_same_request_twice_is_one_task_whichever_door_came_first(db: Database, door: Door) -> None:
    first = await door(db, KEYED)

    assert await db.submit(key="k") == first
    assert await db.submit_many(KEYED) == [(first, False)]
    with pytest.raises(psycopg.errors.UniqueViolation, match=f"belongs to task {first}"):
        await db.insert(idempotency_key="k")
    with pytest.raises(psycopg.errors.UniqueViolation):
        await DOORS["COPY"](db, KEYED)
    assert await db.value("SELECT count(*) FROM pgq.tasks") == 1


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
@pytest.mark.parametrize("other", [{"kind": "shout"}, {"payload": {"n": 2}}])
async def test_another_request_under_a_known_key_is_a_conflict(
    db: Database, door: Door, other: dict[str, object]
) -> None:
    await door(db, {**KEYED, "payload": '{"n": 1}'})

    for again in (db.submit(**{"kind": "echo", "key": "k", **other}), db.submit_many({**KEYED, **other})):  # type: ignore[arg-type]
        with pytest.raises(psycopg.Error) as refused:
            await again
        assert refused.value.sqlstate == "PQ001"


async def test_the_order_of_the_payloads_members_does_not_matter(db: Database) -> None:
    first = await db.submit(key="k", payload='{"a": 1, "b": 2}')

    assert await known(db, first, payload='{"b": 2,  "a": 1}')


async def test_left_out_and_empty_payload_are_the_same_request(db: Database) -> None:
    first = await db.submit(key="k")

    assert await known(db, first, payload="{}")
    assert await db.submit_many({**KEYED, "payload": None}) == [(first, False)]


async def test_keys_of_different_queues_have_nothing_to_do_with_each_other(db: Database) -> None:
    first = await db.submit(key="k")

    assert not await known(db, first, queue="email")


async def test_the_key_is_known_while_its_window_lasts_though_the_task_has_ended(db: Database) -> None:
    first = await db.submit(key="k")
    assert await db.ends(await db.claim_one())
    assert await db.state(first) == "succeeded"

    assert await known(db, first)


async def test_when_the_window_is_over_and_the_task_has_ended_the_key_is_free_again(db: Database) -> None:
    first = await db.submit(key="k")
    assert await db.ends(await db.claim_one())
    await end_window(db)

    [(second, created)] = await db.submit_many({**KEYED, "payload": {"n": 2}})

    assert created
    assert second != first
    assert await known(db, second, payload={"n": 2})


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
async def test_the_window_never_ends_while_the_task_lives(db: Database, door: Door) -> None:
    first = await door(db, KEYED)

    for moment in ("pending", "running", "retrying"):
        if moment == "running":
            await db.claim_one()
        if moment == "retrying":
            await db.expire_lease(first)
            assert await db.reap() == 1
        assert await db.state(first) == moment
        await end_window(db)
        assert await known(db, first)


async def test_a_window_that_ends_before_its_transaction_does_not_let_a_second_task_in(db: Database) -> None:
    slow = await db.another(autocommit=False)
    other = await db.another()
    first = await db.submit(key="k", key_window=timedelta(microseconds=1), on=slow)

    second = asyncio.create_task(db.submit(key="k", key_window=timedelta(microseconds=1), on=other))
    await db.until_waiting(other)
    await slow.commit()

    assert await second == first


@pytest.mark.parametrize("first_commits", [True, False])
async def test_of_two_sessions_with_the_same_key_one_waits_for_the_other(db: Database, first_commits: bool) -> None:
    one, two = await db.another(autocommit=False), await db.another()
    first = await db.submit(key="k", on=one)

    second = asyncio.create_task(db.submit_many(KEYED, on=two))
    await db.until_waiting(two)
    await (one.commit() if first_commits else one.rollback())

    [(answer, created)] = await second
    assert created is not first_commits
    assert (answer == first) is first_commits
    assert await db.value("SELECT array_agg(id) FROM pgq.tasks") == [answer]


async def test_a_plain_insert_that_waited_for_the_same_key_is_refused(db: Database) -> None:
    one, two = await db.another(autocommit=False), await db.another()
    await db.insert(idempotency_key="k", on=one)

    second = asyncio.create_task(db.insert(idempotency_key="k", on=two))
    await db.until_waiting(two)
    await one.commit()

    with pytest.raises(psycopg.errors.UniqueViolation):
        await second
    assert await db.value("SELECT count(*) FROM pgq.tasks") == 1


@pytest.mark.parametrize(("one_queue", "other_queue"), [("default", "default"), ("z", "a"), ("a", "z")])
async def test_bulk_submits_in_opposite_orders_wait_and_do_not_deadlock(
    db: Database, one_queue: str, other_queue: str
) -> None:
    first = {"kind": "echo", "idempotency_key": "a", "queue": one_queue}
    second = {"kind": "echo", "idempotency_key": "b", "queue": other_queue}
    one, two = await db.another(autocommit=False), await db.another()
    await db.submit_many(first, on=one)

    opposite = asyncio.create_task(db.submit_many(second, first, on=two))
    await db.until_waiting(two)
    await db.submit_many(second, on=one)  # the other session waits, and holds nothing that is wanted here
    await one.commit()

    assert [created for _, created in await opposite] == [False, False]


async def test_the_same_request_twice_in_one_batch_is_one_task(db: Database) -> None:
    (first, new), (again, repeated), (_, other) = await db.submit_many(KEYED, KEYED, {"kind": "echo"})

    assert (new, repeated, other) == (True, False, True)
    assert again == first
    assert await db.value("SELECT count(*) FROM pgq.tasks") == 2


async def test_two_different_requests_under_one_key_in_one_batch_are_a_conflict(db: Database) -> None:
    with pytest.raises(psycopg.Error) as refused:
        await db.submit_many(KEYED, {**KEYED, "payload": {"n": 2}})

    assert refused.value.sqlstate == "PQ001"
    assert await db.value("SELECT count(*) FROM pgq.idempotency_keys") == 0


@pytest.mark.parametrize("ends", ["lives", "succeeds", "is buried"])
async def test_a_request_repeated_under_the_id_that_the_caller_chose_is_answered(db: Database, ends: str) -> None:
    task = {**KEYED, "id": str(UUID(int=7))}
    assert await db.submit_many(task, task) == [(UUID(int=7), True), (UUID(int=7), False)]
    if ends == "succeeds":
        assert await db.ends(await db.claim_one())
    elif ends == "is buried":
        assert await db.ends(await db.claim_one(), BuryNow(FAILED))

    assert await db.submit_many(task) == [(UUID(int=7), False)]


async def test_a_repetition_writes_so_that_its_answer_waits_for_replication(db: Database) -> None:
    await db.submit(key="k")
    before = await db.value("SELECT xmin::text FROM pgq.idempotency_keys")

    await db.submit(key="k")

    assert await db.value("SELECT xmin::text FROM pgq.idempotency_keys") != before


async def test_a_dead_letter_is_redriven_although_its_key_has_a_new_owner(db: Database) -> None:
    await db.submit(key="k", kind="unknown")
    await db.run(
        "UPDATE pgq.tasks SET created_at = created_at - interval '3 days', run_at = run_at - interval '3 days'"
    )
    assert await db.tick("undertaker") == 1
    dead = await db.value("SELECT id FROM pgq.dead_tasks")
    await end_window(db)
    second = await db.submit(key="k")

    assert await db.redrive(dead) == dead
    assert await known(db, second)
