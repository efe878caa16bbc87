"""Which ticks of a schedule are fired now, and when the next one is."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pgq.values.cron import Cron

LATE = timedelta(seconds=60)
"""A tick that could not be fired for so long is missed: what becomes of it is the schedule's misfire policy."""
SOON = timedelta(seconds=5)
"""So is one that could not be fired for so long while a newer one is due. A scheduler looks about once a second."""


@dataclass(frozen=True, slots=True)
class Ticks:
    """`fire`, oldest first; then `next`, not before `due`: the tick and its share of the jitter."""

    fire: list[datetime]
    next: datetime
    due: datetime


def first_tick(cron: Cron, now: datetime, jitter: float, chance: Callable[[], float] = random.random) -> Ticks:
    """What a schedule begins with: never the past."""
    tick = cron.after(now)
    return Ticks([], tick, due_at(cron, tick, jitter, chance))


def due_ticks(
    cron: Cron,
    first: datetime,
    due: datetime,
    now: datetime,
    *,
    misfire: str,
    jitter: float,
    most: int,
    chance: Callable[[], float] = random.random,
) -> Ticks:
    """What is to be done with the ticks from `first` on, which has been due since `due`; at most `most` are fired."""
    started = first
    if misfire != "all":
        started = newest_that_may_count(cron, first, now)
    waiting = [(started, due if started == first else started)]
    for tick in cron.iterate(started):
        at = due_at(cron, tick, jitter, chance)
        if at > now or (misfire == "all" and len(waiting) > most):
            break
        waiting.append((tick, at))
    missed = [tick for tick, at in waiting if now - at > LATE or (now - at > SOON and tick != waiting[-1][0])]
    kept = {"skip": 0, "once": 1, "all": len(missed)}[misfire]
    dropped = set(missed[: len(missed) - kept])
    fire = [tick for tick, _ in waiting if tick not in dropped]
    if len(fire) > most:
        return Ticks(fire[:most], fire[most], fire[most])
    return Ticks(fire, tick, at)


def newest_that_may_count(cron: Cron, first: datetime, now: datetime) -> datetime:
    """After an outage, the newest missed tick or one before it; what lies before that is not looked at."""
    newest = cron.newest(now - SOON, first)
    before = newest and cron.newest(newest, first)
    return before or first


def due_at(cron: Cron, tick: datetime, jitter: float, chance: Callable[[], float]) -> datetime:
    """When a tick is fired: up to `jitter` seconds later, but before the one after it."""
    if not jitter:
        return tick
    return tick + chance() * min(timedelta(seconds=jitter), cron.after(tick) - tick)
