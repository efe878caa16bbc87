"""A chaos run: `python3 dev.py chaos --seed N --seconds S`.

A real fleet works while it is killed, frozen, stopped, cut off and left without answers, as the seed says; then it is
let loose, and what the database holds is compared with what was written outside of it. The acts follow from the seed
alone; what they hit does not quite, because processes have a time of their own.
"""

import argparse
import logging
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from pgq.db import pool
from tests.audit import Evidence
from tests.chaos import verdict
from tests.chaos.acts import Lasting, perform
from tests.chaos.fleet import ChaosFleet
from tests.chaos.schedule import schedule
from tests.restartable import restartable_server
from tests.tasks import tasks_of

WORKERS = 3
SUBMITTERS_PATIENCE = 3.0
"""Seconds: a submitter that waits thirty for one answer submits too little."""


def run(seed: int, seconds: float, folder: Path, say: Callable[[str], None]) -> Evidence:
    """Disturb a fleet for so long, then judge. Raises AssertionError with what is wrong."""
    began = time.monotonic()
    with restartable_server() as server, patch.object(pool, "PATIENCE", SUBMITTERS_PATIENCE):
        fleet = ChaosFleet(server, folder, WORKERS, seed)
        try:
            fleet.open()
            disturb(fleet, seed, seconds, say)
            say("at last every connection falls silent for ever, and new ones do not: all is to end now")
            for member in fleet.members:
                member.process.wait_until_ready()
            for proxy in fleet.proxies():
                proxy.swallow()
            with tasks_of(server.conninfo) as tasks:
                verdict.stop_gracefully(fleet.members.pop(), fleet, tasks)
                fleet.stop_submitting()
                tasks.all_ended(within=verdict.DRAINED_WITHIN)
                stop_all(fleet)
                found = verdict.judge(fleet, tasks)
            say(verdict.summary(found, began))
        finally:
            fleet.close()
    return found


def disturb(fleet: ChaosFleet, seed: int, seconds: float, say: Callable[[str], None]) -> None:
    """One act after the other; on return all that lasts is undone."""
    started = time.monotonic()
    lasting: list[tuple[float, Lasting]] = []
    for act in schedule(seed):
        next_at = time.monotonic() + act.pause
        while (now := time.monotonic()) < next_at:
            for ended in [one for one in lasting if one[0] <= now]:
                lasting.remove(ended)
                ended[1].undo()
            fleet.look_after_the_leaving()
            time.sleep(0.02)
        if now - started >= seconds:
            break
        unexpected = [member for member in fleet.members if not member.process.lives]
        assert not unexpected, f"a worker ended by itself:\n{unexpected[0].process.said()[-3000:]}"
        say(f"{now - started:6.2f} s  {act}")
        if (effect := perform(act, fleet)) is not None:
            lasting.append((time.monotonic() + effect.seconds, effect))
    for _, effect in lasting:
        effect.undo()


def stop_all(fleet: ChaosFleet) -> None:
    """Every worker still there stops in order."""
    for member in (*fleet.members, *fleet.leaving):
        member.process.tell_to_stop()
    for member in (*fleet.members, *fleet.leaving):
        assert member.process.exit_code() == 0, member.process.said()[-3000:]
        fleet.outside.write("exited", pid=member.process.pid)
    for member in fleet.gone:
        codes = (0, -9) if "serves" in member.process.said() else (0, -9, -15)  # told before it could heed it
        assert member.process.exit_code() in codes, f"a worker failed:\n{member.process.said()[-3000:]}"


def main() -> int:
    """For people. Exit code 1 when an invariant is broken; then the logs are kept."""
    parser = argparse.ArgumentParser(prog="dev.py chaos", description="Disturb a real fleet and audit what is left.")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000), help="default: random")
    parser.add_argument("--seconds", type=float, default=120, help="of disturbance (default 120)")
    given = parser.parse_args()
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # the submitters'; what they meet is no news here
    tell(f"seed {given.seed}, {given.seconds:g} s")
    folder = Path(tempfile.mkdtemp(prefix="pgq-chaos-"))
    try:
        run(given.seed, given.seconds, folder, tell)
    except AssertionError as wrong:
        tell(f"\n{wrong}\n\nThe logs of this run: {folder}")
        tell(how_to_repeat(given.seed, given.seconds))
        return 1
    shutil.rmtree(folder)
    return 0


def how_to_repeat(seed: int, seconds: float) -> str:
    """The command for the same acts again."""
    return f"to repeat it: python3 dev.py chaos --seed {seed} --seconds {seconds:g}"


def tell(line: str) -> None:
    """At once, also through a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
