"""Connections that do not wait for ever for an answer that never comes.

A socket can fall silent and stay open: a firewall forgot the connection, a host went without a word, something in
between swallows what it is sent. TCP notices that only while something sent is unconfirmed. So when an answer takes
long, the server is asked over another connection whether it is at work on it. A slow statement is waited for as long as
it takes; one that the server knows nothing of is not, and neither is a server that answers nobody.
"""

import contextlib
import os
import socket
import threading
import time
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.abc import PQGen
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from pgq.db.sql import sql

R = TypeVar("R")
Row = TypeVar("Row", covariant=True)

PATIENCE = 10.0
"""Seconds without an answer after which the server is asked, and asked again as long as it says that it is at work."""

PATIENCE_BEHIND_A_POOLER = 60.0
"""There nobody can say which backend has the statement: after so long the connection is given up without asking."""


class NoAnswer(psycopg.OperationalError):
    """The connection broke, or was given up, before the server had answered: it may have done what it was asked."""


class PatientConnection(Connection[Row]):
    """For threads. `patience` is in seconds; with `asks` False the connection is given up without asking."""

    patience = PATIENCE
    asks = True

    def wait(self, gen: PQGen[R], *args: Any, **kwargs: Any) -> R:
        """Every exchange with the server goes through here."""
        return super().wait(patiently(gen, self), *args, **kwargs)


class PatientAsyncConnection(AsyncConnection[Row]):
    """For the event loop."""

    patience = PATIENCE
    asks = True

    async def wait(self, gen: PQGen[R], *args: Any, **kwargs: Any) -> R:
        """Every exchange with the server goes through here."""
        return await super().wait(patiently(gen, self), *args, **kwargs)


Patient = PatientConnection[Any] | PatientAsyncConnection[Any]


def patiently(exchange: PQGen[R], connection: Patient) -> PQGen[R]:
    """The exchange, which looks at the clock whenever nothing came for a moment. Raises NoAnswer.

    A session that only listens is silent by nature: only a statement is waited for.
    """
    inquiry: Inquiry | None = None
    gave_up_after: float | None = None
    since = time.monotonic()
    try:
        wanted = next(exchange)
        while True:
            ready = yield wanted
            now = time.monotonic()
            if ready:
                inquiry, since = None, now
            elif gave_up_after is None and now - since >= connection.patience and is_waited_for(connection):
                if inquiry is None and connection.asks:
                    inquiry = Inquiry(connection)
                elif inquiry is not None and inquiry.found_at_work:
                    inquiry, since = None, now
                elif inquiry is None or not inquiry.is_alive() or now - since >= 2 * connection.patience + 1:
                    gave_up_after = now - since
                    hang_up(connection)
            wanted = exchange.send(ready)
    except StopIteration as end:
        answer: R = end.value
        return answer
    except psycopg.OperationalError as error:
        if error.sqlstate is not None:
            raise
        if gave_up_after is None:
            raise NoAnswer(str(error)) from error
        raise NoAnswer(f"no answer for {gave_up_after:.1f} s: the connection is given up") from error


def is_waited_for(connection: Patient) -> bool:
    return connection.pgconn.transaction_status == TransactionStatus.ACTIVE


def hang_up(connection: Connection[Any] | AsyncConnection[Any]) -> None:
    """Shut the socket down under whoever waits for it: the wait then ends at once, with an OperationalError.

    Unlike a cancellation it needs nothing of the other side, and lets the server finish a COMMIT that it has begun.
    """
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


class Inquiry(threading.Thread):
    """Asks the server, over a connection of its own, whether it is at work on another one's statement."""

    def __init__(self, connection: Patient) -> None:
        super().__init__(name="pgq-inquiry", daemon=True)
        self.conninfo = make_conninfo(connection.info.dsn, password=connection.info.password or None)
        self.pid = connection.info.backend_pid
        self.patience = connection.patience
        self.found_at_work = False
        self.start()

    def run(self) -> None:
        """Ask once. Whatever fails is no sign of life."""
        connect = PatientConnection[Any].connect
        with contextlib.suppress(psycopg.Error), connect(self.conninfo, autocommit=True) as asking:
            asking.patience, asking.asks = self.patience, False
            row = asking.execute(sql("at_work"), {"pid": self.pid}).fetchone()
            self.found_at_work = row is not None and row[0]
