"""What a twin is, and how the lists are read."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LISTS = Path(__file__).parent / "lists"


class NoSuchTwin(Exception):
    """The text or the file that a twin changes is not there, or a name means no twin: the lists are out of date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """One guard, how it is broken, and the tests that must fail without it.

    name: the guard, in words. file: where it is, from the project's folder; with `*`, the last of those that match: the
    newest revision that defines a function. find and replace: the change; `find` occurs exactly `times` times. tests:
    pytest's ids of tests, those that have parameters with them or without.
    """

    name: str
    file: str
    find: str
    replace: str
    tests: tuple[str, ...]
    times: int = 1

    def change(self, tree: Path) -> None:
        """Break the guard in this copy of the project. Raises NoSuchTwin where the guard is not found."""
        path, text = self.changed(tree)
        path.write_text(text, encoding="utf-8")

    def changed(self, tree: Path) -> tuple[Path, str]:
        """The file without its guard. Raises NoSuchTwin where the guard is not found."""
        path = self.path(tree)
        text = path.read_text(encoding="utf-8")
        found = text.count(self.find)
        if found != self.times:
            raise NoSuchTwin(
                f"{path.relative_to(tree)} holds the text {found} times, not {self.times}: {self.find!r}. "
                "The guard has moved: let the twin follow it"
            )
        return path, text.replace(self.find, self.replace)

    def path(self, tree: Path) -> Path:
        """The file to change."""
        if found := sorted(tree.glob(self.file)):
            return found[-1]
        raise NoSuchTwin(f"there is no file {self.file}: let the twin follow its guard")


def read_lists(folder: Path = LISTS) -> list[Twin]:
    """All twins."""
    lists = [tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.toml"))]
    return [Twin(**{**fields, "tests": tuple(fields["tests"])}) for one in lists for fields in one["twin"]]


def chosen(twins: Sequence[Twin], words: Sequence[str]) -> list[Twin]:
    """Those whose name holds one of the words; without words, all. Raises NoSuchTwin for a word that none has."""
    if unknown := [word for word in words if not any(word in twin.name for twin in twins)]:
        raise NoSuchTwin(f"no twin's name holds {unknown[0]!r}")
    return [twin for twin in twins if not words or any(word in twin.name for word in words)]
