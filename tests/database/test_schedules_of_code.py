"""Schedules that an app's code declares: published at a worker's start, shown while it lives, and whose they are."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from pgq.db.scheduler import publish_schedules
from pgq.operate.schedules import delete_schedule, pause_schedule, put_schedule, resume_schedule
from pgq.values.errors import ScheduleInCode, ScheduleNotFound
from pgq.values.new_schedule import NewSchedule, new_schedule
from pgq.worker.declared import Declared


@pytest.fixture
def connection(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(dsn, autocommit=True, options="-c lock_timeout=20s") as connection:
        yield connection


def declared(cron: str = "@daily", name: str = "s") -> NewSchedule:
    return new_schedule(name, cron, "echo", {"x": 1})


def rows(connection: psycopg.Connection[Any], columns: str = "name, cron, source") -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT {columns} FROM pgq.schedules ORDER BY name".encode()).fetchall()


def age(connection: psycopg.Connection[Any], by: str) -> None:
    connection.execute("UPDATE pgq.schedules SET seen_at = seen_at - %s::interval", [by])


def test_a_deploy_changes_what_code_says_and_keeps_a_pause_and_what_did_not_change(
    connection: psycopg.Connection[Any],
) -> None:
    Declared([declared(), declared(name="t")]).publish(connection)
    connection.execute("UPDATE pgq.schedules SET next_tick_at = '2998-01-01Z', due_at = '2998-01-01Z'")
    pause_schedule(connection, "s")
    before = rows(connection, "updated_at")

    Declared([declared("@hourly"), declared(name="t")]).publish(connection)

    found = rows(connection, "name, cron, paused_at IS NOT NULL, next_tick_at IS NULL")
    assert found == [("s", "@hourly", True, True), ("t", "@daily", False, False)]
    assert rows(connection, "updated_at")[1] == before[1]


def test_of_two_versions_in_a_deploy_the_one_that_started_last_counts_while_it_lives(
    connection: psycopg.Connection[Any],
) -> None:
    old, new = Declared([declared("@daily")]), Declared([declared("@hourly")])
    old.publish(connection)
    new.publish(connection)
    age(connection, "30 s")
    old.show(connection)
    assert rows(connection, "cron, seen_at > clock_timestamp() - interval '10 s'") == [("@hourly", False)]
    new.show(connection)
    assert rows(connection, "cron, seen_at > clock_timestamp() - interval '10 s'") == [("@hourly", True)]


def test_a_version_that_was_taken_back_gives_way_to_the_one_that_runs_on(connection: psycopg.Connection[Any]) -> None:
    """It started last, and is gone: nobody starts the others anew. They wait for it no longer than it would fire."""
    old, new = Declared([declared("@daily"), declared(name="t")]), Declared([declared("@hourly")])
    old.publish(connection)
    new.publish(connection)
    connection.execute("UPDATE pgq.schedules SET next_tick_at = '2998-01-01Z', due_at = '2998-01-01Z'")
    age(connection, "46 s")
    old.show(connection)
    found = rows(connection, "cron, seen_at > clock_timestamp() - interval '10 s', next_tick_at IS NULL")
    assert found == [("@daily", True, True), ("@daily", True, False)]


def test_a_time_zone_that_only_the_worker_knows_keeps_no_worker_from_its_start(
    connection: psycopg.Connection[Any],
) -> None:
    """A server's own list may be shorter than Python's. If no scheduler knows it either, the row says so."""
    Declared([replace(declared(), timezone="US/Elsewhere")]).publish(connection)
    assert rows(connection, "name, timezone") == [("s", "US/Elsewhere")]


def test_what_is_shown_is_written_four_times_a_minute_at_most(connection: psycopg.Connection[Any]) -> None:
    worker = Declared([declared()])
    worker.publish(connection)
    seen = rows(connection, "seen_at")
    worker.show(connection)
    assert rows(connection, "seen_at") == seen
    age(connection, "16 s")
    worker.show(connection)
    assert rows(connection, "seen_at > clock_timestamp() - interval '10 s'") == [(True,)]


def test_showing_waits_for_nobody(connection: psycopg.Connection[Any], dsn: str) -> None:
    """Or whoever holds a schedule in a transaction would keep the lease keepers from renewing."""
    worker = Declared([declared()])
    worker.publish(connection)
    age(connection, "1 h")
    with psycopg.connect(dsn) as holder:
        holder.execute("SELECT FROM pgq.schedules FOR UPDATE")
        worker.show(connection)
        Declared([declared("@hourly")]).show(connection)
    assert rows(connection, "seen_at < clock_timestamp() - interval '30 min'") == [(True,)]


def test_a_users_schedule_of_the_same_name_stays_until_it_is_deleted(
    connection: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    put_schedule(connection, "s", "@yearly", "mine")
    worker = Declared([declared()])
    worker.publish(connection)
    worker.show(connection)
    assert rows(connection) == [("s", "@yearly", "user")]
    assert caplog.text.count("schedule s is a user's") == 1

    delete_schedule(connection, "s")
    worker.show(connection)
    assert rows(connection) == [("s", "@daily", "code")]


def test_what_live_code_declares_is_changed_there_and_what_is_gone_can_be_taken_over(
    connection: psycopg.Connection[Any],
) -> None:
    publish_schedules(connection, [declared(), declared(name="t")])
    with pytest.raises(ScheduleInCode, match="change it there"):
        put_schedule(connection, "s", "@hourly", "echo")
    with pytest.raises(ScheduleInCode):
        delete_schedule(connection, "s")
    assert pause_schedule(connection, "s")
    assert not pause_schedule(connection, "s")
    assert resume_schedule(connection, "s")
    assert not resume_schedule(connection, "s")

    age(connection, "61 s")
    assert put_schedule(connection, "s", "@hourly", "echo") is False
    delete_schedule(connection, "t")
    assert rows(connection) == [("s", "@hourly", "user")]
    for act in (delete_schedule, pause_schedule, resume_schedule):
        with pytest.raises(ScheduleNotFound):
            act(connection, "none")
