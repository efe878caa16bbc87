"""Maintenance: the duties of pgq, and PostgreSQL's own cleaning up."""

from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from pgq.db.sql import sql
from pgq.doctor.finding import Verdict, bad, good, length

LATE = 60.0
"""Seconds after which a duty that is due is overdue."""

LEASES_LIE = 15.0
"""Seconds that a lease may lie after it ran out; the reaper looks once a second, and waits a while after an outage."""

OLD = 300.0
"""Seconds after which a transaction is old."""

LONGEST_NAPTIME = 60.0
"""Seconds between autovacuum's looks at a database; 60 is PostgreSQL's own default, 10 to 15 suit a queue better."""

MOST_DEAD = 500_000
"""Dead rows in the table of live tasks; beyond that every claim walks over too many of them."""


def duties(connection: Connection[Any]) -> Verdict:
    """Does somebody do what has to be done regularly, and does it succeed?"""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(sql("doctor/duties")).fetchall()
    failed = [f"{row['duty']} failed: {row['failure']}" for row in rows if row["failed_at"]]
    held = [f"{row['duty']} is held back until {row['held_until']:%H:%M:%S %Z}" for row in rows if row["held_until"]]
    late = [
        f"{row['duty']} " + (f"has been due for {length(row['late'])}" if row["runs"] else "has never run")
        for row in rows
        if row["late"] is None or row["late"] > LATE
    ]
    if failed:
        return bad("; ".join(failed + late), "mend what the message says; the next tick tries again")
    if late:
        return bad("; ".join(late), "start a worker: every worker does maintenance")
    if held:
        return bad(
            f"{'; '.join(held)}: after a pause the holders of leases get time to renew them",
            "wait until then; if it happens again and again, keep at least one worker running",
        )
    return good(f"{len(rows)} duties are done in time")


def expired_leases(connection: Connection[Any]) -> Verdict:
    """Are tasks of dead workers taken back?"""
    count, oldest = connection.execute(sql("doctor/expired_leases"), {"patience": LEASES_LIE}).fetchone() or (0, 0.0)
    if count:
        return bad(
            f"{count:,} running tasks are nobody's: their leases ran out, the first {length(oldest)} ago",
            "let a worker run, which reaps them; if some do, their log says why the reaper fails",
        )
    return good("none has run out unseen")


def old_transactions(connection: Connection[Any]) -> Verdict:
    """Does an old snapshot keep dead rows from being cleaned away?"""
    rows = connection.execute(sql("doctor/old_transactions"), {"patience": OLD}).fetchall()
    if rows:
        pid, name, address, user, state, age = rows[0]
        others = f", and {len(rows) - 1} more" if len(rows) > 1 else ""
        return bad(
            f"pid {pid} ({name or 'unnamed'}, user {user}, {address}, {state}) has been in a transaction for "
            f"{length(age)}{others}: nothing that has ended since can be cleaned away, and claims get slower",
            f"SELECT pg_terminate_backend({pid}); and set idle_in_transaction_session_timeout",
        )
    row = connection.execute(sql("doctor/sees_all_sessions")).fetchone()
    if row is not None and not row[0]:
        return good("none of this user's own; GRANT pg_monitor to it, to see those of others")
    return good(f"none is older than {length(OLD)}")


def prepared_transactions(connection: Connection[Any]) -> Verdict:
    """Has somebody prepared a transaction and forgotten it? It survives a restart."""
    rows = connection.execute(sql("doctor/prepared_transactions"), {"patience": OLD}).fetchall()
    if rows:
        gid, age = rows[0]
        others = f", and {len(rows) - 1} more" if len(rows) > 1 else ""
        quoted = gid.replace("'", "''")
        return bad(
            f"{gid!r} was prepared {length(age)} ago{others}: nothing that has ended since can be cleaned away",
            f"COMMIT PREPARED '{quoted}'; or ROLLBACK PREPARED '{quoted}';",
        )
    return good("none is left over")


def autovacuum(connection: Connection[Any]) -> Verdict:
    """Is the table of live tasks cleaned up, and often enough?"""
    row = connection.execute(sql("doctor/vacuum_settings")).fetchone()
    assert row is not None
    on_server, on_table, naptime = row
    if not on_server:
        return bad(
            "off for the whole server: the live tasks' table grows, and claims get slower",
            "ALTER SYSTEM SET autovacuum = on; ALTER SYSTEM SET track_counts = on; SELECT pg_reload_conf();",
        )
    if not on_table:
        return bad(
            "off for pgq.tasks: the table grows, and claims get slower",
            "ALTER TABLE pgq.tasks RESET (autovacuum_enabled);",
        )
    if naptime > LONGEST_NAPTIME:
        return bad(
            f"looks only every {length(naptime)} (autovacuum_naptime): between two looks too many dead rows pile up",
            "ALTER SYSTEM SET autovacuum_naptime = '15s'; SELECT pg_reload_conf();",
        )
    return good(f"on, looks every {length(naptime)}")


def dead_rows(connection: Connection[Any]) -> Verdict:
    """Does cleaning up keep pace?"""
    dead, live, cleaned = connection.execute(sql("doctor/dead_rows")).fetchone() or (0, 0, None)
    when = f"last cleaned {cleaned:%Y-%m-%d %H:%M:%S %Z}" if cleaned else "never cleaned"
    if dead > MOST_DEAD:
        return bad(
            f"pgq.tasks has {dead:,} dead rows beside {live:,} live ones, {when}",
            "end old transactions, and look for replication slots that hold the horizon "
            "(SELECT slot_name, xmin FROM pg_replication_slots;); then VACUUM pgq.tasks;",
        )
    return good(f"{dead:,} in pgq.tasks, {when}")
