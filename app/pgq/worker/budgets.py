"""How the free slots are shared among queues."""

import math
import random
from collections.abc import Sequence

from pgq.worker.plan import ServedQueue


def shared(room: int, queues: Sequence[ServedQueue]) -> tuple[list[str], list[int]]:
    """The queues in the order to claim from, and how many tasks each may give.

    Each gets its weight's share of the room, rounded up; the order is random, by weight, so that where there is less
    room than queues each still gets its share over time (Efraimidis and Spirakis, 2006).
    """
    total = sum(queue.weight for queue in queues)
    order = sorted(queues, key=lambda queue: random.random() ** (1 / queue.weight), reverse=True)  # noqa: S311
    return [queue.name for queue in order], [math.ceil(room * queue.weight / total) for queue in order]
