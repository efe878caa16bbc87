"""`pgq bench`: that it measures, tells and judges. What the figures are depends on the machine, and is not tested."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, cast

import pytest

from pgq.bench import api, drain, fan_in, footprint, latency, measurements, order, schedules, snapshot, submit, usage
from pgq.bench import server as bench_server
from pgq.bench.figure import Figure
from pgq.fleet import FleetFailed, fleet
from tests.cli.conftest import Pgq, start
from tests.server import DatabaseServer
from tests.until import PATIENCE

FAST = Figure("drain, 1 process", 0.7, 0.6, True, "7 tasks/s; the bare SQL loop does 10")
SLOW = Figure("insert to start, p50", 3.0, 2.6, False, "3 ms; a bare INSERT's NOTIFY takes 1 ms", "times as long")


@pytest.fixture(autouse=True)
def _workers_may_take_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pgq.fleet.READY_WITHIN", PATIENCE)
    monkeypatch.setattr("pgq.fleet.STOP_WITHIN", PATIENCE)
    monkeypatch.setattr("pgq.fleet.END_WITHIN", PATIENCE)


@pytest.fixture
def on_the_tests_server(database_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def own_server() -> Iterator[str]:
        yield database_server.conninfo

    monkeypatch.setattr(bench_server, "own_server", own_server)


@pytest.fixture
def measured(on_the_tests_server: None, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Two measurements that are quick; what they were asked for."""
    asked: list[tuple[str, int]] = []

    def measurement(name: str, *figures: Figure) -> Any:
        def measure(_server: str, rounds: int) -> Iterator[Figure]:
            asked.append((name, rounds))
            yield from figures

        return measure

    monkeypatch.setattr(
        measurements,
        "MEASUREMENTS",
        {"fast": measurement("fast", FAST), "slow": measurement("slow", SLOW, FAST)},
    )
    return asked


def test_all_is_measured_in_three_rounds_and_a_missed_goal_fails(pgq_alone: Pgq, measured: Any) -> None:
    ended = pgq_alone("bench", "--json")
    assert ended.code == 1
    assert measured == [("fast", 3), ("slow", 3)]
    assert [figure["met"] for figure in ended.json] == [True, False, True]
    assert ended.json[1] == {
        "name": "insert to start, p50",
        "value": 3.0,
        "unit": "times as long",
        "goal": 2.6,
        "at_least": False,
        "met": False,
        "detail": "3 ms; a bare INSERT's NOTIFY takes 1 ms",
    }


def test_some_are_measured_as_often_as_told(pgq_alone: Pgq, measured: Any) -> None:
    ended = pgq_alone("bench", "fast", "fast", "--rounds", "1")
    assert (ended.code, measured) == (0, [("fast", 1)])
    header, line = ended.out.splitlines()
    assert header.split()[:3] == ["FIGURE", "MEASURED", "GOAL"]
    assert line.split()[0] == "ok"
    assert "0.70 times as fast  ≥ 0.6 times as fast" in line


def test_what_was_measured_before_a_ctrl_c_is_told(
    pgq_alone: Pgq, measured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_server: str, _rounds: int) -> Iterator[Figure]:
        yield SLOW
        raise KeyboardInterrupt

    monkeypatch.setitem(cast("dict[str, Any]", measurements.MEASUREMENTS), "slow", interrupted)
    ended = pgq_alone("bench", "--json")
    assert ended.code == 130
    assert [figure["name"] for figure in ended.json] == [FAST.name, SLOW.name]


def test_a_measurement_that_does_not_exist_is_wrong_usage(pgq_alone: Pgq) -> None:
    ended = pgq_alone("bench", "drains")
    assert ended.code == 2
    assert "'drains'" in ended.err
    assert "drain, submit, latency" in ended.err
    assert pgq_alone("bench", "--rounds", "0").code == 2


@pytest.mark.parametrize(
    ("value", "goal", "at_least", "met"),
    [(1, 1, True, True), (1, 1, False, True), (0, 1, True, False), (2, 1, False, False)],
)
def test_a_goal_is_met_when_it_is_reached(value: float, goal: float, at_least: bool, met: bool) -> None:
    assert Figure("", value, goal, at_least, "").met is met


