"""No deadline for a single example: on a busy machine it would fail tests that are right."""

from hypothesis import settings

settings.register_profile("pgq", settings.default, deadline=None)  # in CI the parent is Hypothesis' own "ci"
settings.load_profile("pgq")
