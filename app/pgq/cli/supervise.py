"""A supervisor without the command line's own luggage, which it would carry for as long as its workers live."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from pgq.cli.logs import configure
from pgq.supervisor.supervisor import same, supervise

BEGIN = "import sys; sys.path.append(sys.argv[1]); from pgq.cli.supervise import main; main(sys.argv[2])"
"""Not `-m`: that would look for Python's own modules in the current folder first, and find somebody's `queue.py`."""

PACKAGES = str(Path(__file__).parents[2])


def become_supervisor(command: Sequence[str], *, processes: int, grace: float, style: str, level: str) -> NoReturn:
    """Turn this process, under its own id, into the supervisor of so many processes of a command."""
    wanted = {"command": list(command), "processes": processes, "grace": grace, "style": style, "level": level}
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-P", "-c", BEGIN, PACKAGES, json.dumps(wanted)])  # noqa: S606


def main(wanted: str) -> None:
    """Be the supervisor that `become_supervisor` asked for."""
    said = json.loads(wanted)
    configure(style=said["style"], level=said["level"])
    sys.exit(supervise(same("worker process", said["command"], said["processes"]), grace=said["grace"]))
