"""No deadline for an example, nor for making it: on a busy machine it would fail tests that are right."""

from hypothesis import HealthCheck, settings

# In CI the parent is Hypothesis' own "ci".
settings.register_profile("pgq", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pgq")
