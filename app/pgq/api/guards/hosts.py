"""Which Host, Origin and forwarded headers a request may carry.

With auth off, the browser of whoever sits at this machine must not become the way in: a foreign page that resolves its
own name to 127.0.0.1 comes with its own Host, a form that it posts with its own Origin, and what a proxy passes on from
elsewhere with forwarded headers.
"""

import ipaddress
from collections.abc import Awaitable, Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pgq.api.problems import FieldError, Problem
from pgq.values.settings import Settings, is_loopback, listed

FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
SAFE = ("GET", "HEAD", "OPTIONS")
PROBES = ("/health/live", "/health/ready")
"""What orchestrators ask by a process's bare address."""


class Hosts:
    """Refuses requests by their Host, and with auth off by their Origin and forwarded headers."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.auth_is_off = settings.auth_is_off
        self.allowed = listed(settings.allowed_hosts.lower())
        self.any_address = settings.insecure or not is_loopback(settings.host)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        probed = scope["type"] == "http" and scope["path"] in PROBES and not self.auth_is_off
        if scope["type"] == "http" and not probed and (found := self.problem(scope)):
            return found.response(scope)(scope, receive, send)
        return self.app(scope, receive, send)

    def problem(self, scope: Scope) -> Problem | None:
        """What is wrong with a request's headers."""
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        host = hosts[0].decode("latin-1") if len(hosts) == 1 else ""
        if not self.trusts(name_in(host)):
            detail = "this service is not called by that name; PGQ_ALLOWED_HOSTS lists those that it is called by"
            return Problem("untrusted_host", detail, errors=[FieldError("header/host", "is not trusted")])
        if not self.auth_is_off:
            return None
        headers = Headers(scope=scope)
        if any(name in headers for name in FORWARDED):
            detail = "with PGQ_AUTH=off nothing is accepted through a proxy; set PGQ_AUTH=required"
            return Problem("forbidden", detail)
        origin = headers.get("origin")
        foreign = origin is not None and origin.partition("://")[2].lower() != host.lower()
        if scope["method"] not in SAFE and (foreign or headers.get("sec-fetch-site") in ("cross-site", "same-site")):
            return Problem("forbidden", "with PGQ_AUTH=off pages of other origins may change nothing")
        return None

    def trusts(self, name: str) -> bool:
        """Whether the service may be called by this name."""
        if fits(self.allowed, name):
            return True
        if not self.auth_is_off:
            return not self.allowed
        return is_loopback(name) or (self.any_address and not self.allowed and is_address(name))


def name_in(host: str) -> str:
    """The Host header without its port, and without an IPv6 address's brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")


def fits(allowed: Sequence[str], name: str) -> bool:
    return any(name == one or one == "*" or (one.startswith("*.") and name.endswith(one[1:])) for one in allowed)


def is_address(name: str) -> bool:
    """An address cannot be made to point elsewhere, as a name can."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
