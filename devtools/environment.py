"""The project's own virtual environment: `.venv`, with pgq installed from this folder.

It is made when it is missing or broken, and installed into only when pyproject.toml has changed since.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from devtools.pip_wheel import PipUnavailable, fetched_pip
from devtools.step import ROOT, StepFailed, say, step

VENV = ROOT / ".venv"
BIN = VENV / "bin"
PYTHON = BIN / "python"
PYPROJECT = ROOT / "pyproject.toml"
STAMP = VENV / "dev-installed.json"
LOG = VENV / "dev-install.log"

# A user's own pip settings may name other places to install to; inside .venv they only do harm.
PIP_SETTINGS = {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
UNREACHABLE = re.compile(r"NewConnectionError|ConnectTimeout|ConnectionError|ReadTimeout|NameResolution|SSLError")
NO_WHEEL = re.compile(r"No matching distribution found for ([^\s;]+)")


class EnvironmentUnusable(Exception):
    """The environment cannot be made here; the message is one line that says what to do."""


def ensure(*groups: str) -> None:
    """Have pgq and the given dependency groups of pyproject.toml in `.venv`; when they are there, do nothing.

    Safe to run from several terminals at once. Raises EnvironmentUnusable with what the person can do about it.
    """
    if _is_installed(groups):
        return
    with _one_at_a_time():
        if _is_installed(groups):
            return
        if VENV.exists() and not os.access(VENV, os.W_OK):
            raise EnvironmentUnusable(f"{VENV} belongs to another user: remove it, or run this as that user.")
        try:
            if not _is_usable():
                _make()
            _install(groups)
        except StepFailed as failure:
            raise EnvironmentUnusable(_explain(failure)) from failure


def variables() -> dict[str, str]:
    """The environment of the programs that run inside `.venv`: its commands come first on PATH."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
    return {**kept, "VIRTUAL_ENV": str(VENV), "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def _pip_variables() -> dict[str, str]:
    return {**variables(), **PIP_SETTINGS}


def _fingerprint() -> str:
    """Changes whenever what is installed may no longer fit: the project's needs, its place, its Python."""
    return hashlib.sha256(b"\0".join([PYPROJECT.read_bytes(), *map(os.fsencode, (ROOT, PYTHON.resolve()))])).hexdigest()


def _stamp() -> dict[str, Any]:
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _is_installed(groups: tuple[str, ...]) -> bool:
    stamp = _stamp()
    return (
        PYTHON.exists() and stamp.get("fingerprint") == _fingerprint() and set(groups) <= set(stamp.get("groups", []))
    )


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    # The lock is on the folder itself, so that none is left lying about and none goes away with .venv.
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another dev.py that is installing ...")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _is_usable() -> bool:
    if not PYTHON.exists() or _stamp().get("root", str(ROOT)) != str(ROOT):
        return False  # a moved environment's commands still name its old place
    probe = [str(PYTHON), "-c", "import pip, sys; sys.exit(sys.version_info < (3, 11))"]
    return subprocess.run(probe, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def _make() -> None:
    """Make `.venv` with pip in it, also from a Python that lacks ensurepip (Debian without python3-venv)."""
    # The interpreter below any environment, since the one that runs this may be in the .venv that is replaced.
    base = getattr(sys, "_base_executable", None) or sys.executable
    venv = [base, "-m", "venv", "--clear"]
    doing = f"Making {VENV.name} with Python {sys.version_info.major}.{sys.version_info.minor}"
    if _has("ensurepip"):
        step(doing, [*venv, str(VENV)])
        return
    step(doing, [*venv, "--without-pip", str(VENV)])
    if _has("pip"):
        outer_pip = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
        step("Installing pip", [*outer_pip, "install", "pip"], _pip_variables())
        return
    try:
        with fetched_pip() as wheel:
            pip = [str(PYTHON), str(wheel / "pip"), "install", "--no-index", str(wheel)]
            step("Installing pip", pip, _pip_variables())
    except PipUnavailable as error:
        raise EnvironmentUnusable(
            f"Python lacks pip, and none could be fetched ({error}). On Debian or Ubuntu: apt install python3-venv"
        ) from error


def _has(package: str) -> bool:
    found = importlib.util.find_spec(package)
    return found is not None and found.origin is not None  # without an origin it is a folder left behind, no package


def _install(groups: tuple[str, ...]) -> None:
    # Read before pip runs: an edit made meanwhile must count as not yet installed.
    fingerprint, before = _fingerprint(), _stamp()
    tools = f" and its {' and '.join(groups)} tools" if groups else ""
    first = "" if before else " (about a minute the first time)"
    pip = [str(PYTHON), "-m", "pip", "install", "--progress-bar", "off", "--only-binary", ":all:"]
    requirements = [requirement for group in groups for requirement in group_requirements(group)]
    step(f"Installing pgq{tools}{first}", [*pip, "--editable", f"{ROOT}[fast,yaml]", *requirements], _pip_variables())
    kept = set(before.get("groups", [])) if before.get("fingerprint") == fingerprint else set()
    stamp = {"root": str(ROOT), "fingerprint": fingerprint, "groups": sorted(kept | set(groups))}
    STAMP.write_text(json.dumps(stamp) + "\n")


def group_requirements(name: str) -> list[str]:
    """The requirements of a dependency group of pyproject.toml, those of the groups that it includes among them.

    Read here, because `pip install --group` needs a pip that few systems have yet.
    """
    groups = tomllib.loads(PYPROJECT.read_text())["dependency-groups"]
    found: list[str] = []
    for entry in groups[name]:
        found += [entry] if isinstance(entry, str) else group_requirements(entry["include-group"])
    return found


def _explain(failure: StepFailed) -> str:
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_text(failure.output)
    if UNREACHABLE.search(failure.output):
        return f"The package index cannot be reached: check the network or PIP_INDEX_URL. Details: {LOG}"
    if missing := NO_WHEEL.search(failure.output):
        here = f"Python {sys.version_info.major}.{sys.version_info.minor} on {sys.platform} {os.uname().machine}"
        return f"The package index has no ready-made {missing[1]} for {here}; try another Python. Details: {LOG}"
    return f"{failure.tail}\n{failure}\nAll of its output: {LOG}"
