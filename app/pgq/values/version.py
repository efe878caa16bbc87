"""Which pgq this is."""

from importlib.metadata import PackageNotFoundError, version


def pgq_version() -> str:
    """The version of the installed distribution."""
    try:
        return version("pgq-tasks")
    except PackageNotFoundError:
        return "unknown"
