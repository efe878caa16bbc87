"""What is to be done, and how often."""

from pgq.maintenance.duty import Duty
from pgq.maintenance.scheduler import Scheduler
from pgq.values.task import REMOTE_LEASE_SECONDS

EVERY_SECOND = 1.0


def duties(*, lease: float, kind_grace: float, retention: float = 7 * 86_400) -> tuple[Duty, ...]:
    """All duties, for workers whose leases last `lease` seconds and whose unknown kinds wait `kind_grace` seconds.

    What happened is forgotten after `retention` seconds.
    """
    remote = min(lease, REMOTE_LEASE_SECONDS)
    return (
        # After an outage, the holders of leases that ran out meanwhile have one lease's time to renew them: remote
        # workers theirs, all others so much more.
        Duty(
            name="reaper",
            statement="reap",
            period=EVERY_SECOND,
            hold=remote,
            parameters={"only": None, "longer": lease - remote},
            candidates="expired_leases",
        ),
        Duty(
            name="expirer", statement="expire", period=EVERY_SECOND, parameters={"only": None}, candidates="late_tasks"
        ),
        Duty(name="pruner", statement="prune", period=60, parameters={"retention": retention}),
        Duty(name="forgetter", statement="forget", period=60),
        # After an outage, the fleets that come back later than others have the grace time to show their kinds again.
        Duty(
            name="undertaker",
            statement="bury_unknown_kinds",
            period=min(300, max(EVERY_SECOND, kind_grace / 10)),
            hold=kind_grace,
            parameters={"grace": kind_grace, "only": None},
            candidates="tasks_of_unknown_kinds",
        ),
        # Finds what waits for parents that have ended unnoticed; so many edges and so many tasks a turn.
        Duty(
            name="unblocker",
            statement="unblock",
            period=5,
            parameters={"at_most": 20_000, "only": None},
            candidates="stranded",
        ),
        Scheduler(name="scheduler", statement="schedules/fire", period=EVERY_SECOND, routine=True),
        Duty(name="partitioner", statement="partition_ahead", period=3_600),
        Duty(name="sampler", statement="sample", period=10, routine=True),
        Duty(name="accountant", statement="account", period=60, routine=True),
        Duty(
            name="workflows",
            statement="workflows/keep",
            period=EVERY_SECOND,
            parameters={"only": None},
            candidates="workflows/kept",
            routine=True,
        ),
        Duty(name="workflow_pruner", statement="workflows/forget", period=60, parameters={"retention": retention}),
    )
