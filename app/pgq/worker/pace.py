"""How long tasks run, by kind."""

from collections.abc import Iterable

SHORT = 0.005
"""Seconds below which it is worth having the next tasks at hand before the running ones have ended."""

INERTIA = 8
"""How many runs the average looks back on, about."""


class Pace:
    """A moving average of the run times of each of a worker's kinds, in seconds."""

    def __init__(self, kinds: Iterable[str]) -> None:
        self.seconds = dict.fromkeys(kinds, float("inf"))

    def note(self, kind: str, seconds: float) -> None:
        """A task of this kind ran for so long."""
        average = self.seconds[kind]
        self.seconds[kind] = seconds if average == float("inf") else average + (seconds - average) / INERTIA

    def all_short(self) -> bool:
        """Whether tasks of every kind are known to be short; a claim takes whatever comes."""
        return max(self.seconds.values(), default=float("inf")) < SHORT
