"""pip itself, fetched from the package index by a Python that has neither ensurepip nor pip."""

import hashlib
import html
import os
import re
import ssl
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urldefrag, urljoin

DEFAULT_INDEX = "https://pypi.org/simple"
TIMEOUT_SECONDS = 30
LINK = re.compile(r"<a\s[^>]*>")
HREF = re.compile(r"""href\s*=\s*["']([^"']+)["']""")
WHEEL = re.compile(r"/pip-(\d+(?:\.\d+)*)-py3-none-any\.whl$")
OLDEST_PYTHON = re.compile(r"""data-requires-python\s*=\s*["'][^"']*>=\s*3\.(\d+)""")


class PipUnavailable(Exception):
    """No pip could be had from the index."""


@contextmanager
def fetched_pip() -> Iterator[Path]:
    """pip's newest wheel, in a folder that is removed afterwards. Python can run `WHEEL/pip` as it is.

    Asks the index of PIP_INDEX_URL, else PyPI. Raises PipUnavailable when it has none or cannot be reached.
    """
    index = os.environ.get("PIP_INDEX_URL", DEFAULT_INDEX)
    try:
        page, address = _get(f"{index.rstrip('/')}/pip/")
        link, checksum = newest_wheel(page.decode(), address)
        content, _ = _get(link)
    except (OSError, ValueError) as error:
        raise PipUnavailable(str(error)) from error
    if checksum and hashlib.sha256(content).hexdigest() != checksum:
        raise PipUnavailable(f"{link} is not the file that the index promises")
    with tempfile.TemporaryDirectory() as folder:
        wheel = Path(folder) / link.rsplit("/", 1)[1]
        wheel.write_bytes(content)
        yield wheel


def newest_wheel(page: str, address: str) -> tuple[str, str]:
    """Address and SHA-256 ("" when not given) of the newest release on an index's page that this Python can run.

    Raises ValueError when there is none.
    """
    found: list[tuple[tuple[int, ...], str, str]] = []
    for anchor in LINK.findall(page):
        anchor = html.unescape(anchor)
        oldest = OLDEST_PYTHON.search(anchor)
        if "data-yanked" in anchor or (oldest and int(oldest[1]) > sys.version_info.minor):
            continue
        if href := HREF.search(anchor):
            link, fragment = urldefrag(urljoin(address, href[1]))
            if wheel := WHEEL.search(link):
                version = tuple(int(part) for part in wheel[1].split("."))
                found.append((version, link, fragment.removeprefix("sha256=") if "sha256=" in fragment else ""))
    if not found:
        raise ValueError(f"no pip for Python 3.{sys.version_info.minor} at {address}")
    return max(found)[1:]


def _get(url: str) -> tuple[bytes, str]:
    trusted = ssl.create_default_context(cafile=os.environ.get("PIP_CERT"))
    request = urllib.request.Request(url, headers={"Accept": "text/html"})
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=trusted) as response:
        return response.read(), response.url
