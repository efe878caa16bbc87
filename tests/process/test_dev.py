"""dev.py on projects of its own: a folder with nothing to fetch, so that these tests need no network."""

import ast
import hashlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import dev
from devtools.commands import COMMANDS
from devtools.pip_wheel import newest_wheel

ROOT = Path(dev.__file__).resolve().parent

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "pgq"
version = "1"
[dependency-groups]
test = []
lint = [{ include-group = "test" }]
"""

# A build backend in one file: the command `pgq` that it installs prints how it was called.
BACKEND = """
import base64, hashlib, pathlib, zipfile

FILES = {
    "pgq_called.py": "import sys\\ndef main(): print('pgq', *sys.argv[1:])\\n",
    "pgq-1.dist-info/METADATA": "Metadata-Version: 2.1\\nName: pgq\\nVersion: 1\\n",
    "pgq-1.dist-info/WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    "pgq-1.dist-info/entry_points.txt": "[console_scripts]\\npgq = pgq_called:main\\n",
}

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "pgq-1-py3-none-any.whl"
    record = "".join(f"{path},,\\n" for path in FILES) + "pgq-1.dist-info/RECORD,,\\n"
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / name, "w") as wheel:
        for path, text in {**FILES, "pgq-1.dist-info/RECORD": record}.items():
            wheel.writestr(path, text)
    return name

build_wheel = build_editable
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with dev.py and a package that installs without a network."""
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copy(ROOT / "dev.py", folder)
    shutil.copytree(ROOT / "devtools", folder / "devtools", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "backend.py").write_text(BACKEND)
    return folder


def run_dev(project: Path, *arguments: str, without: tuple[str, ...] = (), **variables: str) -> tuple[int, str, str]:
    """Run dev.py as a person would; `without` names modules that its Python shall not have."""
    hidden = f"import runpy, sys; sys.modules.update(dict.fromkeys({without!r})); sys.path.insert(0, {str(project)!r})"
    script = f"{hidden}; sys.argv = {['dev.py', *arguments]!r}; runpy.run_path('dev.py', run_name='__main__')"
    outside = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(
        [getattr(sys, "_base_executable", sys.executable), "-c", script],
        cwd=project,
        env={**outside, **variables},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout, done.stderr


def test_an_old_python_can_read_dev_py() -> None:
    ast.parse((ROOT / "dev.py").read_text(), feature_version=(3, 8))


@pytest.mark.parametrize("version", [(3, 8, 18), (3, 10, 13)])
def test_an_old_python_gets_one_line(version: tuple[int, int, int]) -> None:
    line = dev.objection(version, "linux")
    assert line is not None
    assert line.startswith(f"Python 3.11 or newer is needed; this is {'.'.join(map(str, version))} ")
    assert "\n" not in line


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 14, 1), (4, 0, 0)])
def test_a_new_python_is_accepted(version: tuple[int, int, int]) -> None:
    assert dev.objection(version, "darwin") is None


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_alone_lists_every_command_and_knows_them_all() -> None:
    # Not what the make above it was told, if there is one: `make test ARGS=...` hands that on.
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "ARGS"))}
    listed = subprocess.run(
        ["make", "-C", str(ROOT), "--no-print-directory"], capture_output=True, text=True, env=outside
    )
    assert listed.returncode == 0, listed.stderr
    for command in COMMANDS:
        assert f"make {command} " in listed.stdout
        target = subprocess.run(
            ["make", "-C", str(ROOT), "--no-print-directory", "-n", command, "ARGS=--one two", "PYTHON=py"],
            env=outside,
            capture_output=True,
            text=True,
        )
        assert target.stdout.strip() == f"py dev.py {command} --one two"


def test_an_unknown_command_names_the_known_ones(project: Path) -> None:
    code, out, err = run_dev(project, "tset")
    assert (code, out) == (2, "")
    assert "'tset'" in err
    assert "test" in err


def test_up_installs_once_and_again_only_when_the_project_has_changed(project: Path) -> None:
    code, out, err = run_dev(project, "up", "--demo")
    assert (code, out) == (0, "pgq up --demo\n"), err
    assert "Installing pgq" in err

    assert run_dev(project, "up") == (0, "pgq up\n", "")

    (project / "pyproject.toml").write_text(PYPROJECT + "# changed\n")
    code, out, err = run_dev(project, "up")
    assert (code, out) == (0, "pgq up\n")
    assert "Installing pgq" in err
    assert "Making .venv" not in err


def test_a_moved_project_gets_a_new_environment(project: Path) -> None:
    assert run_dev(project, "up")[0] == 0
    moved = project.rename(project.with_name("moved"))
    code, out, err = run_dev(moved, "up")
    assert (code, out) == (0, "pgq up\n"), err
    assert "Making .venv" in err


def test_two_at_once_install_one_after_the_other(project: Path) -> None:
    results: list[tuple[int, str, str]] = []
    both = [threading.Thread(target=lambda: results.append(run_dev(project, "up"))) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert [(code, out) for code, out, _ in results] == [(0, "pgq up\n")] * 2, results
    assert sum("Installing pgq" in err for _, _, err in results) == 1


def test_a_failed_installation_shows_what_pip_said_and_is_tried_again(project: Path) -> None:
    (project / "backend.py").write_text("raise RuntimeError('the backend is broken')")
    code, out, err = run_dev(project, "up")
    assert (code, out) == (1, "")
    assert "the backend is broken" in err
    assert 'Traceback (most recent call last):\n  File "dev.py"' not in err
    assert "dev-install.log" in err

    (project / "backend.py").write_text(BACKEND)
    assert run_dev(project, "up")[:2] == (0, "pgq up\n")


def test_a_package_without_a_wheel_for_this_machine_is_one_line(project: Path, index: str) -> None:
    needy = PYPROJECT.replace("test = []", 'test = ["only-source==1"]')
    (project / "pyproject.toml").write_text(needy)
    code, _, err = run_dev(project, "test", PIP_INDEX_URL=index)
    assert code == 1
    assert "The package index has no ready-made only-source==1 for Python 3." in err.splitlines()[-1]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """A package index on this machine: pip's own wheel, and a package that has only its source."""
    ensurepip = pytest.importorskip("ensurepip", reason="this Python ships no pip to serve")
    wheels = list((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
    if not wheels:
        pytest.skip("this Python ships no pip to serve")
    files = {"pip": wheels[0].name, "only-source": "only-source-1.tar.gz"}
    for package, name in files.items():
        folder = tmp_path / "simple" / package
        folder.mkdir(parents=True)
        content = wheels[0].read_bytes() if package == "pip" else b"not unpacked"
        (folder / name).write_bytes(content)
        (folder / "index.html").write_text(f'<a href="{name}#sha256={hashlib.sha256(content).hexdigest()}">{name}</a>')
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(tmp_path)))
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/simple"
    server.shutdown()
    serving.join()
    server.server_close()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


