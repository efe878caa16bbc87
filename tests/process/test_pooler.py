"""Behind PgBouncer in transaction mode: Debian's 1.18, which knows no prepared statements."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import pgq
from pgq.db.connect import connect, pooled
from pgq.db.embedded import EmbeddedServer
from pgq.db.migrate import upgrade
from pgq.doctor.work import listeners
from pgq.values.errors import SettingsError
from tests.until import until
from tests.workers import ROOT, Fleet

PGBOUNCER = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"

pytestmark = [
    pytest.mark.skipif(not (Path(PGBOUNCER).exists() or os.environ.get("CI")), reason="PgBouncer is not installed"),
    pytest.mark.xdist_group("pooler"),
]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that PgBouncer's user may enter: like PostgreSQL it refuses to be root, and pytest's are private."""
    with tempfile.TemporaryDirectory(prefix="pgq-pooler-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.fixture(scope="module")
def direct(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a second socket that PgBouncer's user may reach."""
    options = {"fsync": "off", "unix_socket_directories": f".,{folder}", "unix_socket_permissions": "0777"}
    server = EmbeddedServer(tmp_path_factory.mktemp("data") / "postgres", die_with_parent=True, options=options)
    conninfo = server.start().conninfo
    upgrade(conninfo)
    yield make_conninfo(conninfo, host=str(folder))
    server.stop()


@pytest.fixture(scope="module")
def behind(direct: str, folder: Path) -> Iterator[str]:
    """The same database through PgBouncer, with two server connections for everybody."""
    server = conninfo_to_dict(direct)
    password = next(line.split(":")[-1] for line in Path(str(server["passfile"])).read_text().splitlines() if line)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        "[databases]\n"
        f"pgq = host={server['host']} port={server['port']} user={server['user']} password={password}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        "pool_mode = transaction\ndefault_pool_size = 2\n"
    )
    as_somebody = ["-u", "nobody"] if os.geteuid() == 0 else []
    said = folder / "said"
    with said.open("wb") as output:
        process = subprocess.Popen([PGBOUNCER, "-q", *as_somebody, str(configuration)], stderr=output)
    conninfo = f"host=127.0.0.1 port={port} dbname=pgq user={server['user']}"

    def answers() -> bool:
        assert process.poll() is None, said.read_text()
        try:
            psycopg.connect(conninfo).close()
        except psycopg.OperationalError:
            return False
        return True

    until(answers, lambda: "PgBouncer to answer")
    yield conninfo
    process.terminate()
    process.wait()


@pytest.fixture
def worker(behind: str, direct: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A worker behind the pooler, with the direct URL or without; gives the file of what it says."""
    extra = {"PGQ_DIRECT_URL": direct} if request.param == "direct" else {}
    said = tmp_path / "said"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "pgq", "worker", "--builtins"],
            cwd=ROOT,
            env={**os.environ, "PGQ_DATABASE_URL": behind, "PGQ_POLL_SECONDS": "0.2", **extra},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    until(lambda: "serves" in said.read_text(), lambda: f"the worker to be ready:\n{said.read_text()}")
    yield said
    process.terminate()
    assert process.wait() == 0, said.read_text()


def shown(direct: str, state: str) -> None:
    """Until the live worker's row says so."""
    with psycopg.connect(direct, autocommit=True) as connection:
        until(
            lambda: connection.execute("SELECT listener FROM pgq.worker_utilization").fetchall() == [(state,)],
            f"a worker that is {state}",
        )


def test_a_pooler_is_noticed(behind: str, direct: str) -> None:
    with connect(behind) as through, connect(direct) as past:
        assert (pooled(through), pooled(past)) == (True, False)


@pytest.mark.parametrize("worker", ["direct", "pooled"], indirect=True)
def test_tasks_are_submitted_and_run_through_a_transaction_pooler(worker: Path, behind: str) -> None:
    with pgq.App(behind) as app:
        handles = [app.submit("echo", {"number": number}) for number in range(50)]
        failing = app.submit("fail", {"message": "no", "times": 1}, max_attempts=1)
        assert [handle.result(timeout=60)["number"] for handle in handles] == list(range(50))
        with pytest.raises(pgq.TaskDead, match="no"):
            failing.result(timeout=60)
    assert "prepared statement" not in worker.read_text()


@pytest.mark.parametrize("worker", ["pooled"], indirect=True)
def test_without_a_direct_url_one_warning_says_that_tasks_are_found_by_polling(
    worker: Path, behind: str, direct: str
) -> None:
    with pgq.App(behind) as app:
        app.submit("echo", {"a": 1}).result(timeout=60)
    shown(direct, "polling")
    with psycopg.connect(direct) as connection:
        verdict = listeners(connection)
    assert not verdict.ok
    assert "PGQ_DIRECT_URL" in str(verdict.fix)
    assert worker.read_text().count("set PGQ_DIRECT_URL") == 1


@pytest.mark.parametrize("worker", ["direct"], indirect=True)
def test_with_a_direct_url_nothing_is_missing(worker: Path, direct: str) -> None:
    shown(direct, "listening")
    assert "set PGQ_DIRECT_URL" not in worker.read_text()


@pytest.fixture
def strict(direct: str) -> Iterator[None]:
    """The pooler's server connections begin with a stricter isolation."""
    user = conninfo_to_dict(direct)["user"]
    with psycopg.connect(direct, autocommit=True) as connection:
        for change in ("SET default_transaction_isolation = 'serializable'", "RESET default_transaction_isolation"):
            connection.execute(f'ALTER ROLE "{user}" {change}')
            connection.execute(
                "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            if change.startswith("SET"):
                yield


def test_a_stricter_isolation_behind_a_pooler_is_refused_with_the_remedy(
    strict: None, behind: str, direct: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=r"run ALTER ROLE .* SET default_transaction_isolation = 'read committed'"):
        connect(behind)
    with pgq.App(behind) as app, pytest.raises(SettingsError):
        app.submit("echo", {})
    fleet = Fleet(behind, tmp_path)
    worker = fleet.start("--builtins")
    assert worker.exit_code() == 1
    assert "default_transaction_isolation is serializable" in worker.said()
    fleet.end()
    with connect(direct) as connection, connection.transaction():
        assert connection.execute("SHOW transaction_isolation").fetchone() == ("read committed",)
