#!/usr/bin/env python3
"""Everything a developer of pgq runs: `python3 dev.py help`, or the same words after `make`.

This file is kept readable for old versions of Python, so that one of them can say what is wrong instead of
failing on syntax that it does not know. What the commands do is in devtools/.
"""

import sys

NEEDED = (3, 11)


def objection(version: "tuple[int, int, int]", platform: str) -> "str | None":
    """Why pgq cannot be developed on this Python, in one line; None when it can."""
    if platform == "win32":
        return "pgq runs on Linux and macOS. On Windows, use it inside WSL."
    if version[:2] < NEEDED:
        needed, found = (".".join(map(str, numbers)) for numbers in (NEEDED, version))
        return (
            f"Python {needed} or newer is needed; this is {found} ({sys.executable}). "
            "Name another one: 'python3.13 dev.py up' or 'make up PYTHON=python3.13'."
        )
    return None


if __name__ == "__main__":
    wrong = objection(sys.version_info[:3], sys.platform)
    if wrong:
        sys.exit(wrong)

    from devtools.commands import main

    sys.exit(main(sys.argv[1:]))
