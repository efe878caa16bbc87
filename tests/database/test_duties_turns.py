"""Who does a duty, and when: one process at a time, once a period, held back after an outage."""

from dataclasses import replace
from uuid import UUID

from pgq.db import duties as duties_db
from pgq.db.sql import sql
from pgq.maintenance.duties import duties
from tests.verbs import A, B, Database, duty, take_turn


async def lost(db: Database, worker: UUID = A) -> UUID:
    """A task whose worker is gone."""
    claimed = await db.running(worker)
    await db.expire_lease(claimed.id)
    return claimed.id


SELDOM = replace(duty("reaper"), period=3_600)
"""Its period is not over while a test runs."""


async def test_once_a_period_however_many_processes_tick(db: Database) -> None:
    first = await lost(db)
    assert await take_turn(db.connection, SELDOM, A) == (1, [first])

    await lost(db)
    assert await take_turn(db.connection, SELDOM, B) == (0, [])
    assert await duties_db.due_duties(db.connection, ["reaper"]) == []

    await duties_db.make_due(db.connection, "reaper")
    assert (await take_turn(db.connection, SELDOM, B))[0] == 1


async def test_a_clock_that_is_put_back_stops_no_duty(db: Database) -> None:
    task = await lost(db)
    await db.run(
        "UPDATE pgq.maintenance SET next_due_at = clock_timestamp() + interval '1 h',"
        " last_started_at = clock_timestamp() + interval '1 h', held_until = clock_timestamp() + interval '1 h'"
    )
    assert await duties_db.due_duties(db.connection, ["reaper"]) == ["reaper"]
    assert await take_turn(db.connection, SELDOM) == (1, [task])

    assert await duties_db.due_duties(db.connection, ["reaper"]) == []
    assert await take_turn(db.connection, SELDOM) == (0, [])


async def test_of_two_tickers_at_once_one_works_and_the_other_does_not_wait(db: Database) -> None:
    await lost(db)
    busy = await db.another(autocommit=False)
    turn = "SELECT pgq.take_turn('reaper', %s, interval '1 s', NULL)"
    assert await db.value(turn, A, on=busy)

    assert await take_turn(db.connection, duty("reaper"), B) == (0, [])
    await busy.rollback()

    assert (await take_turn(db.connection, duty("reaper"), B))[0] == 1


async def test_a_statement_of_maintenance_does_nothing_without_its_turn(db: Database) -> None:
    await lost(db)
    await db.submit("never")
    await db.run("UPDATE pgq.tasks SET created_at = now() - interval '25 h', run_at = now() - interval '25 h'")
    late = await db.submit(key="k", expires_at="2999-01-01Z")
    await db.run("UPDATE pgq.tasks SET expires_at = clock_timestamp() WHERE id = %s", late)
    await db.run(
        "INSERT INTO pgq.workers (id, name, hostname, pid, version, queues, kinds, capacity, beat_at) "
        "VALUES (%s, 'w', 'h', 1, '0', '{}', '{}', 1, now() - interval '2 h')",
        B,
    )
    await db.run(
        "INSERT INTO pgq.task_stats (minute, queue, kind, worker_id, wait, run, total) "
        "SELECT '2026-01-01Z', 'default', 'echo', %s, '{}', '{}', '{}'",
        A,
    )
    await db.run("INSERT INTO pgq.queue_samples SELECT '2026-01-01Z', 0, 0, 0, 0, 0, 0, 0, 0, 0, false, 'default'")
    await db.run("INSERT INTO pgq.schedules (name, cron, kind) VALUES ('each second', '* * * * * *', 'echo')")
    await db.run("UPDATE pgq.schedules SET next_tick_at = '2026-01-01Z', due_at = '2026-01-01Z'")
    await db.run(
        "INSERT INTO pgq.schedules (name, cron, kind, source, seen_at)"
        " VALUES ('gone', '@daily', 'echo', 'code', '2026-01-01Z')"
    )
    await db.run("INSERT INTO pgq.schedule_ticks (schedule, tick_at) VALUES ('gone too', '2026-01-01Z')")
    await db.drop_partition("attempts", days_ahead=5)
    before = await everything(db)

    for one in duties(lease=60, kind_grace=86_400):
        for other in ("", "reaper" if one.name != "reaper" else "pruner"):
            async with db.connection.transaction():
                await db.value("SELECT set_config('pgq.turn', %s, true)", other)
                work = await one.work(db.connection)
                await db.connection.execute(sql(work.statement), {**work.parameters})

    assert await everything(db) == before


async def everything(db: Database) -> list[object]:
    counts = [await db.value(f"SELECT array_agg(t::text ORDER BY t::text) FROM pgq.{name} AS t") for name in TABLES]
    return [*counts, await db.value("SELECT count(*) FROM pg_class WHERE relnamespace = 'pgq'::regnamespace")]


TABLES = (
    *("tasks", "dead_tasks", "task_history", "attempts", "idempotency_keys", "workers", "maintenance"),
    *("task_stats", "task_minutes", "task_totals", "queue_samples", "schedules", "schedule_ticks"),
)


async def test_after_an_outage_the_holders_of_leases_get_one_leases_time_to_renew_them(db: Database) -> None:
    task = await lost(db)
    await db.run("UPDATE pgq.maintenance SET last_started_at = now() - interval '2 min', next_due_at = '-infinity'")

    assert await db.reap() == 0
    until = await db.value("SELECT held_until FROM pgq.maintenance_status WHERE duty = 'reaper'")
    assert await db.value("SELECT %s::timestamptz - clock_timestamp() BETWEEN '5 s' AND '10 s'", until)
    assert await db.reap() == 0  # a later tick does not begin the hold anew, nor end it

    assert await db.value("SELECT held_until FROM pgq.maintenance WHERE duty = 'reaper'") == until
    await held_until(db, "-30 s")
    assert await db.reap() == 0
    await held_until(db, "-50 s")
    assert await db.reap() == 1
    assert await db.state(task) == "retrying"


async def test_after_an_outage_what_remote_workers_held_goes_on_after_their_own_lease(db: Database) -> None:
    task, remote = await lost(db), await lost(db, B)
    await db.run(
        "INSERT INTO pgq.workers (id, name, hostname, version, queues, kinds, capacity, remote)"
        " VALUES (%s, 'robot', 'h', '0', '{default}', '{}', 1, true)",
        B,
    )
    await db.run("UPDATE pgq.maintenance SET last_started_at = now() - interval '2 min', next_due_at = '-infinity'")
    assert await db.reap() == 0

    await held_until(db, "0 s")
    assert await db.reap() == 1

    assert [await db.state(one) for one in (task, remote)] == ["running", "retrying"]


async def held_until(db: Database, when: str) -> None:
    """Let the time of the outage's end be over by so much."""
    await db.run("UPDATE pgq.maintenance SET held_until = clock_timestamp() + %s::interval WHERE duty = 'reaper'", when)


async def test_a_short_gap_is_no_outage(db: Database) -> None:
    await lost(db)
    await db.run("UPDATE pgq.maintenance SET last_started_at = now() - interval '20 s', next_due_at = '-infinity'")

    assert await db.reap() == 1


async def test_the_first_reaper_of_a_new_database_does_not_wait(db: Database) -> None:
    await lost(db)

    assert await db.reap() == 1
