"""A server that goes when the process that started it goes, however that ends."""

import os
import subprocess
from collections.abc import Sequence

from pgq.db.embedded.account import Account

WAIT_THEN_RUN = 'read -r _; exec "$@"'


class Lifeline:
    """A small shell beside the server that waits for the end of a pipe and then runs `command`.

    The system closes our end when we die, kill -9 included; this also works where prctl does not exist, and whichever
    thread made it. A process forked from this one without exec holds the pipe too, and so keeps the server alive.
    """

    def __init__(self, account: Account, command: Sequence[str], handles: Sequence[int]) -> None:
        end, self._our_end = os.pipe()
        with os.fdopen(end, "rb") as waiting:
            self._shell = subprocess.Popen(
                ["/bin/sh", "-c", WAIT_THEN_RUN, "sh", *command], **account.surroundings, pass_fds=handles,
                stdin=waiting, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip

    def cut(self) -> None:
        """Let the server be."""
        self._shell.kill()
        self._shell.wait()
        os.close(self._our_end)
