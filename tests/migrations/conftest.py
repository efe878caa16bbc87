"""Empty databases, and the tools of the server that they are on."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from pgq.db.embedded.binaries import find_binaries
from tests.server import Databases, DatabaseServer

ROOT = Path(__file__).parents[2]


@pytest.fixture
def empty(databases: Databases) -> Iterator[str]:
    """The conninfo of a database without pgq."""
    conninfo = databases.create()
    yield conninfo
    databases.drop(str(conninfo_to_dict(conninfo)["dbname"]))


@pytest.fixture
def another_empty(databases: Databases) -> Iterator[str]:
    conninfo = databases.create()
    yield conninfo
    databases.drop(str(conninfo_to_dict(conninfo)["dbname"]))


Tool = Callable[..., str]


@pytest.fixture(scope="session")
def tool(database_server: DatabaseServer) -> Tool:
    """Runs pg_dump or psql of the server's own version on a database, and answers what it prints."""
    major = int(database_server.version.split(".")[0])
    binaries = find_binaries()

    def run(program: str, conninfo: str, *arguments: str, stdin: str | None = None) -> str:
        path = str(binaries / program)
        if binaries.major != major or not Path(path).exists():
            found = shutil.which(program, path=f"/usr/lib/postgresql/{major}/bin:{os.environ['PATH']}")
            if found is None:
                pytest.skip(f"no {program} of PostgreSQL {major} on this machine")
            path = found
        done = subprocess.run(
            [path, "--dbname", conninfo, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env={**os.environ, "PGTZ": "UTC"},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
