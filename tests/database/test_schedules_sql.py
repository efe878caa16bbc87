"""Schedules that operators write with SQL: what is refused, and what a change does."""

from typing import Any

import psycopg
import pytest

from tests.schedules import make, make_due, row, ticks
from tests.verbs import Database


async def test_an_insert_is_enough_and_the_first_tick_is_the_next_one_from_now(db: Database) -> None:
    await make(db, cron="*/5 * * * *", next_tick_at="2020-01-01Z")
    assert await db.tick("scheduler") == 0
    found = await row(db)
    assert await db.value(
        "SELECT %s > clock_timestamp() AND %s < now() + interval '5 min 5 s'", *2 * [found["next_tick_at"]]
    )
    assert (found["timezone"], found["misfire"], found["overlap"], found["source"]) == ("UTC", "once", "allow", "user")
    assert await ticks(db) == []


@pytest.mark.parametrize(
    ("columns", "refused"),
    [
        ({"cron": "* * * *"}, "cron: must have five fields"),
        ({"cron": "@"}, "cron: must have five fields"),
        ({"cron": "* * * * * * *"}, "cron: must have five fields"),
        ({"cron": ""}, "cron: must have five fields"),
        ({"cron": f"{'1,' * 100}1 * * * *"}, "schedule_cron_length"),
        ({"timezone": "Mars/Base"}, "timezone: 'Mars/Base' is not a time zone"),
        ({"name": ""}, "schedule_name"),
        ({"name": "a\nb"}, "schedule_name"),
        ({"kind": ""}, "schedule_kind_length"),
        ({"payload": "[]"}, "schedule_payload"),
        ({"queue": ""}, "schedule_queue_length"),
        ({"priority": 10}, "schedule_priority"),
        ({"misfire": "twice"}, "schedule_misfire"),
        ({"overlap": "queue"}, "schedule_overlap"),
        ({"jitter_seconds": -1}, "schedule_jitter_range"),
        ({"jitter_seconds": float("nan")}, "schedule_jitter_range"),
        ({"source": "me"}, "schedule_source"),
        ({"source": "code"}, "schedule_seen"),
    ],
)
async def test_what_cannot_be_is_refused_and_the_reason_named(
    db: Database, columns: dict[str, Any], refused: str
) -> None:
    with pytest.raises(psycopg.Error, match=refused):
        await make(db, **columns)


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "294276-01-01Z"])
async def test_no_moment_that_nobody_could_read_gets_in(db: Database, moment: str) -> None:
    """One such row would keep all others from the scheduler, and from whoever lists them."""
    await make(db)
    columns = await db.rows(
        "SELECT column_name AS name FROM information_schema.columns"
        " WHERE table_schema = 'pgq' AND table_name = 'schedules' AND column_name LIKE '%%\\_at'"
    )
    assert len(columns) == 8
    for column in columns:
        if column["name"] != "updated_at":  # the trigger's own
            with pytest.raises(psycopg.errors.CheckViolation, match="schedule_times"):
                await db.run(f"UPDATE pgq.schedules SET {column['name']} = %s", moment)


async def test_a_shorter_jitter_holds_for_the_tick_that_waits(db: Database) -> None:
    await make(db, jitter_seconds=86_400, due=5)
    await db.run("UPDATE pgq.schedules SET due_at = now() + interval '12 h'")
    await db.run("UPDATE pgq.schedules SET jitter_seconds = 60")
    assert await db.value("SELECT due_at - next_tick_at <= interval '60 s' FROM pgq.schedules")
    assert await db.tick("scheduler") == 0
    await db.run("UPDATE pgq.schedules SET jitter_seconds = 0")
    assert await db.tick("scheduler") == 1


@pytest.mark.parametrize("change", ["cron = '0 0 1 6 *'", "timezone = 'Asia/Tokyo'"])
async def test_another_time_counts_from_now_on(db: Database, change: str) -> None:
    await make(db, due=3_600)
    await db.run(f"UPDATE pgq.schedules SET {change}")
    assert (await row(db))["next_tick_at"] is None
    assert await db.tick("scheduler") == 0
    assert await db.value("SELECT next_tick_at > clock_timestamp() FROM pgq.schedules")
    assert await ticks(db) == []


async def test_what_it_submits_can_be_changed_without_losing_its_tick(db: Database) -> None:
    await make(db, due=1)
    await db.run("UPDATE pgq.schedules SET kind = 'shout', payload = '{\"x\": 1}', queue = 'q', priority = 9")
    assert await db.tick("scheduler") == 1
    (task,) = await db.rows("SELECT kind, payload, queue, priority FROM pgq.tasks")
    assert task == {"kind": "shout", "payload": {"x": 1}, "queue": "q", "priority": 9}


async def test_what_is_left_out_is_filled_in_from_the_kind(db: Database) -> None:
    await db.run("INSERT INTO pgq.kinds (kind, queue, priority) VALUES ('echo', 'reports', 7)")
    await make(db, due=1)
    await db.tick("scheduler")
    assert await db.rows("SELECT queue, priority FROM pgq.tasks") == [{"queue": "reports", "priority": 7}]


async def test_ticks_of_a_pause_are_gone_and_not_missed(db: Database) -> None:
    await make(db, misfire="all", due=10)
    await db.run("UPDATE pgq.schedules SET paused_at = now()")
    assert await db.tick("scheduler") == 0
    await db.run("UPDATE pgq.schedules SET paused_at = NULL")
    assert await db.tick("scheduler") == 0
    assert await db.value("SELECT next_tick_at > clock_timestamp() FROM pgq.schedules")


async def test_one_that_is_deleted_and_made_again_fires_no_tick_twice(db: Database) -> None:
    await make(db, due=1)
    await db.tick("scheduler")
    (tick,) = await ticks(db)
    await db.run("DELETE FROM pgq.schedules")
    await make(db)
    await make_due(db, "s", tick)
    assert await db.tick("scheduler") == 0
    assert await ticks(db) == [tick]
    assert await db.value("SELECT next_tick_at > clock_timestamp() FROM pgq.schedules")


@pytest.mark.parametrize("cron", ["61 * * * *", "0 0 31 2 *", "a b c d e", "@never"])
async def test_a_cron_that_cannot_be_read_says_so_in_its_row_and_stops_no_other(db: Database, cron: str) -> None:
    await make(db, "bad", cron)
    await make(db, "bad too", due=5)
    await db.run("ALTER TABLE pgq.schedules DISABLE TRIGGER USER")
    await db.run("UPDATE pgq.schedules SET cron = %s, timezone = 'Nowhere/Land' WHERE name = 'bad too'", cron)
    await make(db, "good", due=1)
    assert await db.tick("scheduler") == 1
    assert len(await ticks(db, "good")) == 1
    assert (await row(db, "bad"))["error"].startswith("cron: ")
    assert (await row(db, "bad too"))["error"].startswith("timezone: ")
    assert (await row(db, "bad"))["error_at"] is not None


async def test_one_that_was_mended_fires_again_and_its_error_is_gone(db: Database) -> None:
    await make(db, cron="61 * * * *")
    await db.tick("scheduler")
    assert (await row(db))["error"]
    await db.run("UPDATE pgq.schedules SET cron = '* * * * *'")
    found = await row(db)
    assert (found["error"], found["error_at"]) == (None, None)
    await db.tick("scheduler")
    assert (await row(db))["next_tick_at"] is not None
