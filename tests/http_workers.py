"""The example workers over HTTP as real processes, in all languages."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.until import until
from tests.workers import ROOT

EXAMPLES = ROOT / "examples" / "workers"

COMMANDS: dict[str, Sequence[str | Path]] = {
    "javascript": ("node", EXAMPLES / "worker.mjs"),
    "bash": ("bash", EXAMPLES / "worker.sh"),
    "python": (sys.executable, "-W", "error", EXAMPLES / "worker.py"),
}
LANGUAGES = tuple(COMMANDS)


class HttpWorker:
    """An example worker; what it says goes to a file. `settings` are its variables: `concurrency=2`."""

    def __init__(self, language: str, addresses: Sequence[str], said: Path, **settings: Any) -> None:
        self.said_path = said
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PGQ_")}
        given = {"api_urls": ",".join(addresses), "worker_name": language, "grace_seconds": 5, **settings}
        with said.open("wb") as output:
            self.process = subprocess.Popen(
                COMMANDS[language],
                cwd=said.parent,
                env={**kept, **{f"PGQ_{name.upper()}": str(value) for name, value in given.items()}},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self) -> str:
        """Its log so far."""
        return self.said_path.read_text(errors="replace")

    @property
    def id(self) -> str:
        """The id that it was given when it registered first."""

        def found() -> str:
            assert self.process.poll() is None or " serves " in self.said(), self.said()
            return self.said().partition(" serves ")[0].rpartition(" ")[2] if " serves " in self.said() else ""

        return until(found, lambda: f"the worker to register; it said:\n{self.said()}")

    def kill(self) -> None:
        """kill -9 for it and what it has started, as when its machine goes; on return it is dead."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def tell_to_stop(self) -> None:
        """SIGTERM, as an orchestrator sends it."""
        self.process.send_signal(signal.SIGTERM)

    def exit_code(self) -> int:
        """Wait for its end."""
        until(lambda: self.process.poll() is not None, lambda: f"the worker to end; it said:\n{self.said()[-3000:]}")
        return self.process.returncode


@contextmanager
def http_worker(language: str, addresses: Sequence[str], folder: Path, **settings: Any) -> Iterator[HttpWorker]:
    """A worker that is ended with the block, whatever happens."""
    worker = HttpWorker(language, addresses, folder / f"{language}-{len(list(folder.iterdir()))}.log", **settings)
    try:
        yield worker
    finally:
        if worker.process.poll() is None:
            worker.tell_to_stop()
            try:
                worker.process.wait(40)
            except subprocess.TimeoutExpired:
                worker.kill()
