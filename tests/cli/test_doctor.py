"""`pgq doctor`: for each check, the fault is made and named together with its fix."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pgq.doctor import examine, notifications, server, upkeep
from tests.cli import rows
from tests.cli.conftest import Look, Pgq
from tests.server import Databases, DatabaseServer
from tests.until import PATIENCE, until


@pytest.fixture(autouse=True)
def _a_notification_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "PATIENCE", PATIENCE)


@pytest.fixture
def session(dsn: str) -> Iterator[Callable[..., Connection[Any]]]:
    """Opens sessions, in a transaction or not, that are closed after the test."""
    with ExitStack() as closing:

        def open_one(*, autocommit: bool = False) -> Connection[Any]:
            one = psycopg.connect(dsn, autocommit=autocommit)
            closing.callback(one.close)
            return one

        yield open_one


def assert_bad(finding: dict[str, Any], *words: str) -> None:
    """The finding is bad and names these in its detail or its fix."""
    assert list(finding) == ["check", "ok", "detail", "fix"]
    assert finding["ok"] is False
    said = f"{finding['detail']} | {finding['fix']}"
    for word in words:
        assert word in said


def maintain(connection: Connection[Any]) -> None:
    """All duties have just been done."""
    connection.execute(
        "UPDATE pgq.maintenance SET runs = 1, last_started_at = clock_timestamp(),"
        " next_due_at = clock_timestamp() + interval '1 min', failed_at = NULL, failure = NULL"
    )


def name_of(dsn: str) -> str:
    return str(conninfo_to_dict(dsn)["dbname"])


def test_a_healthy_system_is_found_healthy(pgq: Pgq, connection: Connection[Any], database_server: Any) -> None:
    maintain(connection)
    rows.worker(connection, ["echo"])
    rows.submitted(connection)
    ended = pgq("doctor", "--json")
    # The tests' own server need not survive a power cut.
    wrong = [finding for finding in ended.json if not finding["ok"] and finding["check"] != "disk writes"]
    assert wrong == []
    assert [finding["check"] for finding in ended.json] == [
        *examine.OF_THE_SERVER,
        "notifications",
        "schema",
        *examine.OF_THE_SCHEMA,
    ]
    assert {finding["fix"] for finding in ended.json if finding["ok"]} == {None}


def test_the_table_has_a_line_for_each_check(pgq: Pgq, connection: Connection[Any]) -> None:
    ended = pgq("doctor")
    assert ended.code == 1
    header, *lines = ended.out.splitlines()
    assert header.split() == ["CHECK", "FOUND", "WHAT", "TO", "DO"]
    assert len(lines) == len(examine.OF_THE_SERVER) + len(examine.OF_THE_SCHEMA) + 2
    (line,) = (line for line in lines if "maintenance" in line)
    assert line.startswith("BAD")
    assert "start a worker" in line


def test_a_server_that_does_not_answer(pgq_alone: Pgq, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGQ_DATABASE_URL", "postgresql://ada:sesame@127.0.0.1:1/x")
    ended = pgq_alone("doctor", "--json")
    assert ended.code == 1
    (finding,) = ended.json
    assert_bad(finding, "does not answer", "PGQ_DATABASE_URL")
    assert "sesame" not in ended.out + ended.err


def test_an_old_server(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    assert look("server version")["ok"]
    monkeypatch.setattr(server, "OLDEST", 99)
    assert_bad(look("server version"), "older than 99", "upgrade")


def test_a_standby(connection: Connection[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A standby needs a second server: its answer is played."""
    monkeypatch.setattr(server, "sql", lambda _: "SELECT true")
    verdict = server.primary(connection)
    assert not verdict.ok
    assert "target_session_attrs" in str(verdict.fix)


def test_a_server_that_does_not_write_to_disk(look: Look, connection: Connection[Any]) -> None:
    (fsync,) = connection.execute("SELECT current_setting('fsync')").fetchone() or ("?",)
    if fsync == "on":
        pytest.skip("this server is somebody's own, and fsync is on")
    assert_bad(look("disk writes"), "fsync", "ALTER SYSTEM SET fsync = on")


