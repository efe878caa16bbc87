"""`pgq stress`: what it submits, what it verifies, and that nothing of it stays."""

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection

from pgq.bench.usage import usage_of
from pgq.stress import run as stress_run
from pgq.stress.plan import Ending, plan, planned, shares
from pgq.stress.verify import difference, verify
from tests.cli import rows
from tests.cli.conftest import Pgq, start
from tests.until import PATIENCE, until

NOW = datetime(2030, 1, 31, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _workers_may_take_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pgq.fleet.READY_WITHIN", PATIENCE)
    monkeypatch.setattr("pgq.fleet.STOP_WITHIN", PATIENCE)
    monkeypatch.setattr("pgq.fleet.END_WITHIN", PATIENCE)
    monkeypatch.setattr(stress_run, "PATIENCE", PATIENCE)


def left_in(connection: Connection[Any], table: str) -> int:
    (count,) = connection.execute(f"SELECT count(*) FROM pgq.{table}").fetchone() or (0,)
    return int(count)


def test_every_task_ends_as_it_should(pgq: Pgq, connection: Connection[Any]) -> None:
    ended = pgq("stress", "--tasks", 200, "--failure-rate", "0.3", "--workers", 1, "--json")
    assert ended.code == 0, ended
    report = ended.json
    assert (report["ok"], report["tasks"], report["wrong"], report["leftovers"]) == (True, 200, [], [])
    expected = Counter(one.ending.state for one in plan(200, 0.3, "stress", NOW))
    assert report["endings"] == dict(expected)
    assert report["tasks_per_second"] > 0
    assert "200 of 200 tasks have ended" in ended.err
    for table in ("tasks", "dead_tasks", "workers", "kinds"):
        assert left_in(connection, table) == 0
    assert left_in(connection, "task_history") == expected["succeeded"] + expected["cancelled"]


def test_the_dead_letters_are_kept_when_told(pgq: Pgq, connection: Connection[Any]) -> None:
    ended = pgq("stress", "--tasks", 20, "--failure-rate", 1, "--workers", 1, "--keep")
    assert ended.code == 0, ended
    assert "all 20 tasks ended exactly as they should" in ended.out
    assert f"pgq dlq list --queue {pgq('dlq', 'list', '--json').json[0]['queue']}" in ended.err
    assert left_in(connection, "dead_tasks") > 0


def test_other_peoples_tasks_are_left_alone(pgq: Pgq, connection: Connection[Any]) -> None:
    task = rows.submitted(connection)
    dead = rows.dead(connection)
    assert pgq("stress", "--tasks", 5, "--workers", 1).code == 0
    assert rows.state(connection, task) == "pending"
    assert rows.state(connection, dead) == "dead"


def test_a_database_without_the_schema_is_named(pgq: Pgq, connection: Connection[Any]) -> None:
    connection.execute("DROP SCHEMA pgq CASCADE")
    ended = pgq("stress", "--tasks", 5)
    assert ended.code == 1
    assert "pgq migrate" in ended.err


@pytest.mark.parametrize("words", [["--tasks", "0"], ["--workers", "0"], ["--failure-rate", "1.1"]])
def test_wrong_numbers_are_wrong_usage(pgq: Pgq, words: list[str]) -> None:
    assert pgq("stress", *words).code == 2


def test_without_a_database_it_brings_the_local_one_and_takes_it_along(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PGQ_DATABASE")}
    process = start("stress", "--tasks", 20, "--workers", 1, "--json", env=env, cwd=tmp_path)
    out, err = process.communicate(timeout=2 * PATIENCE)
    assert process.returncode == 0, err
    assert '"ok": true' in out
    gone = start("tasks", "list", env=env, cwd=tmp_path)
    assert "run 'pgq up'" in gone.communicate()[1]


@pytest.fixture
def endless(dsn: str, connection: Connection[Any], tmp_path: Path) -> Any:
    """A stress that is under way."""
    env = {**os.environ, "PGQ_DATABASE_URL": dsn}
    process = start("stress", "--tasks", 10_000_000, "--workers", 1, env=env, cwd=tmp_path)
    until(lambda: process.poll() is not None or left_in(connection, "task_history"), "the first task to end")
    assert process.poll() is None, process.communicate()
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_stress_stops_all_that_it_started(
    endless: "subprocess.Popen[str]", connection: Connection[Any], number: signal.Signals
) -> None:
    family = {one.pid for one in usage_of(endless.pid)} - {endless.pid}
    assert family
    endless.send_signal(number)
    out, _ = endless.communicate(timeout=2 * PATIENCE)
    assert (endless.returncode, out) == (130, "")
    assert [pid for pid in family if usage_of(pid)] == []
    for table in ("tasks", "dead_tasks", "workers", "kinds"):
        assert left_in(connection, table) == 0


def test_workers_that_die_end_it_with_their_last_words(
    endless: "subprocess.Popen[str]", connection: Connection[Any]
) -> None:
    supervisor = next(one.pid for one in usage_of(endless.pid) if one.parent == endless.pid)
    os.kill(supervisor, signal.SIGKILL)
    _, err = endless.communicate(timeout=2 * PATIENCE)
    assert endless.returncode == 1
    assert "the workers ended with exit code -9" in err


def test_the_plan_has_every_fate_and_is_the_same_each_time() -> None:
    first = [(one.task.kind, one.ending, one.cancel) for one in plan(5_000, 0.1, "stress", NOW)]
    assert first == [(one.task.kind, one.ending, one.cancel) for one in plan(5_000, 0.1, "stress", NOW)]
    assert {kind for kind, _, _ in first} == {planned(fate, 1, "stress", NOW).task.kind for fate in shares(0.1)}
    assert {ending.state for _, ending, _ in first} == {"succeeded", "cancelled", "dead"}


@pytest.mark.parametrize("rate", [0.0, 0.1, 1.0])
def test_so_many_fail_as_are_to(rate: float) -> None:
    assert sum(shares(rate).values()) == pytest.approx(1)
    failing = sum(one.ending.failures > 0 for one in plan(2_000, rate, "stress", NOW))
    assert failing == pytest.approx(2_000 * rate, abs=60)


def row(**changes: Any) -> dict[str, Any]:
    """A task that ended well at its first attempt."""
    usual = {"state": "succeeded", "attempt": 1, "failures": 0, "result": 7, "error": None, "run_at": NOW}
    return {**usual, **changes}


WELL = Ending("succeeded", 1, result=7)


@pytest.mark.parametrize(
    ("expected", "found", "words"),
    [
        (WELL, [], "lost"),
        (WELL, [row(), row(state="dead")], "there 2 times: succeeded, dead"),
        (WELL, [row(state="running")], "running at attempt 1"),
        (WELL, [row(attempt=2)], "succeeded at attempt 2"),
        (WELL, [row(failures=1)], "after 1 failures"),
        (WELL, [row(result=8)], "with result 8"),
        (Ending("dead", 1, 1, error="Bury"), [row(state="dead", failures=1, result=None, error="Oops")], "(Oops)"),
        (Ending("succeeded", 1, result=7, later_than=NOW), [row()], "not put off"),
    ],
)
def test_whatever_is_wrong_with_a_task_is_noticed(expected: Ending, found: list[dict[str, Any]], words: str) -> None:
    said = difference(expected, found)
    assert said is not None
    assert words in said


def test_what_is_as_it_should_be_is_no_difference() -> None:
    assert difference(WELL, [row()]) is None
    assert (
        difference(Ending("succeeded", 1, result=7, later_than=NOW), [row(run_at=NOW + timedelta(seconds=1))]) is None
    )
    assert difference(Ending("cancelled", 1), [row(state="cancelled", result=None, error="Cancelled")]) is None


def test_a_task_is_found_in_whatever_table_it_is(connection: Connection[Any]) -> None:
    live, dead, lost = rows.submitted(connection), rows.dead(connection), uuid4()
    done = rows.ended(connection, result=7)
    verdict = verify(connection, {live: WELL, dead: WELL, lost: WELL, done: WELL})
    found = {one.id: one.found for one in verdict.wrong}
    assert found == {live: "pending at attempt 0", dead: "dead at attempt 4 (ValueError)", lost: "lost"}
    assert verdict.endings == {"pending": 1, "dead": 1, "succeeded": 1}


def test_a_wrong_ending_fails_the_command_and_is_told(
    pgq: Pgq, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stress_run, "left_over", lambda *_: iter(["1 workers are still in the table of workers"]))
    monkeypatch.setattr(stress_run, "submit", one_is_expected_otherwise(stress_run.submit))
    ended = pgq("stress", "--tasks", 5, "--failure-rate", 0, "--workers", 1)
    assert ended.code == 1
    assert "of 5 tasks 1 did not end as they should" in ended.out
    assert "it should be dead at attempt 9" in ended.out
    assert "still in the table" in ended.out


def one_is_expected_otherwise(submit: Callable[..., Any]) -> Callable[..., Any]:
    """The same submit, with a wrong expectation of the first task."""

    def wrongly(*arguments: Any) -> Any:
        (first, _), *others = submit(*arguments)
        return [(first, Ending("dead", 9)), *others]

    return wrongly
