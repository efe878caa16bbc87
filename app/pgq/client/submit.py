"""The operations that submit: one task, or many."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from pgq.client.copy_text import columns, escaped
from pgq.client.ids import uuid7s
from pgq.client.steps import Copy, MayCopy, Plan, Statement
from pgq.client.submission import NewTask

COPY_ABOVE = 100
"""From here on COPY is worth its second round trip."""
CHUNK_TASKS = 1_000
CHUNK_CHARACTERS = 16_000_000
"""One statement carries at most so many tasks and so much text: the server holds it all in memory, twice."""
PARENT_CHARACTERS = 40
"""An id in `depends_on`."""
ALIKE = 1_000
"""So many different ones are remembered while tasks are written."""
BUILT_IN: Mapping[str, Any] = {"queue": "default", "priority": 5, "max_attempts": 4, "timeout_seconds": 300.0}
"""What the table's trigger fills in where nobody says anything."""


class Submitted(NamedTuple):
    """The answer: the id of the task or workflow, and False when its key was known and the id is of the first one."""

    id: UUID
    created: bool


def submit(task: NewTask[Any]) -> Plan[Submitted]:
    """Submit one task."""
    (answer,) = yield from submit_chunk([task])
    return answer


def submit_many(tasks: Sequence[NewTask[Any]]) -> Plan[list[Submitted]]:
    """Submit tasks, all or none, and answer in their order: by COPY those that have neither a key nor parents.

    In one statement they go in their order. Keys that need several go in the keys' order: two bulk submits that hold
    the same keys in opposite orders would deadlock. Of equal keys the first one wins, since sorting keeps their order.
    """
    answers: dict[int, Submitted] = {}
    plain = [place for place, task in enumerate(tasks) if task.key is None and not task.parents]
    if len(plain) > COPY_ABOVE and (yield MayCopy()):
        copied = yield from copy([tasks[place] for place in plain], plain)
        answers.update(zip(plain, copied, strict=True))
    rest = [place for place in range(len(tasks)) if place not in answers]
    portions = list(chunks(rest, tasks))
    if len(portions) > 1:
        portions = list(chunks(sorted(rest, key=lambda place: tasks[place].key or ""), tasks))
    for chunk in portions:
        submitted = yield from submit_chunk([tasks[place] for place in chunk], chunk)
        answers.update(zip(chunk, submitted, strict=True))
    return [answers[place] for place in range(len(tasks))]


def submit_chunk(tasks: Iterable[NewTask[Any]], positions: Sequence[int] = ()) -> Plan[list[Submitted]]:
    rows = yield Statement("submit_many", {"tasks": f"[{','.join(task.to_json() for task in tasks)}]"}, positions)
    # Some drivers give a UUID as text.
    return [Submitted(UUID(str(id)), created) for _, id, created in rows]


def chunks(places: Iterable[int], tasks: Sequence[NewTask[Any]]) -> Iterator[list[int]]:
    chunk: list[int] = []
    characters = 0
    for place in places:
        size = len(tasks[place].payload) + PARENT_CHARACTERS * len(tasks[place].parents)
        if chunk and (len(chunk) == CHUNK_TASKS or characters + size > CHUNK_CHARACTERS):
            yield chunk
            chunk, characters = [], 0
        chunk.append(place)
        characters += size
    if chunk:
        yield chunk


def copy(tasks: Sequence[NewTask[Any]], positions: Sequence[int]) -> Plan[list[Submitted]]:
    """Submit tasks without keys by COPY, under ids made here: while the server is at work on those before."""
    rows = yield Statement("published_kinds", {"kinds": sorted({task.kind for task in tasks})})
    ((now, kinds, timeouts),) = rows
    known = Published(now, json.loads(kinds), json.loads(timeouts))
    submitted: list[Submitted] = []
    yield Copy("copy_tasks", known.lines(tasks, submitted), positions)
    return submitted


@dataclass(frozen=True, slots=True)
class Published:
    """What the database says of kinds and queues, and its clock: handlers' own defaults come after it."""

    now: datetime
    kinds: Mapping[str, Mapping[str, Any]]
    timeouts: Mapping[str, float]

    def lines(self, tasks: Iterable[NewTask[Any]], submitted: list[Submitted]) -> Iterator[str]:
        """The tasks as lines of COPY's text, in the order of copy_tasks.sql; `submitted` takes each with its id."""
        alike: dict[Any, tuple[str, str]] = {}
        for id, task in zip(uuid7s(), tasks, strict=False):
            submitted.append(Submitted(id, True))
            like = task.kind, tuple(task.fields.items()), tuple(task.defaults.items())
            try:  # most are like one before in all but the payload
                kind, rest = alike[like]
            except (KeyError, TypeError) as error:  # tags and headers cannot be compared so cheaply
                kind, rest = escaped(task.kind), columns(self.rest(task))
                if isinstance(error, KeyError) and len(alike) < ALIKE:
                    alike[like] = kind, rest
            yield f"{id.int:032x}\t{kind}\t{escaped(task.payload)}\t{rest}\n"

    def rest(self, task: NewTask[Any]) -> tuple[Any, ...]:
        """All columns behind the payload. Nothing is left out: the table's trigger has nothing to fill then."""
        given = task.fields
        published = self.kinds.get(task.kind, {})

        def stated(name: str) -> Any:
            """What the submit says, else the kind's published default, the handler's own, or the built-in one."""
            choices = (given.get(name), published.get(name), task.defaults.get(name), BUILT_IN[name])
            return next(choice for choice in choices if choice is not None)

        queue = stated("queue")
        return (
            queue,
            stated("priority"),
            self.due(given) or self.now,
            given.get("expires_at"),
            stated("max_attempts"),
            given.get("timeout_seconds") or self.timeout(task, queue, published),
            given.get("tags", []),
            json.dumps(given.get("headers", {}), ensure_ascii=False),
        )

    def due(self, given: Mapping[str, Any]) -> Any:
        """The database's clock decides, not this machine's."""
        delay = given.get("delay_seconds")
        return given.get("run_at") if delay is None else self.now + timedelta(seconds=delay)

    def timeout(self, task: NewTask[Any], queue: str, published: Mapping[str, Any]) -> float:
        """The kind's, else the queue's, else the handler's own, else the built-in one."""
        choices = (
            published.get("timeout_seconds"),
            self.timeouts.get(queue),
            task.defaults.get("timeout_seconds"),
            BUILT_IN["timeout_seconds"],
        )
        return next(seconds for seconds in choices if seconds is not None)
