"""Embedded servers for tests: one of the test's own, and one that many only look at."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pgq.db.embedded import EmbeddedServer
from tests.embedded import NOBODY, QUICK


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., EmbeddedServer]]:
    """EmbeddedServer in a folder of this test; whatever runs there is stopped afterwards."""
    made: list[EmbeddedServer] = []

    def make(name: str = "postgres", **options: Any) -> EmbeddedServer:
        made.append(EmbeddedServer(tmp_path / name, options=QUICK, **options))
        return made[-1]

    yield make
    for server in made:
        if (server.folder.data / "PG_VERSION").exists():
            server.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """One running server for the tests that only look at it."""
    server = EmbeddedServer(tmp_path_factory.mktemp("embedded") / "postgres", options=QUICK)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of nobody's, where every user may go."""
    place = Path(tempfile.mkdtemp(prefix="pgq-public-", dir="/tmp"))
    os.chown(place, NOBODY.pw_uid, NOBODY.pw_gid)
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)
