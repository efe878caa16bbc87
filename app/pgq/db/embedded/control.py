"""pg_ctl for one data folder: start, stop, and what the server said."""

import shlex
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from pgq.db.embedded.account import Account, server_account
from pgq.db.embedded.binaries import Binaries, find_binaries, usable_by
from pgq.db.embedded.folder import Folder
from pgq.db.embedded.lifeline import Lifeline

PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Control:
    """The programs, and the account that runs them, for the server in `folder`."""

    binaries: Binaries
    account: Account
    folder: Folder

    def start(self, options: Mapping[str, str]) -> bool:
        """Start the server with `options`, its settings; returns when it is ready, with False when it is not."""
        self.folder.start_log.unlink(missing_ok=True)
        settings = shlex.join(word for name, value in options.items() for word in ("-c", f"{name}={value}"))
        with self._data() as (data, handles), self.folder.start_log.open("ab") as log:
            command = [*self._pg_ctl("start", data), "-o", settings]
            return self.account.run(*command, output=log.fileno(), handles=handles).ok

    def stop(self) -> str | None:
        """Stop the server without waiting for its clients; None, or why it did not stop."""
        with self._data() as (data, handles):
            stopped = self.account.run(*self._pg_ctl("stop", data), handles=handles)
        return None if stopped.ok else stopped.said

    def lifeline(self) -> Lifeline:
        """Let the server stop when this process ends."""
        with self._data() as (data, handles):
            return Lifeline(self.account, self._pg_ctl("stop", data), handles)

    def last_words(self) -> str:
        """The end of what the server said at its last start."""
        words = [self.folder.start_log.read_text(errors="replace")[-2000:].strip()]
        logs = sorted(self.folder.data.glob("log/*.log"), key=lambda log: log.lstat().st_mtime)
        if logs:
            with self._data() as (
                data,
                handles,
            ):  # read as the server's user: a link there must not lead root elsewhere
                words.append(self.account.run("tail", "-n", "8", f"{data}/log/{logs[-1].name}", handles=handles).said)
        return "\n".join(words)

    def _pg_ctl(self, action: str, data: str) -> list[str]:
        how = ("-m", "fast") if action == "stop" else ()
        return [str(self.binaries / "pg_ctl"), action, "-D", data, "-s", "-w", "-t", str(PATIENCE_SECONDS), *how]

    def _data(self) -> AbstractContextManager[tuple[str, tuple[int, ...]]]:
        return self.account.reaching(self.folder.data)


def find_control(folder: Folder) -> Control:
    """Find the programs and the account for `folder`; raises SettingsError when one is missing."""
    account = server_account(folder.data)
    return Control(usable_by(account, find_binaries()), account, folder)
