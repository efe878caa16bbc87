"""Tokens: scopes, expiry, rotation, revocation; only hashes are kept; the audit log."""

from typing import Any

import httpx2
import psycopg
import pytest
from psycopg import Connection

from pgq.api import access
from pgq.api.app import create_app
from tests.api.conftest import ADMIN_TOKEN, Secured, client_on, running

pytestmark = pytest.mark.asyncio


async def test_without_a_token_there_is_no_entry(secured: Secured) -> None:
    nobody = await secured.client_with(None)
    answer = await nobody.get("/v1/version")
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert (await nobody.get("/health/live")).status_code == 200


@pytest.mark.parametrize(
    "token", ["x", "pgq_0123456789abcdef_" + "a" * 43, "pgq_0123456789abcdef_short", ADMIN_TOKEN + "x", "\x80"]
)
async def test_a_made_up_token_is_refused(secured: Secured, token: str) -> None:
    nobody = await secured.client_with(None)
    answer = await nobody.get("/v1/version", headers=[(b"Authorization", f"Bearer {token}".encode("latin-1"))])
    assert answer.status_code == 401


async def test_the_right_id_with_another_secret_is_refused(secured: Secured) -> None:
    token, other = await secured.token("read"), await secured.token("read")
    mixed = "_".join([*token.split("_")[:2], other.split("_", 2)[2]])
    assert (await (await secured.client_with(mixed)).get("/v1/version")).status_code == 401


async def test_a_token_works_with_its_scope_only(secured: Secured) -> None:
    reader = await secured.client("read")
    assert (await reader.get("/v1/version")).status_code == 200
    refused = await reader.get("/v1/tokens")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


async def test_only_the_hash_of_a_secret_is_kept(secured: Secured, connection: Connection[Any]) -> None:
    token = await secured.token("read")
    secret = token.split("_", 2)[2]
    rows = connection.execute("SELECT t::text FROM pgq.api_tokens t UNION ALL SELECT a::text FROM pgq.audit_log a")
    assert not any(secret in row[0] for row in rows)
    assert secret not in (await secured.admin.get("/v1/tokens")).text


async def test_a_revoked_token_is_refused_at_once_by_every_process(secured: Secured, dsn: str) -> None:
    token = await secured.token("read")
    other = create_app(secured.app.state.services.settings, conninfo=dsn)
    async with running(other, token=token) as there:
        assert (await there.get("/v1/version")).status_code == 200
        assert (await secured.admin.delete(f"/v1/tokens/{token.split('_')[1]}")).status_code == 204
        assert (await there.get("/v1/version")).status_code == 401


async def test_a_token_expires(secured: Secured, connection: Connection[Any]) -> None:
    reader = await secured.client("read", expires_in_seconds=3600)
    assert (await reader.get("/v1/version")).status_code == 200
    connection.execute("UPDATE pgq.api_tokens SET expires_at = clock_timestamp()")
    assert (await reader.get("/v1/version")).status_code == 401


async def test_after_a_rotation_the_old_secret_lasts_as_long_as_its_grace(
    secured: Secured, connection: Connection[Any]
) -> None:
    token = await secured.token("read")
    old = await secured.client_with(token)
    rotated = await secured.admin.post(f"/v1/tokens/{token.split('_')[1]}/rotate", json={"grace_seconds": 600})
    new = await secured.client_with(rotated.json()["token"])
    assert [(await one.get("/v1/version")).status_code for one in (old, new)] == [200, 200]
    connection.execute("UPDATE pgq.api_tokens SET previous_until = clock_timestamp()")
    assert [(await one.get("/v1/version")).status_code for one in (old, new)] == [401, 200]


async def test_a_rotation_without_grace_ends_the_old_secret_now(secured: Secured) -> None:
    token = await secured.token("read")
    old = await secured.client_with(token)
    await secured.admin.post(f"/v1/tokens/{token.split('_')[1]}/rotate", json={"grace_seconds": 0})
    assert (await old.get("/v1/version")).status_code == 401


