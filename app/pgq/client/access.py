"""How an app reaches its database: its own pools, or the connection that a caller brings."""

import logging
from typing import TYPE_CHECKING, Any, TypeVar

from pgq.client.steps import Plan

if TYPE_CHECKING:
    from pgq.db.pool import Pools

R = TypeVar("R")
log = logging.getLogger("pgq")

# psycopg, pydantic-settings and the rest of `db` are imported at the first operation: `import pgq` stays quick, also in
# programs that only declare handlers.


class Access:
    """Runs operations. Connects on first use; safe to use from many threads, event loops and forked processes."""

    def __init__(self, database_url: str | None, pool_size: int) -> None:
        self.database_url = database_url
        self.pool_size = pool_size
        self.opened: dict[str, Pools] = {}

    @property
    def pools(self) -> "Pools":
        from pgq.db.pool import Pools

        # setdefault is atomic: threads that come together share one.
        return self.opened.get("pools") or self.opened.setdefault("pools", Pools(self.conninfo, self.pool_size))

    def conninfo(self) -> str:
        """Where the database is: the App's own URL, PGQ_DATABASE_URL, or the local server of `pgq up`.

        Raises SettingsError when there is none.
        """
        from pgq.db.target import find_database
        from pgq.values.settings import load_settings

        settings = load_settings(database_url=self.database_url)
        url = settings.database_url.get_secret_value() if settings.database_url else None
        return find_database(url, settings.data_dir, log.info)

    def run(self, plan: Plan[R], connection: Any = None, *, atomic: bool = False) -> R:
        """Run an operation over `connection`, inside its transaction, or over the app's pool."""
        from pgq.client.connections import link_over
        from pgq.client.links import PoolLink
        from pgq.client.run import Link, run

        link: Link = PoolLink(self.pools) if connection is None else link_over(connection)
        return run(plan, link, atomic=atomic)

    async def run_async(self, plan: Plan[R], connection: Any = None, *, atomic: bool = False) -> R:
        """The same in async code."""
        from pgq.client.connections import async_link_over
        from pgq.client.links import AsyncPoolLink
        from pgq.client.run import AsyncLink, run_async

        link: AsyncLink = AsyncPoolLink(self.pools) if connection is None else await async_link_over(connection)
        return await run_async(plan, link, atomic=atomic)

    def close(self) -> None:
        """Close the connections of this process."""
        for pools in self.opened.values():
            pools.close()

    async def close_async(self) -> None:
        """Close the connections of this event loop and of this process."""
        for pools in self.opened.values():
            await pools.close_async()
