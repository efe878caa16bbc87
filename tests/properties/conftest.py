"""Bounded, and the same examples every time in CI; a longer search by hand: --hypothesis-profile=search."""

import os

from hypothesis import HealthCheck, settings

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile("pgq", deadline=None, max_examples=40, stateful_step_count=30, suppress_health_check=QUIET)
settings.register_profile("ci", settings.get_profile("pgq"), derandomize=True)
settings.register_profile(
    "search", deadline=None, max_examples=2_000, stateful_step_count=60, suppress_health_check=QUIET
)
settings.load_profile("ci" if os.environ.get("CI") else "pgq")
