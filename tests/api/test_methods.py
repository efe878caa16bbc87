"""Which methods a path takes: what a 405 says, HEAD wherever GET is, and bodies that may be left out."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from psycopg import Connection

from tests.api.conftest import Secured
from tests.api.processes import all_of, api_process
from tests.cli import rows


def at(path: str) -> str:
    """A path of the document with something that is not there."""
    return re.sub(r"{\w+}", str(uuid4()), path)


async def test_a_405_lists_all_methods_of_its_path(api: httpx2.AsyncClient) -> None:
    paths: dict[str, Any] = (await api.get("/openapi.json")).json()["paths"]

    for path, operations in paths.items():
        answer = await api.request("BREW", at(path))

        documented = {method.upper() for method in operations}
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed"), path
        allowed = set(answer.headers["allow"].split(", "))
        assert documented | ({"HEAD"} if "GET" in documented else set()) <= allowed, path
    assert (await api.delete("/v1/tasks")).headers["allow"] == "GET, HEAD, POST"


async def test_head_is_answered_as_get_is_and_documented_nowhere(api: httpx2.AsyncClient) -> None:
    paths: dict[str, Any] = (await api.get("/openapi.json")).json()["paths"]
    assert not any("head" in operations for operations in paths.values())

    readable = [path for path, operations in paths.items() if "get" in operations]
    for path in (*readable, "/docs", "/redoc", "/openapi.json", "/static/pgq.svg"):
        got, asked = await api.get(at(path)), await api.head(at(path))

        assert asked.status_code == got.status_code != 405, path
        assert asked.headers["content-type"] == got.headers["content-type"], path


async def test_head_needs_the_token_that_get_needs(secured: Secured) -> None:
    stranger, submitter = await secured.client_with(None), await secured.client("submit")

    codes = [(await one.head("/v1/tasks")).status_code for one in (stranger, submitter, secured.admin)]
    assert codes == [401, 403, 200]


def test_head_has_no_body_and_ends_also_where_get_would_stream(
    dsn: str, connection: Connection[Any], tmp_path: Path
) -> None:
    task = rows.submitted(connection)
    with api_process(dsn, tmp_path) as process, process.connect() as client:
        client.sendall(f"HEAD /v1/tasks/{task} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        client.sendall(
            f"HEAD /v1/tasks/{task}/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        said = all_of(client)

    first, second, rest = said.split(b"\r\n\r\n")
    for head, kind in ((first, b"application/json"), (second, b"text/event-stream")):
        assert head.startswith(b"HTTP/1.1 200")
        assert b"content-type: " + kind in head
    assert rest == b""


@pytest.mark.parametrize("path", ["/v1/tasks/cancel", "/v1/tasks/retry", "/v1/dlq/redrive", "/v1/dlq/purge"])
async def test_a_verb_by_filter_without_a_body_asks_for_the_filter(api: httpx2.AsyncClient, path: str) -> None:
    answer = await api.post(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "filter_required")

    in_the_query = await api.post(path, params={"queue": "default"})
    assert (in_the_query.status_code, in_the_query.json()["errors"][0]["pointer"]) == (422, "query/queue")


async def test_a_post_whose_body_may_be_left_out_needs_no_content_type(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    dead, waiting = rows.dead(connection), rows.submitted(connection)

    for path in ("/v1/queues/default/pause", f"/v1/dlq/{dead}/redrive", f"/v1/tasks/{waiting}/cancel"):
        answer = await api.post(path)
        assert answer.status_code == 200, answer.text