SMALL: dict[ModuleType, dict[str, float]] = {
    drain: {"TASKS": 200},
    submit: {"BULK": 200, "SLICE": 5, "SLICES": 2},
    latency: {"TRIES": 5},
    snapshot: {"TASKS": 200, "PACED_SECONDS": 0.2},
    footprint: {"IDLE_SECONDS": 0.1, "SETTLE_SECONDS": 0.0, "RUNNING": 20},
    schedules: {"SCHEDULES": 60, "SECONDS": 0.1, "SETTLE_SECONDS": 0.0},
    order: {"TASKS": 30, "RUN_SECONDS": 0.01, "BACKLOG": 100, "URGENT": 1},
    fan_in: {"TASKS": 20},
    api: {"CONNECTIONS": 2, "SECONDS": 0.05, "BATCH_TASKS": 10, "WARM": 10, "MEMORY_REQUESTS": 10},
}


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("drain", ["drain, 1 process", "drain, 2 processes"]),
        ("submit", ["bulk submit", "single INSERT, notify trigger on"]),
        ("latency", ["insert to start, p50", "insert to start, p99"]),
        ("snapshot", ["drain under an old snapshot", "half load under an old snapshot"]),
        ("idle", ["idle worker, CPU", "idle worker, memory"]),
        ("running", ["20 running async tasks, memory"]),
        ("fairness", ["fairness, smallest share", "fairness, largest share"]),
        ("urgency", ["urgency, priority 9 in a backlog"]),
        ("schedules", ["60 schedules kept by one process, CPU"]),
        ("fan-in", ["fan-in, submitted", "fan-in, run"]),
        (
            "api",
            [
                "single submit over HTTP, to no database",
                "single submit over HTTP, to an INSERT each",
                "batch submit over HTTP",
                "memory of the API",
            ],
        ),
    ],
)
def test_every_measurement_measures(
    name: str, figures: Sequence[str], database_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, sizes in SMALL.items():
        for constant, size in sizes.items():
            monkeypatch.setattr(module, constant, size)
    found = list(measurements.MEASUREMENTS[name](database_server.conninfo, 1))
    assert [figure.name for figure in found] == figures
    assert all(figure.value >= 0 and figure.detail for figure in found)


def test_it_brings_a_durable_server_of_its_own() -> None:
    with bench_server.own_server() as conninfo, bench_server.connected(conninfo) as connection:
        settings = connection.execute(
            "SELECT current_setting('fsync'), current_setting('synchronous_commit')"
        ).fetchone()
        assert settings == ("on", "on")
        assert "pgq-bench-" in conninfo


def test_usage_counts_a_process_and_its_children() -> None:
    child = start("version", "--help")
    try:
        family = {one.pid: one for one in usage.usage_of(os.getpid())}
        assert family[child.pid].parent == os.getpid()
        assert family[os.getpid()].cpu > 0
        assert family[os.getpid()].resident > 1_000_000
    finally:
        child.communicate()
    assert usage.usage_of(child.pid) == []


@pytest.mark.skipif(shutil.which("ps") is None, reason="ps is not installed")
def test_usage_is_the_same_by_ps_where_there_is_no_proc() -> None:
    me = next(one for one in usage.from_ps() if one.pid == os.getpid())
    assert me.parent == os.getppid()
    assert me.resident > 1_000_000


@pytest.mark.parametrize(("time", "seconds"), [("0:01.50", 1.5), ("01:02:03", 3_723), ("1-00:00:01", 86_401)])
def test_the_times_of_ps_are_read(time: str, seconds: float) -> None:
    assert usage.seconds_of(time) == seconds


def test_a_fleet_that_cannot_work_says_why(dsn: str) -> None:
    with fleet(dsn, "no_such_module") as workers, bench_server.connected(dsn) as connection:  # noqa: SIM117
        with pytest.raises(FleetFailed, match="no_such_module"):
            workers.wait_for_workers(connection, "default", 1)


def test_a_fleet_leaves_nothing_behind(dsn: str) -> None:
    with fleet(dsn, "-q", "default") as workers, bench_server.connected(dsn) as connection:
        workers.wait_for_workers(connection, "default", 1)
        processes = {one.pid for one in usage.usage_of(workers.pid)}
        assert len(processes) >= 1
    left = processes & {one.pid for one in usage.usage_of(os.getpid())}
    assert left == set()
