"""Tokens of the HTTP service: `pgq_<id>_<secret>`. Only the secret's hash is kept."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Literal

from pgq.values.errors import InvalidTask
from pgq.values.fields import name as check_name

ScopeName = Literal["submit", "read", "operate", "work", "exec", "admin"]
SCOPES: tuple[ScopeName, ...] = ("submit", "read", "operate", "work", "exec", "admin")

SHAPE = re.compile(r"pgq_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
ID = r"^[0-9a-f]{16}$"


@dataclass(frozen=True, slots=True)
class TokenSecret:
    """A token in full, to be shown once."""

    id: str
    secret: str

    def __str__(self) -> str:
        return f"pgq_{self.id}_{self.secret}"

    def __repr__(self) -> str:
        return f"TokenSecret({self.id!r}, '...')"

    @property
    def hash(self) -> bytes:
        """What is kept of it."""
        return digest(self.secret)


def new_token(token_id: str | None = None) -> TokenSecret:
    """A new secret, for a new id or a known one."""
    return TokenSecret(token_id or secrets.token_hex(8), secrets.token_urlsafe(32))


def read_token(text: str) -> TokenSecret | None:
    """The parts of a token; None for something else."""
    found = SHAPE.fullmatch(text)
    return TokenSecret(found[1], found[2]) if found else None


def digest(secret: str) -> bytes:
    """SHA-256: the secrets are random, so nothing slower is needed."""
    return hashlib.sha256(secret.encode()).digest()


def is_secret(given: str, *hashes: bytes | None) -> bool:
    """Whether the secret has one of the hashes, in constant time."""
    found = False
    for one in hashes:
        found |= one is not None and hmac.compare_digest(digest(given), one)
    return found


def check_scopes(scopes: list[str]) -> list[str]:
    """The scopes, each once, in their usual order. Raises InvalidTask."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise InvalidTask("scopes", f"must be one or more of {', '.join(SCOPES)}")
    return [scope for scope in SCOPES if scope in scopes]


def check_patterns(patterns: list[str]) -> list[str]:
    """Patterns of queues, at most 100. Raises InvalidTask."""
    if len(patterns) > 100:
        raise InvalidTask("queues", f"at most 100, not {len(patterns)}")
    return [check_name(pattern, "queues") for pattern in patterns]
