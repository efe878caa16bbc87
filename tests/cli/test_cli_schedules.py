"""`pgq schedules` from the outside."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection

from tests.cli import rows
from tests.cli.conftest import Pgq


def add(pgq: Pgq, name: str = "nightly", *words: str) -> Any:
    ended = pgq("schedules", "add", name, "0 3 * * *", "report", *words, "--json")
    assert ended.code == 0, ended.err
    return ended.json


def in_code(connection: Connection[Any]) -> None:
    """All schedules are now declared by an app's code, which a worker has shown just now."""
    connection.execute("UPDATE pgq.schedules SET source = 'code', seen_at = clock_timestamp()")


def test_add_says_when_it_fires_first(pgq: Pgq) -> None:
    ended = pgq("schedules", "add", "nightly", "0 3 * * *", "report")
    assert ended.code == 0
    assert ended.out.startswith("nightly: first at ")
    assert ended.out.endswith(" 03:00:00Z\n")


def test_add_keeps_what_is_said(pgq: Pgq, tmp_path: Path) -> None:
    made = add(
        pgq, "nightly", '{"n": 1}', "--timezone", "Asia/Kolkata", "-q", "reports", "--priority", "high",
        "--misfire", "all", "--overlap", "skip", "--jitter", "5m",
    )  # fmt: skip
    assert (made["payload"], made["timezone"], made["queue"], made["priority"]) == (
        {"n": 1},
        "Asia/Kolkata",
        "reports",
        8,
    )
    assert (made["misfire"], made["overlap"], made["jitter_seconds"]) == ("all", "skip", 300)
    assert {tick[11:19] for tick in made["next_ticks"]} == {"21:30:00"}
    assert len(made["next_ticks"]) == 10
    assert pgq("schedules", "show", "nightly", "--json").json == made
    assert pgq("schedules", "list", "--json").json == [made]
    (tmp_path / "payload.json").write_text('{"n": 2}')
    assert add(pgq, "from a file", f"@{tmp_path}/payload.json")["payload"] == {"n": 2}
    piped = pgq("schedules", "add", "piped", "@daily", "report", "-", "--json", input='{"n": 3}')
    assert piped.json["payload"] == {"n": 3}


