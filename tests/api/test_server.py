"""`pgq api` from outside: what bad clients can do, and how it starts."""

import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import psycopg
import pytest
import trustme
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from pgq.db.migrate import upgrade
from tests.api.processes import ApiProcess, all_of, api_process
from tests.server import Databases
from tests.until import PATIENCE, until

HEAD = b"POST /v1/tokens HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def shared_dsn(databases: Databases, template: str) -> Iterator[str]:
    """A database for the processes that several tests talk to."""
    conninfo = databases.create(template)
    yield conninfo
    databases.drop(str(conninfo_to_dict(conninfo)["dbname"]))


@pytest.fixture(scope="module")
def process(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiProcess]:
    """A process that waits for slow clients as long as these tests do: what it refuses, it refuses for what it is."""
    with api_process(shared_dsn, tmp_path_factory.mktemp("api"), header_seconds=PATIENCE) as process:
        yield process


@pytest.fixture(scope="module")
def impatient(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiProcess]:
    """A process that has little patience."""
    with api_process(shared_dsn, tmp_path_factory.mktemp("api"), header_seconds=1) as process:
        yield process


def status_of(answer: bytes) -> int:
    found = re.match(rb"HTTP/1.1 (\d{3}) ", answer)
    assert found, answer
    return int(found[1])


