"""The database's address: every way people write it, as one libpq connection string with timeouts that fail fast."""

import re
from difflib import get_close_matches
from typing import Any
from urllib.parse import parse_qsl

from psycopg import ProgrammingError, pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pgq.values.errors import SettingsError

DRIVERS = ("psycopg", "psycopg2", "asyncpg")
"""SQLAlchemy's driver suffixes (`postgresql+psycopg://`) that are accepted, and mean nothing here."""

DEFAULTS: dict[str, str | int] = {
    "application_name": "pgq",
    "connect_timeout": 5,  # seconds, per host; psycopg's own default is 130
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds: a host that fell silent is noticed in ten seconds, not in 15 minutes
}

FOREIGN = {
    "ssl": "write sslmode=require instead",
    "server_settings": "write options=-c%20name%3Dvalue instead",
    "timeout": "write connect_timeout= instead",
    "command_timeout": "leave it out",
    "statement_cache_size": "leave it out",
    "max_cached_statement_lifetime": "leave it out",
    "max_cacheable_statement_size": "leave it out",
    "prepared_statement_cache_size": "leave it out",
    "prepared_statement_name_func": "leave it out",
    "async_fallback": "leave it out",
    "prepare_threshold": "leave it out",
    "pool_size": "leave it out",
    "schema": "leave it out; the schema is always pgq",
}
"""Parameters that asyncpg, SQLAlchemy and other drivers know and libpq does not, with what to do about each."""

ESCAPES = "in a user name, password or database name write @ as %40, : as %3A, / as %2F, ? as %3F and % as %25"


def conninfo(url: str, **defaults: str | int | None) -> str:
    """`url` (libpq URI or DSN, one host or several) as a libpq connection string.

    What it leaves open is filled from `defaults`, then from DEFAULTS; with several hosts also
    `target_session_attrs=read-write`, so that the primary is found. Raises SettingsError, which says what is wrong
    and never repeats any part of the URL, since any part may be a mistyped password.
    """
    given = _parsed(_without_driver(url.strip()))
    _check_hosts(given)
    if "," in f"{given.get('host', '')}{given.get('hostaddr', '')}":
        given.setdefault("target_session_attrs", "read-write")
    chosen = {name: value for name, value in defaults.items() if value is not None}
    return make_conninfo("", **{**DEFAULTS, **chosen, **given})


def redacted(url: str) -> str:
    """`url` for messages: `host:port/dbname as user`, and nothing else of it."""
    try:
        parts = _parsed(_without_driver(url.strip()))
    except SettingsError:
        return "an unreadable database URL"
    hosts = str(parts.get("host") or parts.get("hostaddr") or "localhost").split(",")
    ports = str(parts.get("port") or 5432).split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    places = ",".join(f"{host}:{port or 5432}" for host, port in zip(hosts, ports, strict=False))
    user = parts.get("user")
    return f"{places}/{parts.get('dbname') or user or ''}" + (f" as {user}" if user else "")


def _without_driver(url: str) -> str:
    """`postgres://` and `postgresql+driver://` as libpq wants them; raises SettingsError for other schemes."""
    if not url:
        raise SettingsError("the database URL is empty")
    scheme = re.match(r"([a-z][a-z0-9.-]*)(?:\+([a-z0-9_]+))?://", url, re.IGNORECASE)
    if scheme is None:
        return url
    name, driver = scheme[1].lower(), (scheme[2] or DRIVERS[0]).lower()
    if name not in ("postgres", "postgresql"):
        raise SettingsError("the database URL is not one of PostgreSQL: it must begin with postgresql://")
    if driver not in DRIVERS:
        accepted = ", ".join(["postgresql://", *(f"postgresql+{driver}://" for driver in DRIVERS)])
        raise SettingsError(f"the database URL names a driver that pgq does not know: write one of {accepted}")
    rest = url[scheme.end() :]
    _check_uri(rest)
    return f"postgresql://{rest}"


def _check_uri(rest: str) -> None:
    """Refuse what libpq would misread or complain about by quoting it."""
    head, _, tail = rest.partition("/")
    start = head.find("?", head.find("@") + 1)
    authority, path = (head, tail.partition("?")[0]) if start < 0 else (head[:start], "")
    query = tail.partition("?")[2] if start < 0 else rest[rest.index("?", head.find("@") + 1) + 1 :]
    if authority.count("@") > 1 or "@" in path:
        raise SettingsError(f"the database URL has an @ too many: {ESCAPES}")
    for name, value in parse_qsl(query, keep_blank_values=True):
        if (name, value) != ("ssl", "true"):  # libpq knows this one, JDBC's
            _check_parameter(name)


def _check_parameter(name: str) -> None:
    known = [option.keyword.decode() for option in pq.Conninfo.get_defaults()]
    if name in known:
        return
    if name in FOREIGN:
        raise SettingsError(f"the database URL's parameter {name} is not one of libpq's: {FOREIGN[name]}")
    nearest = get_close_matches(name, known, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else "see 'Parameter Key Words' in PostgreSQL's manual"
    raise SettingsError(f"the database URL has a parameter that libpq does not know: {hint}")


def _parsed(url: str) -> dict[str, Any]:
    try:
        return dict(conninfo_to_dict(url))
    except ProgrammingError as error:
        message = str(error)
    if option := re.search(r'invalid connection option "(.*)"', message):
        _check_parameter(option[1])
    if "://" in url:
        raise SettingsError(f"the database URL cannot be read: {ESCAPES}")
    raise SettingsError(
        "the database URL is neither a URI (postgresql://user:password@host:5432/dbname) nor a DSN "
        "(host=… dbname=… user=…; a value with spaces stands in single quotes)"
    )


def _check_hosts(parts: dict[str, Any]) -> None:
    """libpq finds these faults only when it connects, and then quotes what may be part of the password."""
    hosts = str(parts.get("host") or parts.get("hostaddr") or "").split(",")
    ports = str(parts.get("port") or 5432).split(",")
    if any(port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536) for port in ports):
        raise SettingsError(f"the database URL's port is not a number from 1 to 65535 ({ESCAPES})")
    if len(ports) not in (1, len(hosts)):
        raise SettingsError(
            f"the database URL names {len(hosts)} hosts and {len(ports)} ports: name one port, or as many"
        )