def test_a_python_without_ensurepip_uses_its_own_pip(project: Path, index: str) -> None:
    code, out, err = run_dev(project, "up", without=("ensurepip",), PIP_INDEX_URL=index)
    assert (code, out) == (0, "pgq up\n"), err
    assert "Installing pip" in err


def test_a_python_without_any_pip_fetches_it(project: Path, index: str) -> None:
    code, out, err = run_dev(project, "up", without=("ensurepip", "pip"), PIP_INDEX_URL=index)
    assert (code, out) == (0, "pgq up\n"), err
    assert "Installing pip" in err


def test_a_python_without_any_pip_and_no_index_says_what_to_install(project: Path) -> None:
    nowhere = "http://127.0.0.1:9/simple"  # the discard port: nothing listens
    code, out, err = run_dev(project, "up", without=("ensurepip", "pip"), PIP_INDEX_URL=nowhere)
    assert (code, out) == (1, "")
    assert err.splitlines()[-1].endswith("apt install python3-venv")
    assert "Traceback" not in err


def test_the_newest_pip_that_fits_this_python_is_chosen() -> None:
    page = """
    <a href="/f/pip-9.0.3-py2.py3-none-any.whl#sha256=aa" data-requires-python="&gt;=2.6">old</a>
    <a href="/f/pip-25.3-py3-none-any.whl#sha256=bb" data-requires-python="&gt;=3.9">fits</a>
    <a href="/f/pip-25.10-py3-none-any.whl#sha256=cc" data-requires-python="&gt;=3.9">newer, fits</a>
    <a href="/f/pip-26.0b1-py3-none-any.whl#sha256=dd" data-requires-python="&gt;=3.9">unfinished</a>
    <a href="/f/pip-27.0-py3-none-any.whl#sha256=ee" data-yanked="broken" data-requires-python="&gt;=3.9">taken back</a>
    <a href="/f/pip-99.0-py3-none-any.whl#sha256=ff" data-requires-python="&gt;=3.99">for a later Python</a>
    """
    assert newest_wheel(page, "https://index/simple/pip/") == ("https://index/f/pip-25.10-py3-none-any.whl", "cc")
