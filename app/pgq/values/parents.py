"""What a task's parents have given, as its handler sees it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from pgq.values.task import shown


class Parent(NamedTuple):
    """A task that another one depended on: its name in their workflow, if it has one, and its result as JSON text."""

    id: UUID
    name: str | None
    result: str | None


class Parents(Mapping[str, Any]):
    """The results of a task's parents, in the order of `depends_on`.

    By the parent's name in the workflow, else by its id; each is found by its id, too, as text or UUID. None stands for
    a parent without a result: one that failed (`on_parent_failure="run"`), or whose retention has ended.
    """

    def __init__(self, parents: Sequence[Parent]) -> None:
        self.ids: dict[str, UUID] = {}
        """By name."""
        self._results = {parent.id: parent.result for parent in parents}
        self._read: dict[UUID, Any] = {}
        for parent in {parent.id: parent for parent in parents}.values():
            # Of two with the same name, which come from two workflows, the second one goes by its id.
            unnamed = parent.name is None or parent.name in self.ids
            self.ids[str(parent.id) if unnamed else str(parent.name)] = parent.id

    def __getitem__(self, key: str | UUID) -> Any:
        """The result of one parent. Raises KeyError."""
        id = self.ids.get(str(key)) or as_id(key)
        if id is None or id not in self._results:
            raise KeyError(key)
        if id not in self._read:
            self._read[id] = shown(self._results[id])
        return self._read[id]

    def __contains__(self, key: object) -> bool:
        return key in self.ids or as_id(key) in self._results

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"<pgq.Parents {', '.join(list(self.ids)[:10])}{', …' if len(self.ids) > 10 else ''}>"


def as_id(key: object) -> UUID | None:
    if isinstance(key, UUID):
        return key
    try:
        return UUID(key) if isinstance(key, str) else None
    except ValueError:
        return None
