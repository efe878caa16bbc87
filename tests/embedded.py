"""What the tests of the embedded server share: processes that use it, and looks at it."""

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pgq.db.embedded import EmbeddedServer

QUICK = {"fsync": "off"}
ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="only root can act as another user")
NOBODY = pwd.getpwnam("nobody")

PROLOGUE = """
import json, os, signal, sys
from pathlib import Path
import importlib.readers, encodings.idna  # not to be found any more once we are nobody
import psycopg
from pgq.db.embedded import EmbeddedServer
from pgq.db.embedded.account import Account
server = EmbeddedServer(Path(sys.argv[1]), options={"fsync": "off"})
"""
BECOME_NOBODY = f"os.setgroups([]); os.setgid({NOBODY.pw_gid}); os.setuid({NOBODY.pw_uid})\n"


def python(code: str, folder: Path, *, user: str = "") -> subprocess.Popen[str]:
    """A Python process that runs `code` with `server`, the one of `folder`."""
    return subprocess.Popen(
        [sys.executable, "-c", PROLOGUE + user + code, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def answer(process: subprocess.Popen[str]) -> Any:
    """What the process printed, as JSON; it must have ended well."""
    said, complaints = process.communicate()
    assert process.returncode == 0, complaints
    return json.loads(said)


def end(process: subprocess.Popen[str]) -> int:
    """Wait for the process; its exit code."""
    process.communicate()
    return process.returncode


def value(conninfo: str, query: str) -> Any:
    """The only value that `query` gives."""
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def postmaster(server: EmbeddedServer) -> int:
    return int((server.folder.data / "postmaster.pid").read_text().split()[0])
