"""The outside log: what happened, written down where the database cannot change it."""

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Event:
    """One line: what happened, when by the machine's clock, in which process, and more facts."""

    name: str
    at: float
    pid: int
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def task(self) -> UUID:
        return UUID(self.facts["task"])


class OutsideLog:
    """An append-only file that many processes write to, a line a write, so that a killed writer leaves no half line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        self.read_to = 0
        self.known: list[Event] = []

    def write(self, name: str, **facts: Any) -> None:
        """Append an event of this process; `pid=` speaks of another one."""
        pid = facts.pop("pid", os.getpid())
        line = json.dumps({"name": name, "at": time.time(), "pid": pid, "facts": facts}, default=str) + "\n"
        os.write(self.descriptor, line.encode())

    def events(self, name: str | None = None) -> list[Event]:
        """All events so far, or those of one name; in the order of their lines."""
        with self.path.open("rb") as file:
            file.seek(self.read_to)
            lines = file.read().rpartition(b"\n")[0]  # the last one may not be whole yet
        if lines:
            self.read_to += len(lines) + 1
            self.known += [Event(**json.loads(line)) for line in lines.split(b"\n")]
        return [event for event in self.known if name in (None, event.name)]

    def count(self, name: str) -> int:
        """How many events have this name."""
        return len(self.events(name))

    def close(self) -> None:
        """Write no more."""
        os.close(self.descriptor)
