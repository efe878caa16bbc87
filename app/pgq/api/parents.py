"""What a caller may know of parents: those that it may read. Any other one is unknown to it, as if nobody had it."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import scalar_row

from pgq.api.access import Caller
from pgq.api.reader import Lot
from pgq.api.rendering import ENCODER
from pgq.api.services import Services
from pgq.client.submission import NewTask
from pgq.db.errors import one_line, our_errors
from pgq.db.parents import parents_of
from pgq.db.pool import Pools
from pgq.db.sql import sql
from pgq.values.errors import PgqError, UnknownParent
from pgq.values.parents import Parent, Parents

log = logging.getLogger("pgq.api")

MOST_BYTES = 256_000
"""What the results of one task's parents may hold together in the answer to a claim."""
READ_SECONDS = 2.0
"""How long reading them may take: the leases run meanwhile."""
MOST_IN_ALL = 4_000_000
"""Of so many characters an answer brings no further ones."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """Parents that a caller named and may not see, each with an id that nobody has.

    The database refuses that id exactly when it would refuse one that is really unknown, and in the same time: not for
    a key that is known already, for one.
    """

    stand_ins: Mapping[str, str] = field(default_factory=dict)

    def hidden(self, task: NewTask[Any]) -> NewTask[Any]:
        """The task as the database is to see it."""
        if not self.stand_ins or self.stand_ins.keys().isdisjoint(task.parents):
            return task
        parents = [self.stand_ins.get(parent, parent) for parent in task.parents]
        return replace(task, fields={**task.fields, "depends_on": parents})

    def named(self, error: UnknownParent) -> UnknownParent:
        """The error with the id that the caller knows."""
        for parent, stand_in in self.stand_ins.items():
            if stand_in == str(error.parent_id):
                return UnknownParent(UUID(parent), error.position)
        return error


def sees_everything(caller: Caller) -> bool:
    """Whether every task of every queue is the caller's to read."""
    return caller.may("read") and not caller.queues


def unseen_parents(pools: Pools, caller: Caller, tasks: Sequence[NewTask[Any]]) -> Unseen:
    """What of these tasks' parents the caller may not read: by its queues, its scope, and whether it submitted them."""
    if sees_everything(caller):
        return Unseen()
    named = {parent for task in tasks for parent in task.parents}
    if not named:
        return Unseen()
    given = {
        "ids": [UUID(parent) for parent in named],
        "queues": caller.queue_likes,
        "submitted_by": None if caller.may("read") else caller.token_id,
    }
    with our_errors(), pools.connection() as connection, connection.cursor(row_factory=scalar_row) as cursor:
        seen = {str(id) for id in cursor.execute(sql("api/readable_tasks"), given)}
    return Unseen({parent: str(uuid4()) for parent in named - seen})


async def results_of_parents(here: Services, caller: Caller, lot: Lot) -> dict[UUID, str]:
    """Per claimed task with parents: their results as a JSON object, of those in the caller's queues.

    Missing where they are too large, or cannot be read just now: the tasks are claimed, and the worker asks for them.
    """
    children = [task.id for task, _ in lot.tasks if task.has_parents]
    if not children:
        return {}
    try:
        async with asyncio.timeout(READ_SECONDS), here.pools.connection_async() as connection:
            found = await parents_of(connection, children, most=MOST_BYTES, queues=caller.queue_likes)
    except (psycopg.Error, PgqError, TimeoutError) as error:
        log.warning("the results of claimed tasks' parents cannot be read: %s", one_line(error) or "it takes too long")
        return {}
    results, left = {}, MOST_IN_ALL
    for child, parents in found.items():
        if parents is not None and left > 0:
            results[child] = as_object(parents)
            left -= len(results[child])
    return results


def as_object(parents: Sequence[Parent]) -> str:
    """Results by name, as they are kept."""
    results = {parent.id: parent.result for parent in parents}
    named = Parents(parents).ids.items()
    return "{" + ",".join(f"{ENCODER.encode(name)}:{results[id] or 'null'}" for name, id in named) + "}"
