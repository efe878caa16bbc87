"""The operations that submit: one task, or many."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pgq.client.ids import uuid7s
from pgq.client.steps import Copy, MayCopy, Plan, Statement
from pgq.client.submission import NewTask

COPY_ABOVE = 100
"""From here on COPY is worth its second round trip."""
CHUNK_TASKS = 1_000
CHUNK_CHARACTERS = 16_000_000
"""One statement carries at most so many tasks and so much text: the server holds it all in memory, twice."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """The answer: the task's id, and False when its key was known and the id is of the first task."""

    id: UUID
    created: bool


def submit(task: NewTask[Any]) -> Plan[Submitted]:
    """Submit one task."""
    (answer,) = yield from submit_chunk([task])
    return answer


def submit_many(tasks: Sequence[NewTask[Any]]) -> Plan[list[Submitted]]:
    """Submit tasks, all or none, and answer in their order: by COPY those that no key could be known of.

    In one statement they go in their order. Keys that need several go in the keys' order: two bulk submits that hold
    the same keys in opposite orders would deadlock. Of equal keys the first one wins, since sorting keeps their order.
    """
    answers: dict[int, Submitted] = {}
    plain = [place for place, task in enumerate(tasks) if task.key is None]
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
        size = len(tasks[place].payload)
        if chunk and (len(chunk) == CHUNK_TASKS or characters + size > CHUNK_CHARACTERS):
            yield chunk
            chunk, characters = [], 0
        chunk.append(place)
        characters += size
    if chunk:
        yield chunk


def copy(tasks: Sequence[NewTask[Any]], positions: Sequence[int]) -> Plan[list[Submitted]]:
    """Submit tasks without keys by COPY, under ids made here."""
    rows = yield Statement("published_kinds", {"kinds": sorted({task.kind for task in tasks})})
    ((now, kinds, timeouts),) = rows
    known = Published(now, json.loads(kinds), json.loads(timeouts))
    ids = [id for id, _ in zip(uuid7s(), tasks, strict=False)]
    yield Copy("copy_tasks", (known.row(id, task) for id, task in zip(ids, tasks, strict=True)), positions)
    return [Submitted(id, True) for id in ids]


@dataclass(frozen=True, slots=True)
class Published:
    """What the database says of kinds and queues, and its clock: handlers' own defaults come after it."""

    now: datetime
    kinds: Mapping[str, Mapping[str, Any]]
    timeouts: Mapping[str, float]

    def row(self, id: UUID, task: NewTask[Any]) -> tuple[Any, ...]:
        """The row of a task, in the order of copy_tasks.sql. None is left to the table's trigger to fill."""
        given = task.fields
        published = self.kinds.get(task.kind, {})
        own = {name: value for name, value in task.defaults.items() if published.get(name) is None}
        queue = given.get("queue", own.get("queue"))
        return (
            id,
            task.kind,
            task.payload,
            queue,
            given.get("priority", own.get("priority")),
            self.due(given),
            given.get("expires_at"),
            given.get("max_attempts", own.get("max_attempts")),
            given.get("timeout_seconds", self.timeout(task, queue, published)),
            given.get("tags"),
            json.dumps(given["headers"], ensure_ascii=False) if "headers" in given else None,
        )

    def due(self, given: Mapping[str, Any]) -> Any:
        """The database's clock decides, not this machine's."""
        delay = given.get("delay_seconds")
        return given.get("run_at") if delay is None else self.now + timedelta(seconds=delay)

    def timeout(self, task: NewTask[Any], queue: str | None, published: Mapping[str, Any]) -> float | None:
        """The kind's, else the queue's, else the handler's own."""
        lands_in = queue or published.get("queue") or "default"
        stated = (published.get("timeout_seconds"), self.timeouts.get(lands_in), task.defaults.get("timeout_seconds"))
        return next((seconds for seconds in stated if seconds is not None), None)
