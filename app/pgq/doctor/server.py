"""The server: its version, its role, what it makes durable, and how much room it has left."""

import time
from collections.abc import Callable
from typing import Any

from psycopg import Connection

from pgq.db.sql import sql
from pgq.doctor.finding import Verdict, bad, good

OLDEST = 14
"""PostgreSQL's oldest supported major version."""

FULL = 0.9
"""The share of a limit on connections from which on it is nearly reached."""

QUEUE_FULL = 0.5
"""The share of the notification queue that should never be in use."""

CLOCKS_APART = 2.0
"""Seconds that the clocks of client and server may differ by."""


def version(connection: Connection[Any]) -> Verdict:
    """Is the server's version supported?"""
    major = connection.info.server_version // 10_000
    name = f"PostgreSQL {connection.info.parameter_status('server_version')}"
    if major < OLDEST:
        return bad(f"{name} is older than {OLDEST}", "upgrade the server with pg_upgrade")
    return good(name)


def primary(connection: Connection[Any]) -> Verdict:
    """Can anything be written there?"""
    row = connection.execute(sql("doctor/standby")).fetchone()
    if row is not None and row[0]:
        return bad(
            "the server is a standby: nothing can be submitted or claimed there",
            "name all hosts in PGQ_DATABASE_URL with target_session_attrs=read-write, or promote this one",
        )
    return good("the server takes writes")


def disk_writes(connection: Connection[Any]) -> Verdict:
    """Does what was committed survive a power cut?"""
    fsync, full_pages, _ = durability(connection)
    off = [name for name, on in (("fsync", fsync), ("full_page_writes", full_pages)) if not on]
    if off:
        return bad(
            f"{' and '.join(off)} off: a crash of the machine can destroy the database",
            " ".join(f"ALTER SYSTEM SET {name} = on;" for name in off) + " SELECT pg_reload_conf();",
        )
    return good("fsync and full_page_writes are on")


def commits(connection: Connection[Any]) -> Verdict:
    """Does COMMIT wait until the commit is on disk?"""
    _, _, commit = durability(connection)
    if commit == "off":
        return bad(
            "synchronous_commit is off: a crash of the server forgets tasks that it has acknowledged",
            "ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf(); and RESET it where a role or this "
            "database has it off (\\drds in psql)",
        )
    return good(f"synchronous_commit is {commit}")


def durability(connection: Connection[Any]) -> tuple[bool, bool, str]:
    """fsync, full_page_writes and synchronous_commit, as a new session has them."""
    row = connection.execute(sql("doctor/durability")).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def isolation(connection: Connection[Any]) -> Verdict:
    """What isolation have transactions by default? pgq's own are READ COMMITTED in any case."""
    level, fix = connection.execute(sql("doctor/isolation")).fetchone() or ("?", "")
    if level != "read committed":
        return bad(
            f"{level} by default: pgq's own connections are read committed all the same, but who submits by SQL may "
            "wake no worker, and is refused with 40001 when somebody else has just used the same key",
            fix,
        )
    return good("read committed by default")


def connections(connection: Connection[Any]) -> Verdict:
    """Is there room for more connections?"""
    limits = connection.execute(sql("doctor/connections")).fetchall()
    said = ", ".join(f"{used} of {most} for {whose}" for whose, used, most in limits)
    near = [whose for whose, used, most in limits if used >= FULL * most]
    if near:
        return bad(
            f"{said}: workers that lose theirs may not get a new one",
            f"raise the limit of {' and '.join(near)}, run fewer processes, or put PgBouncer between (PGQ_DIRECT_URL)",
        )
    return good(said)


def notification_queue(connection: Connection[Any]) -> Verdict:
    """Is there room for notifications?"""
    row = connection.execute(sql("doctor/notification_queue")).fetchone()
    used = row[0] if row else 0.0
    if used > QUEUE_FULL:
        return bad(
            f"{used:.1%} full; when it is full, submits fail",
            "end the session that listens and stays in a transaction: the server's log names its pid; "
            "idle_in_transaction_session_timeout keeps it from happening again",
        )
    return good(f"{used:.1%} full")


def clock(connection: Connection[Any], now: Callable[[], float] = time.time) -> Verdict:
    """Do client and server agree on the time? The database's clock decides; people read both."""
    before = now()
    row = connection.execute(sql("server_time")).fetchone()
    after = now()
    assert row is not None
    apart = (before + after) / 2 - row[0].timestamp()
    if abs(apart) - (after - before) / 2 > CLOCKS_APART:
        how = "ahead of" if apart > 0 else "behind"
        return bad(
            f"this machine is {abs(apart):,.1f} s {how} the server: a run_at that is computed here comes too "
            f"{'late' if apart > 0 else 'early'}",
            "run an NTP client (chrony, systemd-timesyncd) on both",
        )
    return good(f"within {CLOCKS_APART:g} s of the server's")
