"""Who calls, and what they may do."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from fastapi import Depends
from fastapi.security import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import Request

from pgq.api.credentials import Credentials
from pgq.api.limits import Limits
from pgq.api.problems import Problem
from pgq.api.services import services_of
from pgq.values.patterns import as_like, matches
from pgq.values.token import ScopeName

FAILURES_A_SECOND, FAILURES_AT_ONCE = 0.2, 20.0
"""How often an address may come with a token that is not valid."""

BEARER = HTTPBearer(auto_error=False, scheme_name="token", description="A token from `pgq tokens create`.")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request. `queues` are patterns (`mail-*`); none means every queue."""

    name: str
    scopes: frozenset[str]
    token_id: str | None = None
    queues: tuple[str, ...] = ()
    request_id: str = ""
    address: str = ""

    def may(self, *scopes: ScopeName) -> bool:
        """Whether one of the scopes is the caller's; an admin has all."""
        return "admin" in self.scopes or not self.scopes.isdisjoint(scopes)

    def may_see(self, queue: str) -> bool:
        """Whether the queue fits a pattern of the caller's."""
        return matches(self.queues, queue)

    def require_queue(self, queue: str) -> None:
        """Raise a 403 for a queue that is not the caller's."""
        if not self.may_see(queue):
            raise Problem("forbidden", f"this token is not for queue {queue!r}")

    def hide_unless_seen(self, queue: str, what: str = "task") -> None:
        """Raise a 404 for something in a queue that is not the caller's: it must not learn that it exists."""
        if not self.may_see(queue):
            hide(what)

    @property
    def queue_likes(self) -> list[str] | None:
        """The patterns for SQL's LIKE; None for every queue."""
        return [as_like(pattern) for pattern in self.queues] if self.queues else None


ANONYMOUS = Caller("anonymous", frozenset(["admin"]))
"""Everybody, where auth is off."""


def hide(what: str = "task") -> NoReturn:
    """Raise the 404 of something that the caller may not see."""
    raise Problem("not_found", f"there is no such {what}")


class Needs(SecurityBase):
    """A dependency that gives the caller, who must have one of the scopes, and `also` these.

    Asked before the body is read.
    """

    def __init__(self, scopes: tuple[ScopeName, ...], also: tuple[ScopeName, ...] = ()) -> None:
        self.needed = (scopes, *((scope,) for scope in also))
        # What the documents show; a dependency of its own would be worked out anew for every request.
        self.model = BEARER.model
        self.scheme_name = BEARER.scheme_name

    async def __call__(self, request: Request) -> Caller:
        return await self.caller(request)

    async def caller(self, request: Request) -> Caller:
        """The caller of a request, found once. Raises the problems 401 and 403."""
        state = request.scope["state"]
        known: Caller | None = state.get("caller")
        if known is None:
            known = state["caller"] = await identify(request)
        if not all(known.may(*one_of) for one_of in self.needed):
            words = " and the scope ".join(" or ".join(one_of) for one_of in self.needed)
            raise Problem("forbidden", f"this needs a token with the scope {words}")
        return known


def needs(*scopes: ScopeName, also: tuple[ScopeName, ...] = ()) -> Any:
    """`caller: Annotated[Caller, needs("operate")]`: who has one of these scopes, and `also` these; or `admin`."""
    dependency: Callable[..., Any] = Needs(scopes, also)
    return Depends(dependency)


async def identify(request: Request) -> Caller:
    """Who the request's token belongs to. Raises the problems 401 and 429, or DatabaseUnavailable."""
    services = services_of(request)
    settings, limits = services.settings, services.part(Limits)
    address = request.client.host if request.client else ""
    about = {"request_id": request.scope["state"]["request_id"], "address": address}
    if settings.rate_limit_address is not None:
        await limits.admit(f"address:{address}", settings.rate_limit_address, settings.rate_limit_burst)
    if settings.auth_is_off:
        return replace(ANONYMOUS, **about)

    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given:
        raise unauthenticated("send a token: 'Authorization: Bearer pgq_...'")
    credentials, failures = services.part(Credentials), f"login:{address}"
    # Whoever guesses too often is not even told that a guess was right; random tokens cannot be guessed, so they pass.
    if credentials.is_admin_token(given) and not limits.is_empty(failures):
        return Caller("PGQ_ADMIN_TOKEN", frozenset(["admin"]), **about)
    stored = await credentials.find(given)
    if stored is None:
        await limits.admit(failures, FAILURES_A_SECOND, FAILURES_AT_ONCE)
        raise unauthenticated("the token is unknown, expired or revoked")
    if settings.rate_limit_token is not None:
        await limits.admit(f"token:{stored.id}", settings.rate_limit_token, settings.rate_limit_burst)
    return Caller(stored.name, frozenset(stored.scopes), stored.id, tuple(stored.queues), **about)


def unauthenticated(detail: str) -> Problem:
    return Problem("unauthenticated", detail, headers={"WWW-Authenticate": 'Bearer realm="pgq"'})
