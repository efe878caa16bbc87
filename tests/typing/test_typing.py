"""The types that users see: right calls pass mypy --strict, wrong ones do not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pgq

HERE = Path(__file__).parent


@pytest.mark.timeout(900)  # mypy reads all of pgq and of what it imports, without a cache: much work for a slow machine
def test_a_users_program_is_clean_under_mypy_strict(tmp_path: Path) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}", "user_program.py"],
        cwd=HERE,
        env={**os.environ, "MYPYPATH": str(Path(pgq.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
