"""The tasks of a workflow in an order in which parents come first."""

import heapq
from collections.abc import Mapping, Sequence
from uuid import UUID

from pgq.values import fields
from pgq.values.errors import InvalidTask

MOST_TASKS = 20_000
"""Tasks of one submit."""
CYCLE_SHOWN = 10
"""So many names of a cycle are shown."""


def in_order(names: Sequence[str], parents: Sequence[Sequence[str]], *, growing: bool = False) -> list[int]:
    """The places of the tasks, each behind its parents, as near to the given order as that allows.

    A parent is a name of these tasks, or the id of a task outside; when the workflow is `growing`, also a name that is
    in it already, which only the database knows. Raises InvalidTask, with the task's place: for a name that is taken
    or no name, an unknown parent, a task that depends on itself, and a cycle, which it shows.
    """
    places = places_of(names)
    children: list[list[int]] = [[] for _ in names]
    waits_for = [0] * len(names)
    for place, of_one in enumerate(parents):
        for name in dict.fromkeys(of_one):
            parent = places.get(name)
            if parent == place:
                raise InvalidTask("depends_on", "a task cannot depend on itself", place)
            if parent is not None:
                children[parent].append(place)
                waits_for[place] += 1
            elif not (growing or is_id(name)):
                raise InvalidTask("depends_on", f"no task of this workflow is called {name[:128]!r}", place)

    order: list[int] = []
    ready = [place for place, count in enumerate(waits_for) if count == 0]
    while ready:
        place = heapq.heappop(ready)
        order.append(place)
        for child in children[place]:
            waits_for[child] -= 1
            if waits_for[child] == 0:
                heapq.heappush(ready, child)
    if len(order) < len(names):
        left = {place for place, count in enumerate(waits_for) if count}
        raise circle(cycle_in(left, places, parents), names)
    return order


def places_of(names: Sequence[str]) -> Mapping[str, int]:
    """Where each name stands. Raises InvalidTask for a wrong one, and one that stands there twice."""
    if not 1 <= len(names) <= MOST_TASKS:
        raise InvalidTask("tasks", f"must be 1 to {MOST_TASKS:,} tasks, not {len(names):,}")
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        try:
            fields.name(name, "name")
        except InvalidTask as error:
            raise InvalidTask("name", error.reason, place) from None
        if is_id(name):
            raise InvalidTask("name", "must not look like an id", place)
        if places.setdefault(name, place) != place:
            raise InvalidTask("name", f"{name!r} is the name of another task of this workflow", place)
    return places


def cycle_in(left: set[int], places: Mapping[str, int], parents: Sequence[Sequence[str]]) -> list[int]:
    """A cycle among the tasks that are left, each of which has a parent there: walk up until one comes again."""
    walked: dict[int, int] = {}
    place = min(left)
    while place not in walked:
        walked[place] = len(walked)
        place = next(places[name] for name in parents[place] if places.get(name) in left)
    return list(walked)[walked[place] :][::-1]


def circle(cycle: Sequence[int], names: Sequence[str]) -> InvalidTask:
    """The error that shows a cycle, beginning with its first task."""
    start = cycle.index(min(cycle))
    shown = [names[place] for place in (*cycle[start:], *cycle[:start])]
    more = f" → … ({len(shown)} tasks)" if len(shown) > CYCLE_SHOWN else ""
    words = " → ".join(shown[:CYCLE_SHOWN]) + more
    return InvalidTask("depends_on", f"goes round in a circle: {words} → {shown[0]}", cycle[start])


def is_id(name: str) -> bool:
    """Whether a name is the id of a task, which may be one of another workflow or of none."""
    try:
        return str(UUID(name)) == name.lower()
    except ValueError:
        return False