def test_commits_that_wait_for_nothing(look: Look, connection: Connection[Any], dsn: str) -> None:
    assert look("commits")["ok"]
    connection.execute(f'ALTER DATABASE "{name_of(dsn)}" SET synchronous_commit = off')
    assert_bad(look("commits"), "synchronous_commit is off", "SET synchronous_commit = on")


def test_a_limit_on_connections_that_is_nearly_reached(
    look: Look, connection: Connection[Any], dsn: str, session: Any
) -> None:
    connection.execute(f'ALTER DATABASE "{name_of(dsn)}" CONNECTION LIMIT 100')
    assert look("connections")["ok"]
    session()
    connection.execute(f'ALTER DATABASE "{name_of(dsn)}" CONNECTION LIMIT 3')
    assert_bad(look("connections"), "of 3 for the database", "raise the limit of the database")


def test_a_notification_queue_that_nobody_empties(
    look: Look, connection: Connection[Any], session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert look("notification queue")["ok"]
    monkeypatch.setattr(server, "QUEUE_FULL", 0.0)
    listener = session()
    listener.execute("LISTEN anything")
    listener.commit()
    listener.execute("SELECT 1")
    for number in range(10):
        connection.execute("SELECT pg_notify('anything', repeat(%s, 4000))", [str(number)])
    assert_bad(look("notification queue"), "full", "idle_in_transaction_session_timeout")


@pytest.mark.parametrize(("ahead", "words"), [(3_600, "ahead of"), (-3_600, "behind")])
def test_clocks_that_differ(connection: Connection[Any], ahead: float, words: str) -> None:
    assert server.clock(connection).ok
    verdict = server.clock(connection, now=lambda: time.time() + ahead)
    assert not verdict.ok
    assert words in verdict.detail
    assert "NTP" in str(verdict.fix)


def test_an_old_transaction(look: Look, session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert look("old transactions")["ok"]
    monkeypatch.setattr(upkeep, "OLD", 0)
    holder = session()
    holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    holder.execute("SELECT 1")
    pid = holder.info.backend_pid
    assert_bad(look("old transactions"), f"pid {pid}", "idle in transaction", f"pg_terminate_backend({pid})")


def test_without_the_right_to_see_others_the_check_says_so(connection: Connection[Any]) -> None:
    connection.execute("CREATE ROLE short_sighted")
    try:
        connection.execute("SET ROLE short_sighted")
        assert "pg_monitor" in upkeep.old_transactions(connection).detail
        denied = examine.finding("leases", lambda: upkeep.expired_leases(connection))
        assert_bad(denied.to_json(), "cannot look", "owner")
    finally:
        connection.execute("RESET ROLE")
        connection.execute("DROP ROLE short_sighted")


def test_a_forgotten_prepared_transaction(
    look: Look, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (most,) = connection.execute("SELECT current_setting('max_prepared_transactions')").fetchone() or ("0",)
    if most == "0":
        pytest.skip("this server prepares no transactions")
    monkeypatch.setattr(upkeep, "OLD", 0)
    name = f"it's {name_of(connection.info.dsn)}"
    quoted = name.replace("'", "''")
    assert look("prepared transactions")["ok"]
    connection.execute("BEGIN")
    connection.execute("INSERT INTO pgq.queues (name) VALUES ('half')")
    connection.execute(f"PREPARE TRANSACTION '{quoted}'")
    try:
        assert_bad(look("prepared transactions"), name, f"ROLLBACK PREPARED '{quoted}'")
    finally:
        connection.execute(f"ROLLBACK PREPARED '{quoted}'")


def test_notifications_that_arrive_nowhere(
    look: Look, databases: Databases, monkeypatch: pytest.MonkeyPatch, database_server: DatabaseServer
) -> None:
    assert "heard after" in look("notifications")["detail"]
    monkeypatch.setattr(notifications, "PATIENCE", 0.1)
    monkeypatch.setenv("PGQ_DIRECT_URL", make_conninfo(database_server.conninfo))  # another database
    assert_bad(look("notifications"), "not heard", "the same database")
    monkeypatch.setenv("PGQ_DIRECT_URL", "postgresql://127.0.0.1:1/x")
    assert_bad(look("notifications"), "does not answer", "PGQ_DIRECT_URL")


def test_a_pooler_that_swallows_notifications(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "pooled", lambda _: True)
    assert_bad(look("notifications"), "pooler", "PGQ_DIRECT_URL")


def test_a_database_without_the_schema_or_with_a_newer_one(pgq: Pgq, look: Look, connection: Connection[Any]) -> None:
    connection.execute("UPDATE pgq.alembic_version SET version_num = 'beef'")
    assert_bad(look("schema"), "beef", "upgrade pgq-tasks")
    connection.execute("DROP SCHEMA pgq CASCADE")
    assert_bad(look("schema"), "revision none", "pgq migrate")
    assert pgq("doctor", "--json").json[-1]["check"] == "schema"
    connection.execute("CREATE SCHEMA pgq")
    connection.execute("CREATE TABLE pgq.ticks ()")
    assert_bad(look("schema"), "did not create", "another database")


def test_triggers_that_do_not_fire(look: Look, connection: Connection[Any]) -> None:
    assert look("triggers")["ok"]
    connection.execute("ALTER TABLE pgq.tasks DISABLE TRIGGER notify_ready")
    assert_bad(look("triggers"), "notify_ready is disabled", "ENABLE TRIGGER notify_ready")
    connection.execute("DROP TRIGGER accept_task ON pgq.tasks")
    assert_bad(look("triggers"), "accept_task is missing", "migrate --sql")


def test_partitions_that_end_soon(look: Look, connection: Connection[Any]) -> None:
    assert look("partitions")["ok"]
    for ahead, words in ((2, "1 days ahead only"), (0, "today's is missing")):
        (child,) = connection.execute(
            "SELECT 'attempts_' || to_char((now() AT TIME ZONE 'UTC')::date + %s::integer, 'YYYYMMDD')", [ahead]
        ).fetchone() or ("?",)
        connection.execute(f"DROP TABLE pgq.{child}")
        assert_bad(look("partitions"), words, "make_partitions")


def test_a_table_that_is_not_cleaned_up(look: Look, connection: Connection[Any], monkeypatch: Any) -> None:
    assert look("autovacuum")["ok"]
    monkeypatch.setattr(upkeep, "LONGEST_NAPTIME", 0)
    assert_bad(look("autovacuum"), "autovacuum_naptime")
    connection.execute("ALTER TABLE pgq.tasks SET (autovacuum_enabled = off)")
    assert_bad(look("autovacuum"), "off for pgq.tasks", "RESET (autovacuum_enabled)")


def test_dead_rows_that_pile_up(look: Look, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    connection.execute("ALTER TABLE pgq.tasks SET (autovacuum_enabled = off)")
    assert look("dead rows")["ok"]
    monkeypatch.setattr(upkeep, "MOST_DEAD", 5)
    connection.execute("INSERT INTO pgq.tasks (kind) SELECT 'echo' FROM generate_series(1, 100)")
    connection.execute("DELETE FROM pgq.tasks")
    connection.close()  # with its session the server's statistics are complete
    until(lambda: not look("dead rows")["ok"], "the statistics to tell of dead rows")
    assert_bad(look("dead rows"), "100 dead rows", "VACUUM")


def test_maintenance_that_nobody_does(look: Look, connection: Connection[Any]) -> None:
    assert_bad(look("maintenance"), "reaper has never run", "start a worker")
    maintain(connection)
    assert look("maintenance")["ok"]
    connection.execute("UPDATE pgq.maintenance SET next_due_at = now() - interval '1 h' WHERE duty = 'pruner'")
    assert_bad(look("maintenance"), "pruner has been due for 60 min", "start a worker")


def test_maintenance_that_fails_or_is_held_back(look: Look, connection: Connection[Any]) -> None:
    maintain(connection)
    connection.execute("UPDATE pgq.maintenance SET held_until = now() + interval '1 min' WHERE duty = 'reaper'")
    assert_bad(look("maintenance"), "reaper is held back until", "wait until then")
    connection.execute("UPDATE pgq.maintenance SET failed_at = now(), failure = 'disk full' WHERE duty = 'pruner'")
    assert_bad(look("maintenance"), "pruner failed: disk full")


def test_leases_that_nobody_takes_back(look: Look, connection: Connection[Any]) -> None:
    task = rows.running(connection)
    assert look("leases")["ok"]
    connection.execute("UPDATE pgq.tasks SET lease_expires_at = now() - interval '1 h' WHERE id = %s", [task])
    assert_bad(look("leases"), "1 running tasks", "60 min ago", "reap")


def test_workers_that_fell_silent_or_are_missing(look: Look, connection: Connection[Any]) -> None:
    assert look("workers")["ok"]
    rows.submitted(connection)
    assert_bad(look("workers"), "none is alive", "1 tasks", "pgq worker")
    rows.worker(connection, ["echo"], "here")
    assert look("workers")["detail"] == "1 alive"
    rows.worker(connection, ["echo"], "frozen")
    connection.execute("UPDATE pgq.workers SET beat_at = now() - interval '10 min' WHERE name = 'frozen'")
    assert_bad(look("workers"), "1 alive", "frozen (host host, pid 1) for 10 min")


def test_kinds_that_nobody_has(look: Look, connection: Connection[Any]) -> None:
    rows.worker(connection, ["echo"])
    rows.submitted(connection)
    assert look("kinds")["ok"]
    rows.submitted(connection, "lonely", queue="email")
    assert_bad(look("kinds"), "'lonely' (1 in queue 'email')", "handlers")


def test_queues_that_nobody_serves(look: Look, connection: Connection[Any]) -> None:
    rows.worker(connection, ["echo"])
    rows.submitted(connection)
    assert look("queues")["ok"]
    rows.submitted(connection, queue="e mail")
    assert_bad(look("queues"), "'e mail' (1 wait)", "pgq worker MODULE -q 'e mail'")


def test_paused_queues_that_fill_up(pgq: Pgq, look: Look, connection: Connection[Any]) -> None:
    pgq("queues", "pause", "email", "empty")
    assert look("paused queues")["ok"]
    for number in range(7):
        pgq("queues", "pause", f"q{number}")
        rows.submitted(connection, queue=f"q{number}")
    assert_bad(look("paused queues"), "'q0' (1 ready", "and 2 more", "pgq queues resume q0 q1 q2 q3 q4")


def test_schedules_that_do_not_fire(pgq: Pgq, look: Look, connection: Connection[Any]) -> None:
    assert look("schedules")["ok"]
    for name in ("nightly", "full one", "paused"):
        pgq("schedules", "add", name, "@daily", "report", "--jitter", "1h")
    pgq("schedules", "pause", "paused")
    assert look("schedules")["ok"], "its scheduler has a minute to look at a new one"
    connection.execute("UPDATE pgq.schedules SET updated_at = now() - interval '10 min'")
    assert_bad(look("schedules"), "overdue: 'full one' for 10 min, 'nightly' for 10 min | start a worker")
    connection.execute(
        "UPDATE pgq.schedules SET next_tick_at = now() - interval '2 min', due_at = now() + interval '1 min'"
    )
    assert look("schedules")["ok"], "the jitter is not over"
    connection.execute("UPDATE pgq.schedules SET due_at = now() - interval '5 min' WHERE name <> 'full one'")
    assert_bad(look("schedules"), "overdue: 'nightly' for 5 min | start a worker")
    connection.execute("UPDATE pgq.schedules SET error = 'queue x is full' WHERE name <> 'nightly'")
    assert_bad(look("schedules"), "'full one' (queue x is full)", "pgq schedules pause 'full one'")


def test_schedules_of_code_that_no_live_worker_has(pgq: Pgq, look: Look, connection: Connection[Any]) -> None:
    pgq("schedules", "add", "nightly", "@daily", "report")
    connection.execute("UPDATE pgq.schedules SET source = 'code', seen_at = now() - interval '50 s'")
    assert look("schedules")["ok"]
    connection.execute("UPDATE pgq.schedules SET seen_at = now() - interval '10 min'")
    assert_bad(look("schedules"), "'nightly' for 10 min", "start a worker whose app has them")
