"""The statistics say what happened, whatever happened; quantiles are as right as the buckets let them be."""

import bisect
from collections import Counter
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgq.db import leases
from pgq.db.outcomes import Finished, record
from tests.properties.desk import OUTCOMES, Desk
from tests.verbs import A

BOUNDED = settings(
    settings.default,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
COUNTED = {"complete": "succeeded", "cancel": "cancelled", "bury": "dead", "retry": "failed", "lost": "failed"}
ENDINGS = st.sampled_from([*OUTCOMES, "lost"])
STATISTICS = ("task_stats", "task_minutes", "task_totals")


@BOUNDED
@given(batches=st.lists(st.tuples(st.lists(ENDINGS, min_size=1, max_size=8), st.booleans()), min_size=1, max_size=5))
def test_what_is_counted_is_what_happened(dsn: str, batches: list[tuple[list[str], bool]]) -> None:
    """Random batches of outcomes, some of them sent twice, some lost to the reaper; some minutes closed in between."""
    with Desk(dsn) as desk:
        desk.empty()
        for table in STATISTICS:
            desk.run(f"DELETE FROM pgq.{table}")
        expected: Counter[str] = Counter()
        for endings, close in batches:
            desk.submit_many([{"kind": "echo"}] * len(endings))
            desk.run("UPDATE pgq.tasks SET run_at = clock_timestamp() WHERE attempt = 0 AND state = 'pending'")
            claimed = desk.wait_for(
                leases.claim(
                    desk.session, worker=A, queues=["default"], budgets=[8], kinds=["echo"], room=len(endings), lease=60
                )
            )
            lost = [one.id for one, ending in zip(claimed, endings, strict=True) if ending == "lost"]
            desk.run("UPDATE pgq.tasks SET lease_expires_at = clock_timestamp() WHERE id = ANY (%s)", lost)
            desk.duty("reaper")
            finished = [
                Finished(one.lease, OUTCOMES.get(ending, OUTCOMES["complete"]))
                for one, ending in zip(claimed, endings, strict=True)
            ]
            for _ in range(2):  # the second time as after a COMMIT whose answer was lost
                desk.wait_for(record(desk.session, A, finished))
            expected.update(COUNTED[ending] for ending in endings if ending in COUNTED)
            desk.run("DELETE FROM pgq.tasks")
            if close:
                # Far enough back that a row of this minute meets none of the minute before, whose place it would take.
                desk.run("UPDATE pgq.task_stats SET minute = minute - interval '1 h'")
                desk.duty("accountant")

        rows = desk.rows("SELECT * FROM pgq.task_counts")
        found = rows[0] if rows else {}
        names = ("succeeded", "failed", "dead", "cancelled", "expired")
        assert {name: found.get(name, 0) for name in names} == {name: expected[name] for name in names}
        attempts = expected.total()
        assert sum(found.get("wait", [])) == sum(found.get("run", [])) == attempts
        assert sum(found.get("total", [])) == attempts - expected["failed"]
        minutes = desk.rows("SELECT sum(succeeded + failed + dead + cancelled) AS n FROM pgq.counts_by_minute")
        assert (minutes[0]["n"] or 0) == attempts


def bounds(desk: Desk) -> list[float]:
    [row] = desk.rows("SELECT pgq.latency_bounds() AS bounds")
    found: list[float] = row["bounds"]
    return found


def test_the_bounds_grow_from_a_millisecond_to_hours(dsn: str) -> None:
    with Desk(dsn) as desk:
        found = bounds(desk)
    assert found == sorted(set(found))
    assert (found[0], found[-1]) == (0.001, 50_000)
    assert all(upper / lower <= 2.51 for lower, upper in pairwise(found))


DURATIONS = st.lists(st.floats(0, 200_000, allow_nan=False), min_size=1, max_size=60)


@BOUNDED
@given(durations=DURATIONS, more=DURATIONS, fraction=st.integers(0, 1_000_000).map(lambda n: n / 1_000_000))
def test_a_quantile_lies_in_the_bucket_of_the_true_one(
    dsn: str, durations: list[float], more: list[float], fraction: float
) -> None:
    with Desk(dsn) as desk:
        ends = bounds(desk)
        [row] = desk.rows(
            "SELECT one, other, added, pgq.quantile(added, %s) AS quantile FROM (SELECT pgq.histogram(%s) AS one, "
            "pgq.histogram(%s) AS other, pgq.add_histograms(pgq.histogram(%s), pgq.histogram(%s)) AS added) AS h",
            fraction, durations, more, durations, more,
        )  # fmt: skip
    everything = sorted(durations + more)
    buckets = Counter(bisect.bisect_right(ends, duration) for duration in everything)
    assert row["added"] == [buckets[bucket] for bucket in range(len(ends) + 1)]
    assert [a + b for a, b in zip(row["one"], row["other"], strict=True)] == row["added"]

    wanted = fraction * len(everything)
    true = everything[max(0, min(len(everything), -int(-wanted // 1)) - 1)]
    bucket = bisect.bisect_right(ends, true)
    lower = ends[bucket - 1] if bucket else 0.0
    upper = ends[bucket] if bucket < len(ends) else lower
    assert lower * 0.999999 <= row["quantile"] <= upper * 1.000001


def test_an_empty_histogram_has_no_quantile_and_nothing_added_up_is_nothing(dsn: str) -> None:
    with Desk(dsn) as desk:
        [row] = desk.rows(
            "SELECT pgq.quantile(pgq.histogram('{}'), 0.5) AS quantile, "
            "pgq.histogram(NULL) = pgq.histogram('{}') AS none, "
            "(SELECT pgq.sum_histograms(s.run) FROM pgq.task_stats AS s WHERE false) AS nothing"
        )
    assert row == {"quantile": None, "none": True, "nothing": None}