def test_a_chunked_body_of_a_gigabyte_is_stopped_early(process: ApiProcess) -> None:
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    sent = 0
    with process.connect() as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(1024):
                connection.sendall(chunk)
                sent += len(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = all_of(connection)
    assert sent < 100_000_000
    assert status_of(answer) == 413
    assert b'"code":"too_large"' in answer
    assert process.get("/health/live").status_code == 200


def test_a_body_that_comes_at_once_has_its_limit_too(dsn: str, tmp_path: Path) -> None:
    with api_process(dsn, tmp_path, max_body_bytes=1_024) as process, process.connect() as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n401\r\n" + b" " * 1_025 + b"\r\n0\r\n\r\n")
        answer = connection.recv(65_536)
    assert status_of(answer) == 413


def test_a_body_that_is_announced_too_long_is_refused_unread(process: ApiProcess) -> None:
    with process.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 1000000000\r\n\r\n")
        answer = all_of(connection)
    assert status_of(answer) == 413
    assert b"connection: close" in answer.lower()


def test_who_has_no_token_sends_no_body(dsn: str, tmp_path: Path) -> None:
    with api_process(dsn, tmp_path, auth="required") as process, process.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
        answer = all_of(connection)  # and the connection is closed, whose body nobody will read
    assert status_of(answer) == 401


@pytest.mark.parametrize("beginning", [b"", b"GE", b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "])
def test_a_client_that_does_not_come_to_the_point_is_cut_off(impatient: ApiProcess, beginning: bytes) -> None:
    with impatient.connect() as connection:
        connection.sendall(beginning)
        assert all_of(connection) == b""


def test_a_head_that_trickles_is_cut_off_on_a_used_connection_too(impatient: ApiProcess) -> None:
    with impatient.connect() as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        answer = b""
        while b"live" not in answer:
            answer += connection.recv(65_536)
        assert status_of(answer) == 200
        connection.sendall(b"GET /health/live HTTP/1.1\r\n")
        assert all_of(connection) == b""


def test_a_body_that_pauses_is_given_up(impatient: ApiProcess) -> None:
    with impatient.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
        answer = all_of(connection)
    assert status_of(answer) == 408
    assert b'"code":"too_slow"' in answer


def test_a_body_that_trickles_is_given_up(impatient: ApiProcess) -> None:
    ended = threading.Event()

    def trickle(connection: socket.socket) -> None:
        while not ended.wait(0.3):
            try:
                connection.sendall(b" ")
            except OSError:
                return

    with impatient.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
        thread = threading.Thread(target=trickle, args=[connection])
        thread.start()
        answer = all_of(connection)
        ended.set()
        thread.join()
    assert status_of(answer) == 408


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Large: " + b"x" * 200_000,  # one header that does not end
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X-Many: x\r\n" * 10_000 + b"\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ],
)
def test_a_head_that_is_too_large_is_refused(process: ApiProcess, head: bytes) -> None:
    with process.connect() as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before all of it was sent
            connection.sendall(head)
        answer = all_of(connection)
    assert status_of(answer) == 431
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "head_too_large"


def test_what_is_no_http_is_told_so(process: ApiProcess) -> None:
    with process.connect() as connection:
        connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        answer = all_of(connection)
    assert status_of(answer) == 400
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "bad_request"


def test_https_and_client_certificates(dsn: str, tmp_path: Path) -> None:
    authority, strangers = trustme.CA(), trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1")
    files = {name: tmp_path / f"{name}.pem" for name in ("cert", "key", "ca")}
    server.cert_chain_pems[0].write_to_path(files["cert"])
    server.private_key_pem.write_to_path(files["key"])
    authority.cert_pem.write_to_path(files["ca"])

    def as_client(own: trustme.LeafCert | None) -> ssl.SSLContext:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        if own is not None:
            own.configure_cert(context)
        return context

    words = ["--tls-cert", str(files["cert"]), "--tls-key", str(files["key"])]
    with api_process(dsn, tmp_path, *words) as process:
        answer = process.get("/health/live", verify=as_client(None))
        assert answer.status_code == 200
        assert answer.headers["strict-transport-security"]
    with api_process(dsn, tmp_path, *words, "--tls-client-ca", str(files["ca"])) as process:
        known = as_client(authority.issue_cert("client@example.com"))
        assert process.get("/health/live", verify=known).status_code == 200
        for refused in (as_client(None), as_client(strangers.issue_cert("client@example.com"))):
            with pytest.raises((httpx2.ReadError, httpx2.ConnectError, httpx2.RemoteProtocolError)):
                process.get("/health/live", verify=refused)


def test_it_starts_before_the_database_is_there_and_is_red_while_it_is_away(
    databases: Databases, tmp_path: Path
) -> None:
    name = "pgq_test_later_" + os.urandom(6).hex()
    with api_process(databases.conninfo(name), tmp_path) as process:
        assert process.get("/health/live").status_code == 200
        away = process.get("/health/ready")
        assert (away.status_code, away.json()["code"]) == (503, "database_unavailable")
        health = process.get("/health")
        assert (health.status_code, health.json()["status"]) == (503, "unhealthy")

        conninfo = databases.create()
        given = str(conninfo_to_dict(conninfo)["dbname"])
        try:
            with psycopg.connect(databases.conninfo("postgres"), autocommit=True) as admin:
                rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
                admin.execute(rename.format(sql.Identifier(given), sql.Identifier(name)))
                unmigrated = process.get("/health/ready")
                assert unmigrated.status_code == 503
                assert "pgq migrate" in unmigrated.json()["detail"]
                upgrade(databases.conninfo(name))
                until(lambda: process.get("/health/ready").status_code == 200, "it to be ready")

                allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
                admin.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
                admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
                assert process.get("/health/ready").status_code == 503
                admin.execute(allow.format(sql.Identifier(name), sql.SQL("true")))
                until(lambda: process.get("/health/ready").status_code == 200, "it to be ready again")
        finally:
            databases.drop(name)
            databases.drop(given)


def command(*words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PGQ_")}
    environment = {**kept, **{f"PGQ_{name.upper()}": value for name, value in settings.items()}}
    return subprocess.run(
        [sys.executable, "-m", "pgq", *words], env=environment, capture_output=True, text=True, timeout=2 * PATIENCE
    )


@pytest.mark.parametrize("which", ["api", "up"])
def test_a_port_that_is_taken_is_said_in_one_line(which: str, dsn: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = command(which, "--port", str(port), database_url=dsn)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert f"port {port}" in line
    assert "--port" in line


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("--host", "0.0.0.0", "--auth", "off"), "PGQ_AUTH=required"),
        (("--tls-key", "key.pem"), "PGQ_TLS_CERT"),
        (("--tls-cert", "no-such-file.pem"), "PGQ_TLS_CERT"),
        (("--host", "no.such.host.invalid"), "PGQ_HOST"),
        (("--auth", "maybe"), "PGQ_AUTH"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(words: tuple[str, ...], remedy: str, dsn: str) -> None:
    ended = command("api", "--port", "0", *words, database_url=dsn)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert remedy in line


def test_beyond_loopback_a_token_is_needed_without_saying_so(dsn: str, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("a-token-from-a-file\n")
    with api_process(dsn, tmp_path, "--host", "0.0.0.0", admin_token_file=secret) as process:
        url = process.url.replace("0.0.0.0", "127.0.0.1")
        assert httpx2.get(f"{url}/v1/version", timeout=PATIENCE).status_code == 401
        known = {"Authorization": "Bearer a-token-from-a-file"}
        assert httpx2.get(f"{url}/v1/version", headers=known, timeout=PATIENCE).status_code == 200


def test_no_secret_is_ever_logged(dsn: str, tmp_path: Path) -> None:
    with api_process(dsn, tmp_path, auth="required", admin_token="the-admin-secret", log_level="debug") as process:
        admin = {"Authorization": "Bearer the-admin-secret"}
        body = {"name": "x", "scopes": ["read"]}
        made = httpx2.post(f"{process.url}/v1/tokens", json=body, headers=admin, timeout=PATIENCE).json()
        guess = "pgq_0123456789abcdef_" + "G" * 43
        for token in (made["token"], guess):
            process.get("/v1/version", headers={"Authorization": f"Bearer {token}"})
        assert process.stop() == 0
        for secret in ("the-admin-secret", made["token"].split("_", 2)[2], "G" * 43):
            assert secret not in process.said()