async def test_tokens_are_listed_newest_first_in_pages(secured: Secured) -> None:
    for number in range(5):
        await secured.token("read", queues=[f"q{number}"])
    first = (await secured.admin.get("/v1/tokens", params={"limit": 3})).json()
    rest = (await secured.admin.get("/v1/tokens", params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert [one["queues"] for one in first["items"] + rest["items"]] == [[f"q{n}"] for n in (4, 3, 2, 1, 0)]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    "body",
    [
        {"name": "a", "scopes": []},
        {"name": "a", "scopes": ["everything"]},
        {"name": "", "scopes": ["read"]},
        {"name": "a", "scopes": ["read"], "queues": [""]},
        {"name": "a", "scopes": ["read"], "unknown": 1},
        {"name": "a", "scopes": ["admin"], "queues": ["mail-*"]},
        {"name": "a", "scopes": ["read"], "expires_in_seconds": 5, "expires_at": "2030-01-01T00:00:00Z"},
        {"name": "a", "scopes": ["read"], "expires_at": "2030-01-01T00:00:00"},
        {"name": "a", "scopes": ["read"], "expires_in_seconds": 1e300},
    ],
)
async def test_a_token_that_makes_no_sense_is_not_made(secured: Secured, body: dict[str, Any]) -> None:
    answer = await secured.admin.post("/v1/tokens", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_what_happens_to_tokens_is_in_the_audit_log(secured: Secured) -> None:
    token = await secured.token("read")
    token_id = token.split("_")[1]
    await secured.admin.post(f"/v1/tokens/{token_id}/rotate", json={})
    answer = await secured.admin.delete(f"/v1/tokens/{token_id}", headers={"X-Request-ID": "my-request"})
    entries = (await secured.admin.get("/v1/audit")).json()["items"]
    assert [(one["action"], one["target"]) for one in entries] == [
        ("token.revoke", token_id),
        ("token.rotate", token_id),
        ("token.create", token_id),
    ]
    assert answer.headers["x-request-id"] == entries[0]["request_id"] == "my-request"
    assert (entries[0]["actor"], entries[0]["address"]) == ("PGQ_ADMIN_TOKEN", "127.0.0.1")
    assert entries[0]["at"].endswith("Z")


async def test_a_change_that_fails_leaves_no_line_in_the_audit_log(secured: Secured) -> None:
    assert (await secured.admin.delete("/v1/tokens/0123456789abcdef")).status_code == 404
    assert (await secured.admin.get("/v1/audit")).json()["items"] == []


@pytest.mark.parametrize(
    "change", ["UPDATE pgq.audit_log SET actor = 'x'", "DELETE FROM pgq.audit_log", "TRUNCATE pgq.audit_log"]
)
async def test_not_even_its_owner_changes_the_audit_log(connection: Connection[Any], change: str) -> None:
    connection.execute("INSERT INTO pgq.audit_log (actor, action, target) VALUES ('a', 'b', 'c')")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(change)


async def test_no_role_may_change_the_audit_log(connection: Connection[Any]) -> None:
    granted = connection.execute(
        "SELECT grantee, privilege_type FROM information_schema.role_table_grants"
        " WHERE table_name = 'audit_log' AND grantee LIKE 'pgq%' AND grantee <> current_user"
    ).fetchall()
    assert set(granted) <= {("pgq_admin", "INSERT"), ("pgq_admin", "SELECT")}


async def test_guessing_is_slowed_down_but_stored_tokens_still_pass(
    secured: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "FAILURES_A_SECOND", 0.001)  # no further guess comes up, however long these take
    reader, nobody = await secured.client("read"), await secured.client_with("pgq_0123456789abcdef_" + "a" * 43)
    codes = [(await nobody.get("/v1/version")).status_code for _ in range(21)]
    assert codes == [401] * 20 + [429]
    assert (await reader.get("/v1/version")).status_code == 200
    assert (await secured.admin.get("/v1/version")).status_code == 429  # a right guess is not told either


async def test_while_the_database_is_away_nobody_is_let_in(dsn: str, secured: Secured) -> None:
    token = await secured.token("read")
    nowhere = create_app(secured.app.state.services.settings, conninfo="host=127.0.0.1 port=1 dbname=x user=x")
    async with running(nowhere):
        client: httpx2.AsyncClient
        async with client_on(nowhere, token) as client:
            answer = await client.get("/v1/version")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert answer.headers["retry-after"]
