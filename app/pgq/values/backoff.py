"""How long to wait before the next attempt."""

import random
from collections.abc import Callable
from datetime import timedelta

from pgq.values.duration import seconds

Backoff = Callable[[int], float]
"""From the number of the attempt that failed (1, 2, …) to the seconds until the next one."""


def exponential(base: float = 2, cap: float | timedelta = 3600, jitter: float = 0.2) -> Backoff:
    """Wait base, base², base³ … seconds, at most `cap` (seconds or timedelta), spread by ± `jitter` (a share).

    The jitter keeps tasks that failed together from returning together.
    Raises ValueError unless base > 0 and 0 ≤ jitter ≤ 1.
    """
    if not base > 0:
        raise ValueError(f"base must be above 0, not {base}")
    if not 0 <= jitter <= 1:
        raise ValueError(f"jitter must be between 0 and 1, not {jitter}")
    longest = seconds(cap, "cap")

    def wait(attempt: int) -> float:
        try:
            plain = min(float(base) ** attempt, longest)
        except OverflowError:
            plain = longest
        # Spreading is for herds, not for secrets.
        return plain * random.uniform(1 - jitter, 1 + jitter)  # noqa: S311

    return wait
