"""Statistics of a week are kept; a look at the last hour reads the last hour."""

import pytest

from tests.plans.plan import Plan
from tests.verbs import Database

FILL = """
    INSERT INTO pgq.task_minutes
    SELECT date_trunc('minute', now()) - n * interval '1 min', 1, 0, 0, 0, 0, 0, 0, 0, queue, 'echo', h, h, h
    FROM   generate_series(1, 3000) AS n, unnest('{a,b,c}'::text[]) AS queue, pgq.histogram('{1}') AS h
"""


@pytest.mark.parametrize("query", [
    "SELECT * FROM pgq.error_rate",
    "SELECT * FROM pgq.task_throughput WHERE minute > now() - interval '1 h'",
    "SELECT * FROM pgq.task_latency WHERE minute > now() - interval '1 h'",
])  # fmt: skip
async def test_a_look_at_the_last_hour_reads_the_last_hour(db: Database, query: str) -> None:
    await db.run(FILL)
    await db.run("VACUUM ANALYZE pgq.task_minutes")

    explained = await db.value(f"EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF, BUFFERS OFF) {query}")

    assert Plan(explained[0]["Plan"]).rows_read("task_minutes") <= 3 * 60
