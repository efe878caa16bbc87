"""Real workers with a schedule of every second: one task per tick, none missing, through kill -9 and a crash."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from pgq.db.migrate import upgrade
from pgq.operate.schedules import pause_schedule, run_schedule
from tests.restartable import RestartableServer, restartable_server
from tests.schedules import ODD
from tests.tasks import Tasks, tasks_of
from tests.until import until
from tests.workers import Fleet

APP = "tests.process.schedule_app"
NAME = "each second"
SECONDS = 4
"""Ticks between two deaths."""


@pytest.fixture
def fleet(dsn: str, tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(dsn, tmp_path)
    try:
        yield fleet
    finally:
        fleet.end()


@pytest.fixture
def server() -> Iterator[RestartableServer]:
    with restartable_server() as server:
        yield server


def ticked(fleet: Fleet) -> dict[str, set[str]]:
    """By tick, the tasks that the outside log has of it."""
    found: dict[str, set[str]] = defaultdict(set)
    for event in fleet.outside.events("ticked"):
        found[event.facts["tick"]].add(event.facts["task"])
    return found


def until_ticked(fleet: Fleet, count: int) -> None:
    until(lambda: len(ticked(fleet)) >= count, lambda: f"{count} ticks; the workers said:\n{fleet.said()[-3000:]}")


def verify(tasks: Tasks, fleet: Fleet) -> None:
    """Each second from the first tick to the last has one task, by the database and by the log."""
    pause_schedule(tasks.connection, NAME)
    tasks.all_ended()
    assert tasks.connection.execute(ODD.encode()).fetchall() == []
    recorded = tasks.connection.execute(
        "SELECT tick_at, task_id FROM pgq.schedule_ticks WHERE schedule = %s ORDER BY tick_at", [NAME]
    ).fetchall()
    first, last = recorded[0][0], recorded[-1][0]
    assert [tick for tick, _ in recorded] == [first + timedelta(seconds=n) for n in range(len(recorded))]
    assert last - first == timedelta(seconds=len(recorded) - 1)
    assert {datetime.fromisoformat(tick): ids for tick, ids in ticked(fleet).items()} == {
        tick: {str(task)} for tick, task in recorded
    }


def test_three_workers_that_are_killed_fire_every_second_once(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        for _ in range(3):
            fleet.start(APP)
        for death in range(1, 5):
            until_ticked(fleet, death * SECONDS)
            fleet.workers[death - 1].kill()
            fleet.start(APP)
        until_ticked(fleet, len(ticked(fleet)) + SECONDS)
        verify(tasks, fleet)


def test_a_crash_of_the_server_costs_no_tick_that_is_made_up_for(server: RestartableServer, tmp_path: Path) -> None:
    upgrade(server.conninfo)
    fleet = Fleet(server.conninfo, tmp_path)
    try:
        for _ in range(2):
            fleet.start(APP)
        until_ticked(fleet, SECONDS)
        for _ in range(2):
            server.crash()
            server.start()
            until_ticked(fleet, len(ticked(fleet)) + SECONDS)
        with tasks_of(fleet.conninfo) as tasks:
            verify(tasks, fleet)
    finally:
        fleet.end()


def test_what_code_declares_is_published_and_shown_and_a_users_row_wins(fleet: Fleet) -> None:
    with psycopg.connect(fleet.conninfo, autocommit=True) as connection, tasks_of(fleet.conninfo) as tasks:
        connection.execute("INSERT INTO pgq.schedules (name, cron, kind) VALUES ('each second', '@yearly', 'mine')")
        connection.execute(
            "INSERT INTO pgq.schedules (name, cron, kind, source, seen_at, paused_at)"
            " VALUES ('new year', '@daily', 'tick', 'code', '2026-01-01Z', '2026-01-01Z')"
        )
        worker = fleet.start(APP).wait_until_ready()
        found = connection.execute(
            "SELECT name, cron, kind, source, paused_at IS NOT NULL, seen_at > clock_timestamp() - interval '1 min'"
            " FROM pgq.schedules ORDER BY name"
        ).fetchall()
        assert found == [
            ("each second", "@yearly", "mine", "user", False, None),
            ("new year", "@yearly", "tick", "code", True, True),
        ]
        assert worker.said().count("schedule each second is a user's") == 1

        task = run_schedule(connection, "new year")
        row = tasks.ended(task)
        assert (row.state, row.result) == ("succeeded", "happy new year")
        (event,) = fleet.outside.events("ticked")
        due = connection.execute("SELECT headers ->> 'scheduled_for' FROM pgq.task_status").fetchone()
        assert due is not None
        assert datetime.fromisoformat(event.facts["tick"]) == datetime.fromisoformat(due[0])

        connection.execute("DELETE FROM pgq.schedules WHERE name = 'new year'")
        count = "SELECT count(*) = 1 FROM pgq.schedules WHERE name = 'new year' AND source = 'code'"
        until(lambda: tasks.value(count), "the worker to enter it again")
