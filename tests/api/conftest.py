"""The API in this process, over a fresh, migrated database."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import psycopg
import pytest
from fastapi import FastAPI
from psycopg import Connection

from pgq.api.app import create_app
from pgq.values.settings import Settings


@asynccontextmanager
async def running(app: FastAPI, *, token: str | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    """A client on an app whose lifespan has begun."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", headers=headers) as client:
            yield client


@pytest.fixture
async def api(dsn: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client on the API with auth off."""
    async with running(create_app(Settings(auth="off"), conninfo=dsn)) as client:
        yield client


@pytest.fixture
def connection(dsn: str) -> Iterator[Connection[Any]]:
    """A connection of the test's own, in autocommit mode."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection
