"""Does a notification get from one connection to another?"""

import time
from typing import Any
from uuid import uuid4

from psycopg import Connection

from pgq.db.connect import connect, pooled
from pgq.db.sql import sql
from pgq.doctor.finding import Verdict, bad, good

PATIENCE = 5.0
"""Seconds that a notification may take."""


def notifications(connection: Connection[Any], listen_conninfo: str) -> Verdict:
    """LISTEN where workers would, NOTIFY where submitters would, and wait."""
    with connect(listen_conninfo) as ear:
        if pooled(ear):
            return bad(
                "the connection goes through a transaction pooler, where none is heard: tasks are found by polling",
                "set PGQ_DIRECT_URL to a URL past the pooler",
            )
        ear.execute(sql("doctor/listen"))
        word = uuid4().hex
        begin = time.perf_counter()
        connection.execute(sql("doctor/notify"), {"word": word})
        heard = any(notification.payload == word for notification in ear.notifies(timeout=PATIENCE, stop_after=1))
        took = time.perf_counter() - begin
    if not heard:
        return bad(
            f"a NOTIFY was not heard within {PATIENCE:g} s: tasks are found by polling",
            "let PGQ_DIRECT_URL name the same database as PGQ_DATABASE_URL, on the same server",
        )
    return good(f"heard after {took * 1000:.1f} ms")
