"""The files: which pictures there are, where their thumbnails go, and how a file is replaced as a whole."""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".gif", ".webp", ".tif", ".tiff", ".bmp"})
ABANDONED_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Album:
    """The pictures below `folder`, and their thumbnails below `out`, under the same names plus `.webp`."""

    folder: Path
    out: Path

    def pictures(self) -> list[Path]:
        """The pictures, by name. What is hidden or below `out` is none, nor is a name that no text can hold."""
        files = (path for path in self.folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
        return sorted(file for file in files if not self.ignores(file))

    def ignores(self, file: Path) -> bool:
        """Whether a picture is left out."""
        hidden = any(part.startswith(".") for part in file.relative_to(self.folder).parts)
        return hidden or file.is_relative_to(self.out) or not is_text(file)

    def thumbnail_of(self, picture: Path) -> Path:
        """Where the thumbnail of a picture belongs."""
        name = picture.relative_to(self.folder)
        return self.out / name.with_name(f"{name.name}.webp")

    def has(self, picture: Path) -> bool:
        """Whether the thumbnail is there and up to date."""
        return is_current(self.thumbnail_of(picture), picture)

    def thumbnails(self) -> list[Path]:
        """The thumbnails that are there and up to date."""
        return [self.thumbnail_of(picture) for picture in self.pictures() if self.has(picture)]


def is_current(thumbnail: Path, picture: Path) -> bool:
    """Whether a thumbnail was made from the picture as it is now: it bears the picture's time of change."""
    return thumbnail.exists() and thumbnail.stat().st_mtime_ns == picture.stat().st_mtime_ns


def fingerprint(files: Iterable[Path], *more: Path) -> str:
    """Another text whenever a file has changed, another file is among them, or `more` are other paths."""
    stats = [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files]
    return sha256(repr((stats, [str(path) for path in more])).encode()).hexdigest()


def is_text(path: Path) -> bool:
    """Whether a path is proper UTF-8: payloads are JSON, which cannot carry any other."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def replacing(target: Path, mtime_ns: int | None = None) -> Iterator[BinaryIO]:
    """A file that takes the place of `target` once it is whole: who is killed on the way leaves the old one, or none.

    Two at once do no harm either: each writes a file of its own, and the last one stays.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # a task that has succeeded has a thumbnail, after a power cut too
        if mtime_ns is not None:
            os.utime(part, ns=(mtime_ns, mtime_ns))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove the unfinished files that killed workers left behind."""
    for part in folder.rglob(".*.part"):
        if part.stat().st_ctime < time.time() - ABANDONED_SECONDS:
            part.unlink(missing_ok=True)
