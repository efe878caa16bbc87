"""What the scheduler makes of ticks: one task each, named after its tick; and what it makes of those it missed."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from tests.schedules import YEARLY, make, make_due, row, ticks
from tests.verbs import Database, duty, take_turn

NEW_YEARS = [datetime(year, 1, 1, tzinfo=UTC) for year in range(2020, datetime.now(UTC).year + 1)]


async def test_a_tick_makes_one_task_that_is_named_after_it(db: Database) -> None:
    await make(db, "morning report", payload='{"x": [1]}')
    tick = await make_due(db, "morning report", 2)

    changed, (task,) = await take_turn(db.connection, duty("scheduler"))

    assert changed == 1
    found = await db.task(task)
    assert (found["kind"], found["payload"], found["run_at"], found["state"]) == ("echo", {"x": [1]}, tick, "pending")
    assert found["headers"]["schedule"] == "morning report"
    assert datetime.fromisoformat(found["headers"]["scheduled_for"]) == tick
    assert await ticks(db, "morning report") == [tick]
    after = await row(db, "morning report")
    assert (after["last_tick_at"], after["last_task_id"]) == (tick, task)
    assert after["next_tick_at"] == datetime(datetime.now(UTC).year + 1, 1, 1, tzinfo=UTC)


async def test_what_is_not_due_is_left_alone(db: Database) -> None:
    await make(db, due=-60)
    before = await row(db)
    assert await db.tick("scheduler") == 0
    assert await row(db) == before


@pytest.mark.parametrize(
    ("misfire", "fired"), [("skip", []), ("once", NEW_YEARS[-1:]), ("all", NEW_YEARS)], ids=["skip", "once", "all"]
)
async def test_after_an_outage_over_several_ticks_the_policy_decides(
    db: Database, misfire: str, fired: list[datetime]
) -> None:
    await make(db, misfire=misfire, due=NEW_YEARS[0])
    assert await db.tick("scheduler") == len(fired)
    assert await ticks(db) == fired
    assert await db.tick("scheduler") == 0
    assert await db.value("SELECT next_tick_at > clock_timestamp() FROM pgq.schedules")


@pytest.mark.parametrize("misfire", ["skip", "once", "all"])
async def test_a_tick_that_is_a_little_late_is_not_missed(db: Database, misfire: str) -> None:
    await make(db, misfire=misfire, due=30)
    assert await db.tick("scheduler") == 1


async def test_what_is_too_much_for_one_turn_goes_on_in_the_next(db: Database) -> None:
    await make(db, "each second", "* * * * * *", misfire="all", due=1_500)
    await make(db, "other", due=1)
    assert await db.tick("scheduler") == 501
    assert len(await ticks(db, "other")) == 1
    assert await db.tick("scheduler") == 1_000
    while await db.tick("scheduler"):
        pass
    found = await ticks(db, "each second")
    assert {(later - earlier).total_seconds() for earlier, later in pairwise(found[1:])} == {1}


async def test_an_outage_of_a_year_costs_a_schedule_of_seconds_nothing(db: Database) -> None:
    await make(db, cron="* * * * * *", misfire="once", due=365 * 86_400)
    assert 1 <= await db.tick("scheduler") <= 8


async def test_no_task_is_made_while_the_last_one_lives_if_overlap_says_skip(db: Database) -> None:
    await make(db, overlap="skip", due=3)
    assert await db.tick("scheduler") == 1
    claimed = await db.claim_one()
    second = await make_due(db, "s", 2)
    assert await db.tick("scheduler") == 0
    assert await db.value("SELECT task_id IS NULL FROM pgq.schedule_ticks WHERE tick_at = %s", second)
    assert (await row(db))["last_task_id"] == claimed.id

    await db.ends(claimed)
    third = await make_due(db, "s", 1)
    assert await db.tick("scheduler") == 1
    assert (await row(db))["last_tick_at"] == third


async def test_of_several_ticks_at_once_only_the_first_makes_a_task_if_overlap_says_skip(db: Database) -> None:
    await make(db, overlap="skip", misfire="all", due=NEW_YEARS[0])
    assert await db.tick("scheduler") == 1
    assert await ticks(db) == NEW_YEARS[:1]
    assert await db.value("SELECT count(*) FROM pgq.schedule_ticks") == len(NEW_YEARS)


async def test_jitter_holds_a_tick_back_and_its_task_still_names_the_tick(db: Database) -> None:
    await make(db, "often", "* * * * *", jitter_seconds=3_600)
    for number in range(20):
        await make(db, f"n{number}", jitter_seconds=60)
    await db.tick("scheduler")
    held = await db.rows("SELECT name, extract(epoch FROM due_at - next_tick_at)::float8 AS by FROM pgq.schedules")
    assert all(0 <= one["by"] <= 60 for one in held)  # never longer than until the next tick
    assert len({one["by"] for one in held}) > 10

    await db.run("UPDATE pgq.schedules SET next_tick_at = now() - interval '50 s' WHERE name = 'n0'")
    assert await db.tick("scheduler") == 0
    await db.run("UPDATE pgq.schedules SET due_at = now() WHERE name = 'n0'")
    assert await db.tick("scheduler") == 1
    assert len(await ticks(db, "n0")) == 1


async def test_a_full_queue_keeps_one_schedule_from_firing_and_no_other(db: Database) -> None:
    await db.run("INSERT INTO pgq.queues (name, max_depth) VALUES ('full', 1)")
    await db.submit(queue="full")
    await make(db, "into the full one", queue="full", misfire="all")
    tick = await make_due(db, "into the full one", 1)
    for number in range(5):
        await make(db, f"n{number}", due=1)

    await run_ticker(db)

    assert [len(await ticks(db, f"n{number}")) for number in range(5)] == [1] * 5
    stuck = await row(db, "into the full one")
    assert stuck["error"].startswith("queue full is full")
    assert stuck["next_tick_at"] == tick
    await run_ticker(db)  # not again before a minute is over
    assert (await row(db, "into the full one"))["error_at"] == stuck["error_at"]

    await db.run("DELETE FROM pgq.tasks WHERE queue = 'full'")
    await db.run("UPDATE pgq.schedules SET error_at = error_at - interval '1 min'")
    await run_ticker(db)
    assert await ticks(db, "into the full one") == [tick]
    assert (await row(db, "into the full one"))["error"] is None


async def run_ticker(db: Database) -> None:
    """One look of a process at what is due."""
    from pgq.maintenance.duties import duties
    from pgq.maintenance.ticker import Ticker
    from tests.verbs import A

    await db.run("UPDATE pgq.maintenance SET next_due_at = '-infinity' WHERE duty = 'scheduler'")
    await Ticker(db.conninfo, A, duties(lease=60, kind_grace=86_400), retention=7 * 86_400).tick(db.connection)


async def test_code_that_no_worker_has_shown_of_late_does_not_fire_until_it_is_back(db: Database) -> None:
    await make(db, source="code", due=NEW_YEARS[0], seen_at="2020-01-01Z")
    assert await db.tick("scheduler") == 0
    await db.run("UPDATE pgq.schedules SET seen_at = now() + interval '1 h'")  # before the clock was put back
    assert await db.tick("scheduler") == 0
    await db.run("UPDATE pgq.schedules SET seen_at = clock_timestamp()")
    assert await db.tick("scheduler") == 1
    assert await ticks(db) == NEW_YEARS[-1:]  # once: what was missed meanwhile


async def test_ticks_are_forgotten_with_the_history_but_the_newest_of_each_schedule(db: Database) -> None:
    await make(db, misfire="all", due=NEW_YEARS[0])
    await db.tick("scheduler")
    await db.run("INSERT INTO pgq.schedule_ticks SELECT 'gone', tick_at FROM pgq.schedule_ticks")
    await db.run("INSERT INTO pgq.schedule_ticks VALUES ('gone', now())")
    assert await db.tick("pruner", retention=3_600) == 2 * len(NEW_YEARS) - 1
    kept = await db.rows("SELECT schedule FROM pgq.schedule_ticks ORDER BY schedule")
    assert [one["schedule"] for one in kept] == ["gone", "s"]


async def test_schedules_of_code_that_is_gone_for_long_are_forgotten(db: Database) -> None:
    for name, source, days in (("old", "code", 8), ("young", "code", 6), ("mine", "user", 8)):
        await make(db, name, YEARLY, source=source, seen_at=datetime.now(UTC))
        await db.run("UPDATE pgq.schedules SET seen_at = now() - make_interval(days => %s) WHERE name = %s", days, name)
    await db.tick("pruner")
    assert await db.value("SELECT array_agg(name ORDER BY name) FROM pgq.schedules") == ["mine", "young"]
