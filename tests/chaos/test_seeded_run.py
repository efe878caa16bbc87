"""A short chaos run, the same each time: everything at once that the other tests do one by one."""

from pathlib import Path

from tests.chaos.run import how_to_repeat, run, tell
from tests.chaos.schedule import ACTS, schedule

SEED = 2026
SECONDS = 60.0


def test_no_invariant_breaks_while_everything_does(tmp_path: Path) -> None:
    said: list[str] = []

    def say(line: str) -> None:
        tell(line)
        said.append(line)

    tell(how_to_repeat(SEED, SECONDS))
    found = run(SEED, SECONDS, tmp_path, say)
    assert {act for act in ACTS if any(f": {act} " in line for line in said)} == set(ACTS), "the run was too short"
    assert any(failure.reaped for failures in found.failures.values() for failure in failures)
    assert {row.state for row in found.rows.values()} == {"succeeded", "dead"}


def test_the_same_seed_gives_the_same_acts() -> None:
    first, again, other = (
        [act for act, _ in zip(schedule(seed), range(50), strict=False)] for seed in (SEED, SEED, SEED + 1)
    )
    assert first == again
    assert first != other
