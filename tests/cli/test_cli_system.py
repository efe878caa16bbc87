"""`pgq queues`, `workers`, `migrate`, `check` and `version`."""

import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict

from pgq.db.migrate import head_revision
from tests.cli import rows
from tests.cli.conftest import Pgq
from tests.server import Databases


def test_queues_list_counts_and_shows_what_nobody_can_run(pgq: Pgq, connection: Connection[Any]) -> None:
    rows.submitted(connection, queue="email")
    rows.submitted(connection, "lonely", queue="email")
    rows.worker(connection, ["echo"])
    listed = pgq("queues", "list", "--json")
    (queue,) = listed.json
    assert (queue["queue"], queue["pending"], queue["ready"], queue["paused"]) == ("email", 2, 2, False)
    assert "no live worker has the kind 'lonely' and none ever had" in listed.err
    assert "'echo'" not in listed.err
    header, line = pgq("queues", "list").out.splitlines()
    assert header.split()[0] == "QUEUE"
    assert line.split()[:2] == ["email", "2"]


def test_pause_and_resume(pgq: Pgq) -> None:
    assert pgq("queues", "pause", "email", "sms").out == "email is paused\nsms is paused\n"
    paused = {queue["queue"]: queue["paused"] for queue in pgq("queues", "list", "--json").json}
    assert paused == {"email": True, "sms": True}
    assert pgq("queues", "resume", "email", "other").out == "email is resumed\nother was not paused\n"
    until = pgq("queues", "pause", "email", "--until", "2999-01-01T00:00:00Z", "--json").json
    assert until == {"queue": "email", "paused": True, "paused_until": "2999-01-01T00:00:00.000000Z"}
    assert "until" in pgq("queues", "pause", "email", "--for", "5m").out


@pytest.mark.parametrize(
    "words",
    [
        [],
        [""],
        ["email", "--until", "2001-01-01T00:00:00Z"],
        ["email", "--until", "2999-01-01T00:00:00"],
        ["email", "--for", "-1"],
        ["email", "--for", "5m", "--until", "2999-01-01T00:00:00Z"],
    ],
)
def test_a_wrong_pause_is_wrong_usage(pgq: Pgq, words: list[str]) -> None:
    assert pgq("queues", "pause", *words).code == 2
    assert pgq("queues", "list", "--json").json == []


def test_queues_set_sets_what_is_named_and_none_takes_it_back(pgq: Pgq) -> None:
    assert pgq("queues", "set", "email", "--max-depth", "5", "--timeout", "2m").out == (
        "email: max_depth 5, timeout_seconds 120.0, retention_seconds -\n"
    )
    (queue,) = pgq("queues", "set", "email", "--retention", "1d", "--max-depth", "none", "--json").lines
    assert (queue["max_depth"], queue["timeout_seconds"], queue["retention_seconds"]) == (None, 120, 86_400)
    assert pgq("queues", "list", "--json").json == [queue]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--max-depth", "0"],
        ["--max-depth", "many"],
        ["--timeout", "soon"],
        ["--retention", "5m"],
        ["--weight", "2"],
    ],
)
def test_a_wrong_setting_is_wrong_usage(pgq: Pgq, words: list[str]) -> None:
    ended = pgq("queues", "set", "email", *words)
    assert (ended.code, ended.out) == (2, "")
    assert pgq("queues", "list", "--json").json == []


def test_workers_list_shows_the_live_ones(pgq: Pgq, connection: Connection[Any]) -> None:
    none = pgq("workers", "list", "--json")
    assert none.json == []
    assert "no worker is alive" in none.err
    rows.worker(connection, ["echo"], "here")
    rows.worker(connection, ["echo"], "silent")
    connection.execute("UPDATE pgq.workers SET beat_at = now() - interval '16 s' WHERE name = 'silent'")
    (worker,) = pgq("workers", "list", "--json").json
    assert (worker["name"], worker["kinds"], worker["busy"], worker["capacity"]) == ("here", ["echo"], 0, 10)
    assert worker["started_at"].endswith("Z")
    assert (worker["listener"], worker["listener_since"]) == (None, None)
    connection.execute("UPDATE pgq.workers SET listener = 'polling', listener_since = now()")
    (worker,) = pgq("workers", "list", "--json").json
    assert worker["listener"] == "polling"
    assert worker["listener_since"].endswith("Z")
    header, line = pgq("workers", "list").out.splitlines()
    assert "LISTENER" in header
    assert "here" in line
    assert "polling" in line


