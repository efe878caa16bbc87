"""A supervised process's end of the socket to its supervisor."""

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable

log = logging.getLogger("pgq.supervisor")

VARIABLE = "PGQ_SUPERVISOR_FD"
"""Names the socket's descriptor to the child. Internal: with it, the same command works, and supervises nobody."""

READY = b"r"


class SupervisorLink:
    """Tells the supervisor that the process has begun, and the process that the supervisor is gone."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self.socket = socket.socket(fileno=descriptor)

    def ready(self) -> None:
        """Settings and handlers are good: from now on a failure is worth another try."""
        with contextlib.suppress(OSError):
            self.socket.send(READY)

    def watch(self, stop: Callable[[], None]) -> None:
        """Call `stop`, from a thread, when the supervisor ends, whatever ends it."""
        threading.Thread(target=self.wait, args=[stop], name="pgq-supervisor-lives", daemon=True).start()

    def wait(self, stop: Callable[[], None]) -> None:
        with contextlib.suppress(OSError):
            self.socket.recv(1)
        log.warning("the supervisor has gone; this process finishes what it does, and ends")
        stop()


def link_to_supervisor() -> SupervisorLink | None:
    """The link, in a process that a supervisor started; None elsewhere. What handlers start is no worker of ours."""
    descriptor = os.environ.pop(VARIABLE, None)
    return None if descriptor is None else SupervisorLink(int(descriptor))