@pytest.mark.parametrize(
    "words",
    [
        ("nightly", "every day", "report"),
        ("nightly", "61 * * * *", "report"),
        ("nightly", "0 3 * * *"),
        ("", "0 3 * * *", "report"),
        ("nightly", "0 3 * * *", ""),
        ("nightly", "0 3 * * *", "report", "[1]"),
        ("nightly", "0 3 * * *", "report", "{"),
        ("nightly", "0 3 * * *", "report", "--timezone", "Europe/Atlantis"),
        ("nightly", "0 3 * * *", "report", "--misfire", "twice"),
        ("nightly", "0 3 * * *", "report", "--overlap", "never"),
        ("nightly", "0 3 * * *", "report", "--jitter", "soon"),
        ("nightly", "0 3 * * *", "report", "--jitter", "2d"),
        ("nightly", "0 3 * * *", "report", "--priority", "11"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(pgq: Pgq, words: tuple[str, ...]) -> None:
    ended = pgq("schedules", "add", *words)
    assert (ended.code, ended.out) == (2, "")
    assert len(ended.err.splitlines()) == 1
    assert pgq("schedules", "list", "--json").json == []


def test_a_name_is_given_once_unless_it_is_to_be_replaced(pgq: Pgq) -> None:
    made = add(pgq)
    again = pgq("schedules", "add", "nightly", "@hourly", "report")
    assert (again.code, again.out) == (1, "")
    assert "nightly" in again.err
    assert "--replace" in again.err
    assert pgq("schedules", "show", "nightly", "--json").json == made
    replaced = pgq("schedules", "add", "nightly", "@hourly", "report", "--replace", "--json").json
    assert (replaced["cron"], replaced["created_at"]) == ("@hourly", made["created_at"])
    assert pgq("schedules", "add", "new", "@hourly", "report", "--replace").code == 0


def test_list_and_show_are_for_people_too(pgq: Pgq, connection: Connection[Any]) -> None:
    connection.execute("INSERT INTO pgq.kinds (kind, queue) VALUES ('report', 'reports')")
    add(pgq, "first")
    add(pgq, "second", "--timezone", "Europe/Paris")
    pgq("schedules", "pause", "first")
    connection.execute(
        "UPDATE pgq.schedules SET error = 'queue reports is full', error_at = clock_timestamp() WHERE name = 'second'"
    )
    listed = pgq("schedules", "list")
    header, newest, oldest = listed.out.splitlines()
    assert header.split()[0] == "NAME"
    assert newest.split()[0] == "second"
    assert " Europe/Paris  report  reports  user    failing  " in newest
    assert " paused  " in oldest
    assert "second: queue reports is full" in listed.err
    shown = pgq("schedules", "show", "second").out
    assert "cron:      0 3 * * * (Europe/Paris)\n" in shown
    assert "error:     queue reports is full\n" in shown
    assert len([line for line in shown.splitlines() if line[11:13] == "20"]) >= 10


def test_pause_and_resume(pgq: Pgq) -> None:
    add(pgq, "a")
    add(pgq, "b")
    assert pgq("schedules", "pause", "a", "b").out == "a is paused\nb is paused\n"
    assert pgq("schedules", "pause", "a").out == "a was paused already\n"
    assert [one["paused"] for one in pgq("schedules", "list", "--json").json] == [True, True]
    (resumed,) = pgq("schedules", "resume", "a", "--json").lines
    assert (resumed["name"], resumed["paused"]) == ("a", False)
    assert pgq("schedules", "resume", "a").out == "a was not paused\n"


def test_run_submits_the_task_now(pgq: Pgq, connection: Connection[Any]) -> None:
    add(pgq, "nightly", '{"n": 1}', "-q", "reports")
    before = datetime.now(UTC)
    task = pgq("schedules", "run", "nightly").out.strip()
    assert rows.state(connection, UUID(task)) == "pending"
    (shown,) = pgq("schedules", "run", "nightly", "--json").lines
    assert (shown["kind"], shown["payload"], shown["queue"]) == ("report", {"n": 1}, "reports")
    assert shown["headers"]["schedule"] == "nightly"
    assert abs(datetime.fromisoformat(shown["run_at"]) - before).total_seconds() < 60


def test_remove_forgets_it_and_one_that_is_unknown_stops_no_other(pgq: Pgq) -> None:
    add(pgq, "a")
    add(pgq, "b")
    ended = pgq("schedules", "remove", "a", "nobody", "b")
    assert (ended.code, ended.out) == (1, "a is removed\nb is removed\n")
    assert "nobody" in ended.err
    assert pgq("schedules", "list", "--json").json == []
    for verb in ("show", "remove", "pause", "resume", "run"):
        gone = pgq("schedules", verb, "a")
        assert (gone.code, gone.out) == (1, "")
        assert "'a'" in gone.err


def test_what_code_declares_is_changed_there(pgq: Pgq, connection: Connection[Any]) -> None:
    add(pgq)
    in_code(connection)
    for words in (("add", "nightly", "@hourly", "report", "--replace"), ("remove", "nightly")):
        refused = pgq("schedules", *words)
        assert (refused.code, refused.out) == (1, "")
        assert "code" in refused.err
    assert pgq("schedules", "pause", "nightly").code == 0
    assert pgq("schedules", "run", "nightly").code == 0
    shown = pgq("schedules", "show", "nightly", "--json").json
    assert (shown["source"], shown["cron"], shown["paused"]) == ("code", "0 3 * * *", True)


def test_what_no_live_worker_has_in_its_code_is_unseen_and_can_be_removed(
    pgq: Pgq, connection: Connection[Any]
) -> None:
    add(pgq)
    in_code(connection)
    assert " code    active " in pgq("schedules", "list").out
    connection.execute("UPDATE pgq.schedules SET seen_at = now() - interval '2 min'")
    assert " code    unseen " in pgq("schedules", "list").out
    assert pgq("schedules", "remove", "nightly").code == 0


def test_hidden_fields_are_not_shown(pgq: Pgq, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGQ_REDACT", "password")
    add(pgq, "nightly", '{"password": "hunter2"}')
    for words in (
        ("list", "--json"),
        ("show", "nightly"),
        ("run", "nightly", "--json"),
        ("pause", "nightly", "--json"),
    ):
        shown = pgq("schedules", *words)
        assert "hunter2" not in shown.out
        assert "[redacted]" in shown.out


def test_every_change_is_in_the_audit_log_as_one_over_http_is_and_no_payload(
    pgq: Pgq, connection: Connection[Any]
) -> None:
    add(pgq, "nightly", '{"password": "hunter2"}', "-q", "reports")
    pgq("schedules", "add", "nightly", "@daily", "report", "--replace")
    pgq("schedules", "add", "other", "@daily", "report", "--replace")
    pgq("schedules", "add", "other", "@daily", "report")
    pgq("schedules", "pause", "nightly")
    pgq("schedules", "resume", "nightly", "nobody")
    task = pgq("schedules", "run", "nightly").out.strip()
    pgq("schedules", "remove", "nightly", "nobody")
    written = connection.execute("SELECT action, target, details FROM pgq.audit_log ORDER BY id").fetchall()
    assert written == [
        ("schedule.create", "nightly", {"cron": "0 3 * * *", "kind": "report", "queue": "reports"}),
        ("schedule.replace", "nightly", {"cron": "@daily", "kind": "report"}),
        ("schedule.create", "other", {"cron": "@daily", "kind": "report"}),
        ("schedule.pause", "nightly", {}),
        ("schedule.resume", "nightly", {}),
        ("schedule.run", "nightly", {"task": task}),
        ("schedule.delete", "nightly", {}),
    ]
    (actors,) = connection.execute("SELECT array_agg(DISTINCT actor) FROM pgq.audit_log").fetchall()
    assert [actor.partition(" (")[0] for actor in actors[0]] == ["command line"]


def test_without_its_line_in_the_audit_log_nothing_is_changed(pgq: Pgq, connection: Connection[Any]) -> None:
    add(pgq)
    connection.execute("ALTER TABLE pgq.audit_log ADD CONSTRAINT full_disk CHECK (false) NOT VALID")
    before = connection.execute("SELECT * FROM pgq.schedules").fetchall()
    for words in (
        ("add", "new", "@daily", "x"),
        ("add", "nightly", "@daily", "x", "--replace"),
        ("pause", "nightly"),
        ("run", "nightly"),
        ("remove", "nightly"),
    ):
        assert pgq("schedules", *words).code == 1
    assert connection.execute("SELECT * FROM pgq.schedules").fetchall() == before
    assert connection.execute("SELECT count(*) FROM pgq.tasks").fetchone() == (0,)
