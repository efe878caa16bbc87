"""The work: who does it, and what nobody does."""

from shlex import quote
from typing import Any

from psycopg import Connection

from pgq.db.overview import queue_depth, unknown_kinds
from pgq.db.sql import sql
from pgq.doctor.finding import Verdict, bad, good, length

SHOWN = 5

RECONNECTING = 30.0
"""Seconds that a listener may need to come back after its connection broke."""


def workers(connection: Connection[Any]) -> Verdict:
    """Do the workers live?"""
    silent = connection.execute(sql("doctor/silent_workers")).fetchall()
    alive, ready = connection.execute(sql("doctor/live_workers")).fetchone() or (0, 0)
    if not alive and ready:
        return bad(f"none is alive, and {ready:,} tasks could be started", "pgq worker MODULE")
    if silent:
        who = [f"{name} ({place(host, pid)}) for {length(age)}" for name, host, pid, age in silent]
        return bad(
            f"{alive} alive; silent: {some(who)}",
            "look at those processes: one that is frozen or cut off has to be ended; a dead one is forgotten an hour "
            "after its last sign of life",
        )
    return good(f"{alive} alive")


def place(host: str, pid: int | None) -> str:
    """Where a worker is."""
    return f"over HTTP from {host}" if pid is None else f"host {host}, pid {pid}"


def listeners(connection: Connection[Any]) -> Verdict:
    """Do notifications reach the workers?"""
    deaf = connection.execute(sql("doctor/listeners"), {"patience": RECONNECTING}).fetchall()
    who = {
        state: [
            f"{name} ({place(host, pid)}) for {length(age)}" for name, host, pid, found, age in deaf if found == state
        ]
        for state in ("polling", "reconnecting")
    }
    if who["reconnecting"]:
        return bad(
            f"cannot listen: {some(who['reconnecting'])}; tasks are found by polling",
            "see that PGQ_DIRECT_URL, or PGQ_DATABASE_URL where it is not set, names this database on this server at "
            "those workers; their log says why they fail",
        )
    if who["polling"]:
        return bad(
            f"behind a transaction pooler, where no notification is heard: {some(who['polling'])}; tasks are found by "
            "polling",
            "start those workers with PGQ_DIRECT_URL set to a URL past the pooler",
        )
    return good("notifications reach every live worker")


def kinds(connection: Connection[Any]) -> Verdict:
    """Is there a worker for every kind that waits?"""
    unknown = unknown_kinds(connection)
    if unknown:
        what = [f"{row['kind']!r} ({row['pending']:,} in queue {row['queue']!r})" for row in unknown]
        return bad(
            f"no live worker has the kind {some(what)}",
            "start a worker whose app has these handlers; tasks that wait for one too long are buried "
            "(PGQ_KIND_GRACE_SECONDS)",
        )
    return good("a live worker has every kind that waits")


def queues(connection: Connection[Any]) -> Verdict:
    """Is there a worker for every queue that has tasks?"""
    unserved = connection.execute(sql("doctor/unserved_queues")).fetchall()
    if unserved:
        what = [f"{name!r} ({waiting:,} wait)" for name, waiting in unserved]
        words = " ".join(f"-q {quote(name)}" for name, _ in unserved[:SHOWN])
        return bad(
            f"no worker that has the kind serves {some(what)}",
            f"pgq worker MODULE {words}",
        )
    return good("every queue with tasks is served")


def paused(connection: Connection[Any]) -> Verdict:
    """Has somebody paused a queue and forgotten it?"""
    forgotten = [row for row in queue_depth(connection) if row["paused"] and row["ready"]]
    if forgotten:
        what = [
            f"{row['queue']!r} ({row['ready']:,} ready, the oldest for {length(row['oldest_ready_seconds'])})"
            for row in forgotten
        ]
        return bad(
            f"paused, with a backlog: {some(what)}",
            f"pgq queues resume {' '.join(quote(row['queue']) for row in forgotten[:SHOWN])}",
        )
    return good("none has a backlog")


def some(what: list[str]) -> str:
    """The first few, and how many more there are."""
    more = f" and {len(what) - SHOWN} more" if len(what) > SHOWN else ""
    return ", ".join(what[:SHOWN]) + more
