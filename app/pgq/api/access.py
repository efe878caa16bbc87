"""Who calls, and what they may do."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, NoReturn

from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request

from pgq.api.problems import Problem
from pgq.api.services import services_of

ScopeName = Literal["submit", "read", "operate", "work", "exec", "admin"]
SCOPES: tuple[ScopeName, ...] = ("submit", "read", "operate", "work", "exec", "admin")

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
        return not self.queues or any(fits(pattern, queue) for pattern in self.queues)

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
        if not self.queues:
            return None
        return [re.sub(r"([\\%_])", r"\\\1", one).replace("*", "%") for one in self.queues]


ANONYMOUS = Caller("anonymous", frozenset(["admin"]))
"""Everybody, where auth is off."""


def hide(what: str = "task") -> NoReturn:
    """Raise the 404 of something that the caller may not see."""
    raise Problem("not_found", f"there is no such {what}")


@cache
def expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


def fits(pattern: str, queue: str) -> bool:
    """Whether a queue's name fits a pattern, in which `*` stands for anything."""
    return expression(pattern).fullmatch(queue) is not None


class Needs:
    """A dependency that gives the caller, who must have one of the scopes. Asked before the body is read."""

    def __init__(self, scopes: tuple[ScopeName, ...]) -> None:
        self.scopes = scopes

    async def __call__(
        self, request: Request, _token: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)] = None
    ) -> Caller:
        return await self.caller(request)

    async def caller(self, request: Request) -> Caller:
        """The caller of a request, found once. Raises the problems 401 and 403."""
        known: Caller | None = getattr(request.state, "caller", None)
        if known is None:
            known = request.state.caller = await identify(request)
        if not known.may(*self.scopes):
            raise Problem("forbidden", f"this needs a token with the scope {' or '.join(self.scopes)}")
        return known


def needs(*scopes: ScopeName) -> Any:
    """`caller: Annotated[Caller, needs("operate")]`: the caller, who has one of these scopes or `admin`."""
    dependency: Callable[..., Any] = Needs(scopes)
    return Depends(dependency)


async def identify(request: Request) -> Caller:
    """Who the request's token belongs to. Raises the problem 401."""
    services_of(request)
    return ANONYMOUS
