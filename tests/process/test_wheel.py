"""The wheel alone, in an empty environment and away from the checkout: all that somebody who installs pgq has."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIRST_START_SECONDS = 120
STOP_SECONDS = 60

pytestmark = pytest.mark.xdist_group("wheel")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run([sys.executable, "-m", "pip", *build], check=True, capture_output=True)
    return next(folder.glob("pgq_tasks-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `pgq` command of an environment that holds nothing but the wheel and what the wheel asks for."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    installing = subprocess.run(
        [*pip, "install", "--only-binary", ":all:", str(wheel)], capture_output=True, text=True, check=False
    )
    if "connection broken by" in installing.stdout + installing.stderr and not os.environ.get("CI"):
        pytest.skip("the package index cannot be reached")
    assert installing.returncode == 0, installing.stdout + installing.stderr
    return folder / "bin" / "pgq"


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder away from the checkout. Short and open to all: it holds a socket, and as root the server is another."""
    with tempfile.TemporaryDirectory(prefix="pgq-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_it_carries_all_migrations_and_statements(wheel: Path) -> None:
    carried = set(zipfile.ZipFile(wheel).namelist())
    needed = {f"pgq/{path.relative_to(ROOT / 'app' / 'pgq')}" for path in sources(ROOT / "app" / "pgq")}
    needed |= {f"pgq/migrations/{path.relative_to(ROOT / 'migrations')}" for path in sources(ROOT / "migrations")}
    needed |= {"pgq/alembic.ini", "pgq/py.typed"}
    assert needed <= carried, f"missing: {sorted(needed - carried)}"
    strangers = {name for name in carried if not name.startswith(("pgq/", "pgq_tasks-"))}
    assert not strangers
    assert not [name for name in carried if "__pycache__" in name or "/tests/" in name]


def test_a_task_succeeds_with_nothing_but_the_wheel(wheel: Path, installed: Path, elsewhere: Path) -> None:
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("PGQ_", "PG", "PYTHON"))}
    settings |= {"PGQ_DATA_DIR": str(elsewhere / "data"), "PGQ_PORT": "0"}

    def pgq(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(installed), *arguments],
            cwd=elsewhere,
            env=settings,
            capture_output=True,
            text=True,
            timeout=FIRST_START_SECONDS,
        )

    version = pgq("version")
    assert version.returncode == 0, version.stderr
    assert wheel.name.split("-")[1] in version.stdout

    with running([str(installed), "up"], elsewhere, settings) as (up, said):
        deadline = time.monotonic() + FIRST_START_SECONDS
        while True:
            task = pgq("submit", "echo", '{"x": 1}', "--wait", "--json")
            if task.returncode == 0:
                break
            assert up.poll() is None, said.read_text()
            assert time.monotonic() < deadline, f"{task.stderr}\n{said.read_text()}"
            time.sleep(0.3)
        finished = json.loads(task.stdout)
        assert finished["state"] == "succeeded"
        assert finished["result"] == {"x": 1}

        up.send_signal(signal.SIGINT)
        assert up.wait(STOP_SECONDS) == 0, said.read_text()
        assert "Traceback" not in said.read_text()

    after = pgq("submit", "echo", "{}")
    assert after.returncode != 0, "the server that 'up' started was left running"
    assert "pgq up" in after.stderr


@contextmanager
def running(
    command: list[str], folder: Path, settings: dict[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A program in the background and the file of what it says; ended at the end, whatever happens."""
    said = folder / "said.txt"
    with said.open("wb") as output:
        program = subprocess.Popen(
            command, cwd=folder, env=settings, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield program, said
        finally:
            if program.poll() is None:
                program.terminate()
                try:
                    program.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    program.kill()
                    program.wait()


def sources(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix in (".py", ".sql", ".mako")]
