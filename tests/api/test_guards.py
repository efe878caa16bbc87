"""Hosts, origins, proxies, limits and strict bodies, in this process."""

import asyncio
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from pgq.api import paging
from pgq.api.app import create_app
from pgq.values.settings import Settings
from tests.api.conftest import ADMIN_TOKEN, Secured, client_on, running

SAME = {"Host": "127.0.0.1:8000"}


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:8000", "my.localhost", "127.0.0.2"])
async def test_with_auth_off_the_service_is_called_by_the_names_of_this_machine(
    api: httpx2.AsyncClient, host: str
) -> None:
    assert (await api.get("/health/live", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "10.0.0.1", ""]
)
async def test_with_auth_off_a_foreign_host_is_refused(api: httpx2.AsyncClient, host: str) -> None:
    answer = await api.get("/health/live", headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (421, "untrusted_host")


async def test_allowed_hosts_are_all_that_count_where_tokens_are_required() -> None:
    free = create_app(Settings(auth="required"), conninfo="host=127.0.0.1 port=1")
    named = create_app(
        Settings(auth="required", allowed_hosts="q.example, *.q.example"), conninfo="host=127.0.0.1 port=1"
    )
    async with running(free) as anywhere, running(named) as here:
        assert (await anywhere.get("/docs", headers={"Host": "any.example"})).status_code == 200
        assert (await here.get("/health/live", headers={"Host": "10.0.0.1:8000"})).status_code == 200
        codes = [
            (await here.get("/docs", headers={"Host": host})).status_code
            for host in ("q.example", "a.q.example:443", "127.0.0.1", "xq.example")
        ]
    assert codes == [200, 200, 421, 421]


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Proto"])
async def test_with_auth_off_nothing_comes_through_a_proxy(api: httpx2.AsyncClient, name: str) -> None:
    answer = await api.get("/v1/version", headers={name: "1.2.3.4"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_with_auth_off_a_foreign_page_changes_nothing(api: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    body = {"name": "a", "scopes": ["read"]}
    refused = await api.post("/v1/tokens", json=body, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    own = await api.post("/v1/tokens", json=body, headers={"Origin": "http://127.0.0.1:8000"})
    assert own.status_code == 201


async def test_with_a_token_the_origin_does_not_matter(secured: Secured) -> None:
    answer = await secured.admin.post(
        "/v1/tokens", json={"name": "a", "scopes": ["read"]}, headers={"Origin": "https://ui.example"}
    )
    assert answer.status_code == 201


async def test_only_trusted_proxies_say_whose_request_it_is(dsn: str) -> None:
    secret = SecretStr(ADMIN_TOKEN)
    believes = create_app(Settings(auth="required", admin_token=secret, trusted_proxies="127.0.0.0/8"), conninfo=dsn)
    doubts = create_app(Settings(auth="required", admin_token=secret), conninfo=dsn)
    for app in (believes, doubts):
        async with running(app, token=ADMIN_TOKEN) as client:
            await client.post(
                "/v1/tokens",
                json={"name": "a", "scopes": ["read"]},
                headers={"X-Forwarded-For": "6.6.6.6, 203.0.113.9", "X-Forwarded-Proto": "https"},
            )
            entries = (await client.get("/v1/audit")).json()["items"]
    assert [one["address"] for one in entries] == ["127.0.0.1", "203.0.113.9"]


async def test_every_answer_tells_browsers_to_be_careful(api: httpx2.AsyncClient) -> None:
    for path in ("/docs", "/nowhere", "/v1/version", "/static/swagger.js"):
        headers = (await api.get(path)).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "script-src" not in headers["content-security-policy"]  # so it is 'self': no inline scripts
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "strict-transport-security" not in headers


async def test_a_harmless_request_id_is_kept_and_another_replaced(api: httpx2.AsyncClient) -> None:
    kept = await api.get("/nowhere", headers={"X-Request-ID": "abc-123"})
    assert kept.headers["x-request-id"] == kept.json()["request_id"] == "abc-123"
    replaced = await api.get("/nowhere", headers={"X-Request-ID": "a b\t<script>"})
    assert "script" not in replaced.text
    assert len(replaced.headers["x-request-id"]) == 32


NESTED = "[" * 100 + "]" * 100


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"name": "a", "scopes": [', "Expecting value"),
        (b"", "Expecting value"),
        (b'{"name": "a", "name": "b", "scopes": ["read"]}', "the key 'name' stands twice in one object (#)"),
        (b'[{}, {"~": [{"a/b": {"c": 1, "d": 2, "d": 3}}]}]', "the key 'd' stands twice in one object (#/1/~0/0/a~1b)"),
        (b'{"name": "a\\u0000b", "scopes": ["read"]}', "NUL"),
        (b'{"name": "\\ud800", "scopes": ["read"]}', "surrogate"),
        (b'{"name": "\xff", "scopes": ["read"]}', "UTF-8"),
        (b'{"name": 1e400, "scopes": ["read"]}', "out of range"),
        (b'{"name": NaN, "scopes": ["read"]}', "NaN"),
        (b'{"name": ' + b"1" * 5_000 + b"}", "4,300 digits"),
        (f'{{"name": {NESTED}}}'.encode(), "64 levels"),
        (b"[" * 100_000, "nested"),
    ],
)
async def test_json_that_is_not_read_alike_everywhere_is_refused(
    api: httpx2.AsyncClient, body: bytes, said: str
) -> None:
    answer = await api.post("/v1/tokens", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")
    assert said in answer.json()["detail"]


async def test_json_of_64_levels_is_read(api: httpx2.AsyncClient) -> None:
    deepest = "[" * 63 + "]" * 63
    answer = await api.post(
        "/v1/tokens", content=f'{{"name": {deepest}}}', headers={"Content-Type": "application/json"}
    )
    assert answer.json()["code"] == "invalid"


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"])
async def test_another_content_type_is_refused(api: httpx2.AsyncClient, media_type: str) -> None:
    answer = await api.post("/v1/tokens", content=b"{}", headers={"Content-Type": media_type})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_what_a_route_does_not_know_is_named(api: httpx2.AsyncClient) -> None:
    body = await api.post("/v1/tokens", json={"name": "a", "scopes": ["read"], "qeues": ["x"]})
    assert body.json()["errors"][0]["pointer"] == "#/qeues"
    query = await api.get("/v1/tokens", params={"limti": "5"})
    assert query.json()["errors"][0]["pointer"] == "query/limti"


@pytest.mark.parametrize("limit", ["0", "501", "x", "1e3", "99999999999999999999"])
async def test_pages_have_bounds(api: httpx2.AsyncClient, limit: str) -> None:
    for path in ("/v1/tokens", "/v1/audit"):
        answer = await api.get(path, params={"limit": limit})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "query/limit")


@pytest.mark.parametrize("made_up", ["x", "AAAA", "0" * 600, "\x00", "é"])
async def test_a_made_up_cursor_is_refused(api: httpx2.AsyncClient, made_up: str) -> None:
    for path in ("/v1/tokens", "/v1/audit"):
        assert (await api.get(path, params={"cursor": made_up})).status_code == 422


@pytest.mark.parametrize(
    ("path", "name"), [("tasks", "tasks"), ("dlq", "dlq"), ("tokens", "tokens"), ("audit", "audit")]
)
@pytest.mark.parametrize("place", [[], ["x"], ["x", "y"], [["x"]], [{}, 1], ["9" * 40], ["-1"], ["1", "2", "3"]])
async def test_a_cursor_with_a_made_up_place_is_refused(
    api: httpx2.AsyncClient, path: str, name: str, place: list[Any]
) -> None:
    answer = await api.get(f"/v1/{path}", params={"cursor": paging.cursor(name, *place)})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "query/cursor")


async def test_a_rate_limit_holds_for_a_token_across_processes(dsn: str, secured: Secured) -> None:
    settings = Settings(auth="required", rate_limit_token=0.001, rate_limit_burst=5)
    token, other = await secured.token("read"), await secured.token("read")
    apps = [create_app(settings, conninfo=dsn) for _ in range(3)]
    codes: list[int] = []
    for turn in range(9):
        async with client_on(apps[turn % 3], token) as client:
            codes.append((await client.get("/v1/version")).status_code)
    async with client_on(apps[0], other) as client:
        assert (await client.get("/v1/version")).status_code == 200
        limited = await client_with(apps[0], token).get("/v1/version")
    for app in apps:
        await app.state.services.close()
    assert codes == [200] * 5 + [429] * 4
    assert limited.json()["code"] == "rate_limited"
    assert int(limited.headers["retry-after"]) >= 1


def client_with(app: FastAPI, token: str) -> httpx2.AsyncClient:
    return client_on(app, token)


async def test_requests_that_come_together_share_what_the_bucket_gives(dsn: str, secured: Secured) -> None:
    settings = Settings(auth="required", rate_limit_token=0.001, rate_limit_burst=20)
    app, token = create_app(settings, conninfo=dsn), await secured.token("read")
    async with running(app, token=token) as client:
        answers = await asyncio.gather(*(client.get("/v1/version") for _ in range(50)))
    assert sorted(one.status_code for one in answers) == [200] * 20 + [429] * 30


async def test_a_rate_limit_holds_for_an_address(dsn: str) -> None:
    settings = Settings(auth="off", rate_limit_address=0.001, rate_limit_burst=3)
    async with running(create_app(settings, conninfo=dsn)) as client:
        codes = [(await client.get("/v1/version")).status_code for _ in range(5)]
        assert (await client.get("/health/live")).status_code == 200
    assert codes == [200] * 3 + [429] * 2


async def test_what_is_beyond_the_requests_at_once_is_refused_but_health_answers(dsn: str) -> None:
    app = create_app(Settings(auth="off", max_requests=1), conninfo=dsn)
    held, go_on = asyncio.Event(), asyncio.Event()

    async def hold() -> dict[str, Any]:
        held.set()
        await go_on.wait()
        return {}

    app.add_api_route("/hold", hold)
    async with running(app) as client:
        first = asyncio.create_task(client.get("/hold"))
        await held.wait()
        second = await client.get("/v1/version")
        health = await client.get("/health/live")
        go_on.set()
        assert (await first).status_code == 200
    assert (second.status_code, second.json()["code"], health.status_code) == (503, "overloaded", 200)
    assert second.headers["retry-after"]


async def test_an_error_of_ours_is_a_problem_that_tells_nothing(dsn: str, caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(Settings(auth="off"), conninfo=dsn)

    def fail() -> None:
        raise RuntimeError("the inner secret")

    app.add_api_route("/fail", fail)
    async with running(app) as client:
        answer = await client.get("/fail")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["request_id"] in caplog.text


async def test_what_a_row_holds_is_not_logged_when_the_database_refuses_it(
    dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    app, secret = create_app(Settings(auth="off"), conninfo=dsn), "-".join(["inner", "secret"])

    def fail() -> None:
        with app.state.services.pools.connection() as connection:
            connection.execute("INSERT INTO pgq.queues (name, timeout_seconds) VALUES (%s, -1)", [secret])

    app.add_api_route("/fail", fail)
    async with running(app) as client:
        answer = await client.get("/fail")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "23514" in caplog.text
    assert secret not in caplog.text + answer.text


async def test_the_pages_and_the_document_are_open_and_name_no_other_host(secured: Secured) -> None:
    nobody = await secured.client_with(None)
    for path in ("/docs", "/redoc", "/static/swagger.js", "/static/redoc.js", "/openapi.json"):
        answer = await nobody.get(path)
        assert answer.status_code == 200, path
        assert "http://" not in answer.text.replace("http://127.0.0.1", "")
        assert "https://" not in answer.text


async def test_every_operation_has_an_id_a_tag_and_the_problems_it_may_answer(api: httpx2.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    ids = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            ids.append(operation["operationId"])
            assert operation["tags"][0] in {tag["name"] for tag in document["tags"]}, where
            assert operation["summary"], where
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and path != "/health":
                    assert list(answer["content"]) == ["application/problem+json"], f"{where} {status}"
            secured_by = operation.get("security")
            assert bool(secured_by) != path.startswith("/health"), where
    assert len(ids) == len(set(ids))


async def test_under_a_proxys_path_the_document_and_locations_say_so(dsn: str) -> None:
    app = create_app(Settings(auth="off", root_path="/queue/"), conninfo=dsn)
    async with running(app) as client:
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.get("/queue/health/live")).status_code == 200
        assert (await client.get("/openapi.json")).json()["servers"] == [{"url": "/queue"}]
        made = await client.post("/queue/v1/tasks", json={"kind": "echo"})
        assert made.headers["location"] == f"/queue/v1/tasks/{made.json()['id']}"
        assert (await client.get(made.headers["location"])).json()["id"] == made.json()["id"]
