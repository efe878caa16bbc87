"""`pgq tokens` from the outside."""

from typing import Any

import pytest
from psycopg import Connection

from pgq.values.token import read_token
from tests.cli.conftest import Pgq


def test_a_token_is_shown_once_and_listed_without_its_secret(pgq: Pgq, connection: Connection[Any]) -> None:
    made = pgq("tokens", "create", "--name", "mail", "--scope", "submit", "--scope", "read", "-q", "mail-*", "--json")
    token = read_token(made.json["token"])
    assert token is not None
    assert made.json["id"] == token.id
    listed = pgq("tokens", "list", "--json")
    (one,) = listed.json
    assert (one["name"], one["scopes"], one["queues"]) == ("mail", ["submit", "read"], ["mail-*"])
    assert token.secret not in listed.out
    assert token.secret not in pgq("tokens", "list").out


def test_for_people_the_token_alone_is_data(pgq: Pgq) -> None:
    made = pgq("tokens", "create", "--name", "mail", "--scope", "read", "--expires", "90d")
    assert read_token(made.out.strip()) is not None
    assert "not shown again" in made.err
    (one,) = pgq("tokens", "list", "--json").json
    assert one["expires_at"] is not None


@pytest.mark.parametrize(
    "words",
    [
        ("--name", "x", "--scope", "everything"),
        ("--name", "", "--scope", "read"),
        ("--name", "x"),
        ("--scope", "read"),
        ("--name", "x", "--scope", "read", "--expires", "soon"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(pgq: Pgq, words: tuple[str, ...]) -> None:
    assert pgq("tokens", "create", *words).code == 2
    assert pgq("tokens", "list", "--json").json == []


def test_a_rotated_token_keeps_its_id_and_a_revoked_one_is_not_rotated(pgq: Pgq) -> None:
    made = pgq("tokens", "create", "--name", "x", "--scope", "read", "--json").json
    rotated = pgq("tokens", "rotate", made["id"], "--grace", "1h", "--json").json
    assert rotated["id"] == made["id"]
    assert rotated["token"] != made["token"]
    assert pgq("tokens", "revoke", made["id"]).code == 0
    assert pgq("tokens", "rotate", made["id"]).code == 1
    assert pgq("tokens", "revoke", "0123456789abcdef").code == 1


def test_what_is_done_at_the_command_line_is_in_the_audit_log(pgq: Pgq, connection: Connection[Any]) -> None:
    made = pgq("tokens", "create", "--name", "x", "--scope", "read", "--json").json
    pgq("tokens", "revoke", made["id"])
    rows = connection.execute("SELECT actor, action, target FROM pgq.audit_log ORDER BY id").fetchall()
    assert [row[1:] for row in rows] == [("token.create", made["id"]), ("token.revoke", made["id"])]
    assert rows[0][0].startswith("command line")
