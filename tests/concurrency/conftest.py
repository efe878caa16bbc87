"""A migrated database with the verbs, for every test that asks for `db`."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.verbs import Database


@pytest_asyncio.fixture
async def db(dsn: str) -> AsyncIterator[Database]:
    async with Database.at(dsn) as database:
        yield database
