"""All checks, one after the other."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import psycopg
from psycopg import Connection

from pgq.db.connect import connect
from pgq.db.errors import translated
from pgq.doctor import server, upkeep, work
from pgq.doctor.finding import Finding, Verdict, bad
from pgq.doctor.notifications import notifications
from pgq.doctor.schedules import schedules
from pgq.doctor.schema import partitions, revision, triggers
from pgq.values.errors import DatabaseUnavailable, NotAllowed, SettingsError

Check = Callable[[Connection[Any]], Verdict]

OF_THE_SERVER: Mapping[str, Check] = {
    "server version": server.version,
    "primary": server.primary,
    "disk writes": server.disk_writes,
    "commits": server.commits,
    "isolation": server.isolation,
    "connections": server.connections,
    "notification queue": server.notification_queue,
    "clock": server.clock,
    "old transactions": upkeep.old_transactions,
    "prepared transactions": upkeep.prepared_transactions,
}
OF_THE_SCHEMA: Mapping[str, Check] = {
    "triggers": triggers,
    "partitions": partitions,
    "autovacuum": upkeep.autovacuum,
    "dead rows": upkeep.dead_rows,
    "maintenance": upkeep.duties,
    "leases": upkeep.expired_leases,
    "workers": work.workers,
    "listeners": work.listeners,
    "kinds": work.kinds,
    "queues": work.queues,
    "paused queues": work.paused,
    "schedules": schedules,
}


def examine(conninfo: str, listen_conninfo: str) -> Iterator[Finding]:
    """Every finding, as soon as it is made. What needs a fitting schema is left out without one."""
    try:
        connection = connect(conninfo)
    except psycopg.Error as error:
        yield Finding(
            "database", False, str(translated(error)), "start the server, or let PGQ_DATABASE_URL name one that runs"
        )
        return
    except SettingsError as error:
        problem, _, fix = str(error).rpartition("; ")
        yield Finding("isolation", False, problem, fix)
        return
    with connection:
        for name, check in OF_THE_SERVER.items():
            yield finding(name, partial(check, connection))
        yield finding("notifications", partial(notifications, connection, listen_conninfo))
        schema = finding("schema", partial(revision, connection))
        yield schema
        if schema.ok:
            for name, check in OF_THE_SCHEMA.items():
                yield finding(name, partial(check, connection))


def finding(name: str, check: Callable[[], Verdict]) -> Finding:
    """The finding of a check; that it could not look is one, too."""
    try:
        verdict = check()
    except psycopg.Error as error:
        verdict = cannot_look(translated(error))
    return Finding(name, verdict.ok, verdict.detail, verdict.fix)


def cannot_look(why: Exception) -> Verdict:
    """A check that the database refuses, or does not answer."""
    match why:
        case NotAllowed():
            fix = "connect as the owner of the schema pgq"
        case DatabaseUnavailable():
            fix = "see that PGQ_DATABASE_URL, and PGQ_DIRECT_URL if it is set, name a server that runs"
        case _:
            fix = "see what the message says"
    return bad(f"cannot look: {why}", fix)
