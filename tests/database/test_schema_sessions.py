"""What a session sets (time zone, formats, search path) changes nothing that is stored; ids are UUIDs of version 7."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import RFC_4122

import pytest

from pgq.db.duties import make_partitions
from tests.verbs import B, Connection, Database, retry_later

ODD: dict[str, Any] = {
    "TimeZone": "Asia/Kathmandu",
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "extra_float_digits": -15,
    "bytea_output": "escape",
    "search_path": "pg_temp",
}


@pytest.fixture
async def odd(db: Database) -> Connection:
    return await db.another(**ODD)


async def test_a_task_goes_its_whole_way_in_an_odd_session(db: Database, odd: Connection) -> None:
    before = datetime.now(UTC)
    task = await db.submit(
        delay=timedelta(0),
        timeout=timedelta(minutes=2, milliseconds=500),
        key="k",
        key_window=timedelta(days=2),
        on=odd,
    )
    assert await db.submit(key="k", on=odd) == task
    window = await db.value("SELECT expires_at FROM pgq.idempotency_keys")
    assert timedelta(days=1, hours=23) < window - before < timedelta(days=2, hours=1)

    first = await db.claim_one(on=odd)
    assert first.timeout_seconds == 120.5
    assert await db.ends(first, retry_later(3_600), on=odd)
    row = await db.task(task)
    assert timedelta(minutes=59) < row["run_at"] - before < timedelta(minutes=61)
    failed_at = row["error"]["at"]
    assert failed_at.endswith("Z")
    assert abs(datetime.fromisoformat(failed_at) - before) < timedelta(minutes=1)

    await db.retry(task)
    second = await db.claim_one(on=odd)
    await db.expire_lease(task)
    assert await db.reap(on=odd) == 1
    await db.make_due(task)
    third = await db.claim_one(B, on=odd)
    assert first.lease_epoch < second.lease_epoch < third.lease_epoch
    assert await db.ends(third, worker=B, on=odd)
    assert await db.state(task) == "succeeded"


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/Sao_Paulo"])
async def test_partitions_are_days_of_utc_in_every_zone(db: Database, zone: str) -> None:
    days = "FROM pg_class WHERE relispartition AND relkind = 'r'"
    bounds = f"SELECT array_agg(pg_get_expr(relpartbound, oid) ORDER BY relname) {days}"
    expected = await db.value(bounds)
    session = await db.another(**{**ODD, "TimeZone": zone})
    for row in await db.rows(f"SELECT relname AS name {days}"):
        await db.run(f"DROP TABLE pgq.{row['name']}")

    made = await make_partitions(session)

    assert made == len(expected)
    assert await db.value(bounds) == expected


async def test_run_at_means_the_same_moment_whatever_the_sessions_zone(db: Database, odd: Connection) -> None:
    moment = datetime(2031, 5, 17, 12, 30, tzinfo=UTC)

    plain = await db.submit(run_at=moment, on=odd)
    keyed = await db.submit(run_at=moment, expires_at=moment + timedelta(days=1), key="k", on=odd)

    assert (await db.task(plain))["run_at"] == moment
    assert (await db.task(keyed))["run_at"] == moment
    assert (await db.task(keyed))["expires_at"] == moment + timedelta(days=1)


async def test_a_temporary_table_of_the_same_name_is_not_mistaken_for_pgqs(db: Database, odd: Connection) -> None:
    await odd.execute("CREATE TEMPORARY TABLE tasks (id integer)")
    await odd.execute("CREATE TEMPORARY TABLE kinds AS SELECT 'echo' AS kind, 9 AS priority")

    assert (await db.task(await db.submit(on=odd)))["priority"] == 5


async def test_ids_are_version_7_and_sort_by_the_time_they_were_made(db: Database) -> None:
    ids = [row["id"] for row in await db.rows("SELECT pgq.uuid7() AS id FROM generate_series(1, 5000)")]
    now = await db.value("SELECT clock_timestamp()")

    assert {(one.version, one.variant) for one in ids} == {(7, RFC_4122)}
    assert len(set(ids)) == len(ids)
    times = [one.int >> 64 for one in ids]  # 48 bits of milliseconds, and the microseconds in rand_a
    assert times == sorted(times)
    made = datetime.fromtimestamp((ids[-1].int >> 80) / 1_000, UTC)
    assert timedelta(0) <= now - made < timedelta(minutes=1)


async def test_an_explicit_id_is_kept(db: Database) -> None:
    [(task, _)] = await db.submit_many({"kind": "echo", "id": "0198c8a0-0000-7000-8000-000000000001"})

    assert str(task) == "0198c8a0-0000-7000-8000-000000000001"
