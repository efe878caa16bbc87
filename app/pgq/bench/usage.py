"""What a process and its descendants use, as the system counts it."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Usage:
    """One process: CPU seconds since its start, and resident memory in bytes."""

    pid: int
    parent: int
    cpu: float
    resident: int


def usage_of(pid: int) -> list[Usage]:
    """The process and its descendants; empty when it has ended."""
    everybody = {one.pid: one for one in (from_proc() if (PROC / "self" / "stat").exists() else from_ps())}
    family = [everybody[pid]] if pid in everybody else []
    for member in family:  # grows while it is walked
        family += [one for one in everybody.values() if one.parent == member.pid]
    return family


def from_proc() -> Iterator[Usage]:
    """All processes, on Linux: CPU time in hundredths of a second."""
    page, tick = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
    for place in PROC.iterdir():
        if place.name.isdecimal():
            try:
                words = (place / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended meanwhile
                continue
            # After the name in brackets: state, parent, …; utime and stime; resident pages. See proc(5).
            yield Usage(int(place.name), int(words[1]), (int(words[11]) + int(words[12])) / tick, int(words[21]) * page)


def from_ps() -> Iterator[Usage]:
    """All processes, where there is no /proc (macOS)."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,time=,rss="], capture_output=True, text=True, check=True)
    for line in listing.stdout.splitlines():
        pid, parent, time, kilobytes = line.split()
        yield Usage(int(pid), int(parent), seconds_of(time), int(kilobytes) * 1024)


def seconds_of(time: str) -> float:
    """`1-02:03:04` or `3:04.05` in seconds."""
    days, _, rest = time.rpartition("-")
    total = float(days or 0) * 24
    for part in rest.split(":")[:-2]:
        total += float(part)
    minutes, seconds = rest.split(":")[-2:]
    return (total * 60 + float(minutes)) * 60 + float(seconds)
