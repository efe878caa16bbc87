"""However late the turns of the scheduler come: no tick fires twice or too early, and what is lost the policy says."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from pgq.values.cron import Cron
from pgq.values.ticks import due_ticks, first_tick

BEGIN = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)
CRONS = st.sampled_from(("* * * * * *", "*/7 * * * * *", "* * * * *", "*/5 * * * *", "30 2 * * *", "15 1,2,3 * * *"))
ZONES = st.sampled_from(("UTC", "Europe/Berlin", "Australia/Lord_Howe"))
JITTERS = st.sampled_from((0.0, 3.0, 60.0, 86_400.0))
MISFIRES = st.sampled_from(("skip", "once", "all"))
MOST = st.sampled_from((1, 5, 1_000))
CHANCES = st.floats(0, 1, exclude_max=True)
ON_TIME = st.floats(0, 4.9)
LATE = st.one_of(ON_TIME, st.sampled_from((5.1, 61.0, 600.0, 7_200.0, 90_000.0)))


class Turns:
    """A schedule, and a scheduler that looks at it so many seconds after each time that it is due."""

    def __init__(self, cron: Cron, jitter: float, misfire: str, most: int, chance: float) -> None:
        self.cron, self.jitter, self.misfire, self.most = cron, jitter, misfire, most
        self.chance = lambda: chance
        first = first_tick(cron, BEGIN, jitter, self.chance)
        self.next, self.due = first.next, first.due
        self.fired: list[datetime] = []

    def turn(self, late: float) -> None:
        now = self.due + timedelta(seconds=late)
        found = due_ticks(
            self.cron, self.next, self.due, now,
            misfire=self.misfire, jitter=self.jitter, most=self.most, chance=self.chance,
        )  # fmt: skip
        assert len(found.fire) <= self.most
        assert all(tick <= now for tick in found.fire)
        assert self.next < found.next <= found.due
        self.fired += found.fire
        self.next, self.due = found.next, found.due

    def passed(self) -> list[datetime]:
        """All ticks up to now; only to be asked where none was skipped: the seconds of two weeks are a million."""
        return self.cron.ticks(BEGIN, self.next - SECOND, len(self.fired) + 1)

    def is_tick(self, moment: datetime) -> bool:
        """Whether it is one of them."""
        return BEGIN < moment < self.next and self.cron.ticks(moment - SECOND, moment, 2) == [moment]


@given(CRONS, ZONES, JITTERS, MISFIRES, CHANCES, st.lists(ON_TIME, min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_of_turns_that_are_a_little_late_none_misses_a_tick(
    cron: str, zone: str, jitter: float, misfire: str, chance: float, late: list[float]
) -> None:
    turns = Turns(Cron.parse(cron, zone), jitter, misfire, 1_000, chance)
    for one in late:
        turns.turn(one)
    assert turns.fired == turns.passed()


@given(CRONS, ZONES, JITTERS, MISFIRES, MOST, CHANCES, st.lists(LATE, min_size=1, max_size=12))
@settings(max_examples=100, deadline=None)
def test_after_outages_ticks_fire_in_order_and_once_and_with_all_every_one(
    cron: str, zone: str, jitter: float, misfire: str, most: int, chance: float, late: list[float]
) -> None:
    turns = Turns(Cron.parse(cron, zone), jitter, misfire, most, chance)
    for one in late:
        turns.turn(one)
    assert turns.fired == sorted(set(turns.fired))
    assert all(map(turns.is_tick, turns.fired))
    if misfire == "all":
        assert turns.fired == turns.passed()
