"""Whose token it is. Every request asks the database, so a revocation counts at once, in every process.

That is cheap, because requests that come together share one look-up by primary key.
"""

import hmac
from collections.abc import Sequence

import psycopg
from starlette.requests import Request

from pgq.api.gather import Gather
from pgq.api.services import Services
from pgq.db.errors import our_errors
from pgq.db.steady import SteadyConnection
from pgq.db.tokens import ValidToken, find_tokens
from pgq.values.token import TokenSecret, digest, is_secret, read_token


class Credentials:
    """The tokens of the database, and PGQ_ADMIN_TOKEN."""

    def __init__(self, services: Services) -> None:
        # One of its own: kept ready, its statement prepared, where a pool hands one out and takes it back each time.
        self.steady = SteadyConnection(services.conninfo, "credentials")
        self.lookups: Gather[str, ValidToken | None] = Gather(self.look_up)
        given = services.settings.admin_token
        self.admin_hash = digest(given.get_secret_value()) if given else None

    async def close(self) -> None:
        """Close the connection."""
        if self.lookups.running is not None:
            await self.lookups.running
        await self.steady.drop()

    def is_admin_token(self, text: str) -> bool:
        """Whether it is PGQ_ADMIN_TOKEN."""
        return self.admin_hash is not None and hmac.compare_digest(digest(text), self.admin_hash)

    async def find(self, text: str) -> ValidToken | None:
        """The stored token that a text is, if it is valid now. Raises DatabaseUnavailable."""
        given: TokenSecret | None = read_token(text)
        if given is None:
            return None
        stored = await self.lookups.ask(given.id)
        if stored is None or not is_secret(given.secret, stored.secret_hash, stored.previous_hash):
            return None
        return stored

    async def look_up(self, ids: Sequence[str]) -> list[ValidToken | Exception | None]:
        wanted = sorted(set(ids))
        with our_errors():
            try:
                found = await find_tokens(await self.steady.get(), wanted)
            except psycopg.OperationalError:  # the server may have been restarted since the last one
                await self.steady.drop()
                found = await find_tokens(await self.steady.get(), wanted)
        return [found.get(one) for one in ids]


async def still_known(here: Services, request: Request) -> bool:
    """Whether the request's token is valid: one that was revoked while it waited learns nothing more."""
    if here.settings.auth_is_off:
        return True
    given = request.headers["authorization"].partition(" ")[2]
    credentials = here.part(Credentials)
    return credentials.is_admin_token(given) or await credentials.find(given) is not None