@pytest.fixture
def empty(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The URL of a database without pgq's schema."""
    conninfo = databases.create()
    monkeypatch.setenv("PGQ_DATABASE_URL", conninfo)
    yield conninfo
    databases.drop(str(conninfo_to_dict(conninfo)["dbname"]))


def test_migrate_goes_up_once_and_down_only_when_told(pgq_alone: Pgq, empty: str) -> None:
    assert "pgq migrate" in pgq_alone("tasks", "list").err
    assert pgq_alone("migrate", "--json").json == {"revision": head_revision(), "was": "base"}
    assert pgq_alone("migrate").out == f"the database is at revision {head_revision()}\n"
    asked = pgq_alone("migrate", "--to", "base")
    assert asked.code == 2
    assert "--yes" in asked.err
    assert pgq_alone("migrate", "--to", "base", "--yes", "--json").json["revision"] == "base"
    with psycopg.connect(empty) as connection:
        assert connection.execute("SELECT to_regclass('pgq.tasks')").fetchone() == (None,)
    assert pgq_alone("migrate", "--to", "base").code == 0


def test_migrate_prints_sql_without_a_database(pgq_alone: Pgq) -> None:
    printed = pgq_alone("migrate", "--sql")
    assert printed.code == 0
    assert "CREATE TABLE pgq.tasks" in printed.out


def test_migrate_refuses_unknown_revisions_and_foreign_schemas(pgq_alone: Pgq, empty: str) -> None:
    unknown = pgq_alone("migrate", "--to", "9999")
    assert unknown.code == 2
    assert "9999" in unknown.err
    with psycopg.connect(empty) as connection:
        connection.execute("CREATE SCHEMA pgq")
        connection.execute("CREATE TABLE pgq.ticks ()")
    foreign = pgq_alone("migrate")
    assert foreign.code == 1
    assert "did not create" in foreign.err


def test_migrate_waits_for_a_database_no_longer_than_told(pgq_alone: Pgq, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGQ_DATABASE_URL", "postgresql://ada:sesame@127.0.0.1:1/x")
    ended = pgq_alone("migrate", "--wait", "0.2s")
    assert (ended.code, ended.out) == (1, "")
    assert "does not answer" in ended.err
    assert "sesame" not in ended.err
    assert len(ended.err.splitlines()) <= 2


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes a module into the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # to which loading an app adds the folder

    def write(name: str, text: str) -> str:
        (tmp_path / f"{name}.py").write_text(text)
        return name

    return write


def test_check_is_green_when_everything_is_in_place(pgq: Pgq, module: Any) -> None:
    name = module("green_tasks", "import pgq\nqueue = pgq.App()\n@queue.task(queue='email')\ndef send(to: str): ...\n")
    ended = pgq("check", name, "--json")
    assert (ended.code, ended.json["ok"]) == (0, True)
    details = {one["check"]: one["detail"] for one in ended.json["checks"]}
    assert list(details) == ["settings", "app", "database", "schema", "partitions"]
    assert details["app"] == "green_tasks: send (email)"
    assert pgq("check").code == 0


def test_check_reads_the_schedules_of_the_code(pgq: Pgq, module: Any) -> None:
    text = "import pgq\nqueue = pgq.App()\n@queue.schedule('@daily', payload={})\n"
    text += "@queue.task\ndef send(to: str{}): ...\n"
    good = pgq("check", module("good_schedules", text.format("{}", " = 'ada'")))
    assert (good.code, "; schedules: send (@daily, UTC)" in good.out) == (0, True)
    bad = pgq("check", module("bad_schedules", text.format("{'to': 5}", "")))
    assert (bad.code, "of schedule 'send'" in bad.out) == (1, True)


def test_check_is_red_with_the_remedy(
    pgq: Pgq, module: Any, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = module("red_tasks", "import pgq\nqueue = pgq.App()\nraise ValueError('broken')\n")
    connection.execute(
        "DO $$ BEGIN EXECUTE (SELECT format('DROP TABLE pgq.%I', relname) FROM pg_class"
        " WHERE relname = 'attempts_' || to_char((now() AT TIME ZONE 'UTC')::date + 2, 'YYYYMMDD')); END $$"
    )
    ended = pgq("check", name)
    assert ended.code == 1
    assert "ValueError: broken" in ended.out
    assert "only 1 days ahead" in ended.out
    connection.execute("UPDATE pgq.alembic_version SET version_num = 'beef'")
    assert "upgrade pgq-tasks" in pgq("check").out
    connection.execute("DROP SCHEMA pgq CASCADE")
    assert "pgq migrate" in pgq("check").out
    monkeypatch.setenv("PGQ_CONCURRENCY", "many")
    assert "PGQ_CONCURRENCY" in pgq("check").out


def test_version_is_shown_with_and_without_a_server(pgq: Pgq, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = pgq("version", "--json").json
    assert list(versions) == ["pgq", "python", "psycopg", "server"]
    assert versions["server"]
    monkeypatch.setenv("PGQ_DATABASE_URL", "postgresql://127.0.0.1:1/x")
    alone = pgq("version", "--json")
    assert (alone.code, alone.json["server"]) == (0, None)
    assert pgq("--version").out.startswith("pgq ")
