"""The API in this process, over a fresh, migrated database."""

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import psycopg
import pytest
from fastapi import FastAPI
from psycopg import Connection
from pydantic import SecretStr

from pgq.api.app import create_app
from pgq.values.settings import Settings

ADMIN_TOKEN = "the-first-admin-token-of-the-tests"


def client_on(app: FastAPI, token: str | None = None) -> httpx2.AsyncClient:
    """A client on an app in this process."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", headers=headers)


@asynccontextmanager
async def running(app: FastAPI, *, token: str | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    """A client on an app whose lifespan has begun."""
    async with app.router.lifespan_context(app), client_on(app, token) as client:
        yield client


@pytest.fixture
async def api(dsn: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client on the API with auth off."""
    async with running(create_app(Settings(auth="off"), conninfo=dsn)) as client:
        yield client


@dataclass
class Secured:
    """The API with auth required: clients with tokens of any scopes, and one with PGQ_ADMIN_TOKEN."""

    app: FastAPI
    admin: httpx2.AsyncClient
    closing: AsyncExitStack

    async def token(self, *scopes: str, queues: Sequence[str] = (), **more: Any) -> str:
        """A new token."""
        body = {"name": "-".join(scopes), "scopes": scopes, "queues": queues, **more}
        answer = await self.admin.post("/v1/tokens", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    async def client(self, *scopes: str, queues: Sequence[str] = (), **more: Any) -> httpx2.AsyncClient:
        """A client with a new token."""
        return await self.client_with(await self.token(*scopes, queues=queues, **more))

    async def client_with(self, token: str | None) -> httpx2.AsyncClient:
        """A client with this token, or none."""
        return await self.closing.enter_async_context(client_on(self.app, token))


@pytest.fixture
async def secured(dsn: str) -> AsyncIterator[Secured]:
    """The API with auth required."""
    settings = Settings(auth="required", admin_token=SecretStr(ADMIN_TOKEN))
    app = create_app(settings, conninfo=dsn)
    async with running(app, token=ADMIN_TOKEN) as admin, AsyncExitStack() as closing:
        yield Secured(app, admin, closing)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("PGQ_") and not name.startswith("PGQ_TEST"):
            monkeypatch.delenv(name)


@pytest.fixture
def connection(dsn: str) -> Iterator[Connection[Any]]:
    """A connection of the test's own, in autocommit mode."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection
