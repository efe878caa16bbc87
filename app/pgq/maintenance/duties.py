"""What is to be done, and how often."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EVERY_SECOND = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One kind of maintenance work: a statement that runs once a period in the whole cluster.

    hold: seconds to wait before the first run after an outage, or None.
    """

    name: str
    statement: str
    period: float
    hold: float | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


REAPER = "reaper"


def duties(*, lease: float, kind_grace: float) -> tuple[Duty, ...]:
    """All duties, for workers whose leases last `lease` seconds and whose unknown kinds wait `kind_grace` seconds."""
    return (
        # After an outage, the holders of leases that ran out meanwhile have one lease's time to renew them.
        Duty(name=REAPER, statement="reap", period=EVERY_SECOND, hold=lease, parameters={"only": None}),
        Duty(name="expirer", statement="expire", period=EVERY_SECOND),
        Duty(name="pruner", statement="prune", period=60),
        Duty(
            name="undertaker",
            statement="bury_unknown_kinds",
            period=min(300, max(EVERY_SECOND, kind_grace / 10)),
            parameters={"grace": kind_grace},
        ),
        Duty(name="partitioner", statement="partition_ahead", period=3_600),
    )
