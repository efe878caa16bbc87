"""What the tests with real worker processes share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers import Fleet


@pytest.fixture
def fleet(dsn: str, tmp_path: Path) -> Iterator[Fleet]:
    """To start worker processes on a fresh database; whatever the test does, none is left afterwards."""
    fleet = Fleet(dsn, tmp_path)
    yield fleet
    fleet.end()
