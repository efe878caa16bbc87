"""`pgq doctor` on notifications that do not reach a worker, and on a stricter isolation than pgq needs."""

from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.cli import rows
from tests.cli.conftest import Look, Pgq
from tests.cli.test_doctor import assert_bad, name_of


def test_workers_that_notifications_do_not_reach(look: Look, connection: Connection[Any]) -> None:
    rows.worker(connection, ["echo"], "old")  # of a version that does not say
    rows.worker(connection, ["echo"], "new")
    for state, since, words in (
        ("listening", "1 h", None),
        ("reconnecting", "10 s", None),
        ("reconnecting", "10 min", ("cannot listen: new (host host, pid 1) for 10 min", "names this database")),
        ("polling", "1 s", ("transaction pooler", "new (host host", "PGQ_DIRECT_URL")),
    ):
        connection.execute(
            "UPDATE pgq.workers SET listener = %s, listener_since = now() - %s::interval WHERE name = 'new'",
            [state, since],
        )
        if words:
            assert_bad(look("listeners"), *words)
        else:
            assert look("listeners")["ok"]


def test_a_stricter_isolation_by_default(look: Look, connection: Connection[Any], dsn: str) -> None:
    assert look("isolation")["ok"]
    connection.execute(f"ALTER DATABASE \"{name_of(dsn)}\" SET default_transaction_isolation = 'serializable'")
    assert_bad(look("isolation"), "serializable", f"IN DATABASE {name_of(dsn)} SET default_transaction_isolation")


def test_a_stricter_isolation_behind_a_pooler(pgq: Pgq, monkeypatch: pytest.MonkeyPatch, dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE \"{name_of(dsn)}\" SET default_transaction_isolation = 'serializable'")
    monkeypatch.setattr("pgq.db.connect.own_session", lambda *_: False)
    (finding,) = pgq("doctor", "--json").json
    assert_bad(finding, "transaction pooler", "run ALTER ROLE")
