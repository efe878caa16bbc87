"""What happens, in which order and to whom: all of it follows from one number."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

ACTS = (
    "kill",
    "freeze",
    "stop",
    "crash_server",
    "restart_server",
    "terminate_backends",
    "cut",
    "refuse",
    "silence",
    "silence_answers",
    "silence_network",
    "lose_an_outcome",
)

SHORTEST_PAUSE, LONGEST_PAUSE = 0.3, 2.0


@dataclass(frozen=True, slots=True)
class Act:
    """`target` from 0 to 1 says who of those there; `share` how hard or long; `pause` in seconds, before it."""

    number: int
    name: str
    target: float
    share: float
    pause: float

    def __str__(self) -> str:
        return f"act {self.number}: {self.name} (target {self.target:.3f}, share {self.share:.3f})"


def schedule(seed: int) -> Iterator[Act]:
    """Acts without end. They come in rounds that hold each of them once, so that a short run knows them all."""
    rng = random.Random(seed)
    number = 0
    while True:
        for name in rng.sample(ACTS, len(ACTS)):
            number += 1
            yield Act(number, name, rng.random(), rng.random(), rng.uniform(SHORTEST_PAUSE, LONGEST_PAUSE))
