"""`python -m devtools.twins [WORD…]`: try all twins, or those whose name holds one of the words."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from devtools.step import say
from devtools.twins.trial import Verdict, copy_to, end_all, try_out
from devtools.twins.twin import NoSuchTwin, Twin, chosen, read_lists
from tests.server import choose_server

AT_ONCE = (os.cpu_count() or 1) + 2
"""More than can compute at once: many a twin is caught by waiting in vain."""

TAIL_LINES = 40


def main(words: Sequence[str]) -> int:
    """Try twins on a server of their own; the exit code is 0 only when the tests catch every one of them."""
    try:
        twins = chosen(read_lists(), words)
    except NoSuchTwin as error:
        say(f"{error}")
        return 2
    with ExitStack() as closing:
        _, server = choose_server(closing)
        return try_all(twins, server)


def try_all(twins: Sequence[Twin], server: str) -> int:
    """Run the tests on an unchanged copy, then on each twin; a line on stdout for each."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pgq-twins-") as name:
        folder = Path(name)
        if not passes_unchanged(folder / "unchanged", twins, server):
            return 1
        with ThreadPoolExecutor(AT_ONCE) as pool:
            jobs = [pool.submit(try_one, twin, folder / str(number), server) for number, twin in enumerate(twins)]
            try:
                caught = [job.result() for job in jobs]
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                end_all()
    print(f"{sum(caught)} of {len(twins)} twins caught in {time.monotonic() - started:.0f} s", flush=True)
    return 0 if all(caught) else 1


def passes_unchanged(tree: Path, twins: Sequence[Twin], server: str) -> bool:
    """Whether the tests pass where no guard is broken: or else they would catch everything."""
    copy_to(tree)
    tests = dict.fromkeys(test for twin in twins for test in twin.tests)
    verdict = try_out(tree, tests, server, "-n", "auto", "--maxprocesses", "4", "--dist", "loadgroup", unchanged=True)
    if verdict.code != 0:
        print(f"The tests fail without any change:\n{tail(verdict)}", flush=True)
    return verdict.code == 0


def try_one(twin: Twin, tree: Path, server: str) -> bool:
    """Whether the tests catch this twin; says so."""
    copy_to(tree)
    started = time.monotonic()
    try:
        twin.change(tree)
    except NoSuchTwin as error:
        print(f"FAILED  {twin.name}: {error}", flush=True)
        return False
    verdict = try_out(tree, twin.tests, server)
    if verdict.failed and not verdict.objection:
        print(f"ok      {twin.name}: caught by {verdict.failed} ({time.monotonic() - started:.0f} s)", flush=True)
        return True
    why = verdict.objection or ("it slipped through" if verdict.code == 0 else f"pytest ended with {verdict.code}")
    print(f"FAILED  {twin.name}: {why}; pytest said:\n{tail(verdict)}", flush=True)
    return False


def tail(verdict: Verdict) -> str:
    """The end of what pytest said."""
    return "\n".join(verdict.said.rstrip().splitlines()[-TAIL_LINES:])


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main(sys.argv[1:]))
