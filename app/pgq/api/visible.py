"""Which tasks a caller may see. What it may not see does not exist for it: the same 404."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from psycopg import Connection

from pgq.api.access import Caller, hide
from pgq.api.kinds import Kind
from pgq.client.follow import look
from pgq.client.links import PsycopgLink
from pgq.client.run import run
from pgq.client.submission import NewTask
from pgq.values.errors import TaskNotFound
from pgq.values.task import TaskStatus

SUBMITTED_BY = "submitted_by"
"""The header with the token that submitted a task, where that token may read only its own."""


def readable(caller: Caller, task: TaskStatus | None) -> TaskStatus:
    """The task, if the caller may read it: by its scope `read`, or because it submitted it. Raises the problem 404."""
    if task is None:
        hide()
    caller.hide_unless_seen(task.queue)
    if not may_read(caller, task):
        hide()
    return task


def may_read(caller: Caller, task: TaskStatus) -> bool:
    """Whether the scope or the authorship lets the caller read a task in a queue that it may see."""
    return caller.may("read") or (caller.token_id is not None and task.headers.get(SUBMITTED_BY) == caller.token_id)


def marked(task: NewTask[Any], caller: Caller, kind: Kind) -> NewTask[Any]:
    """The task as this caller submits it. Raises the problem `forbidden` for a queue that is not the caller's.

    The queue is stated where the caller is bound to some: what was checked is what is stored. The submitting token is
    kept with the task where it may read nothing but its own tasks; in a header, which travels with the task for free.
    """
    more: dict[str, Any] = {}
    if caller.queues:
        more["queue"] = task.fields.get("queue") or kind.queue or "default"
        caller.require_queue(more["queue"])
    if not caller.may("read"):
        more["headers"] = {**task.fields.get("headers", {}), SUBMITTED_BY: caller.token_id}
    return replace(task, fields={**task.fields, **more}) if more else task


def steerable(connection: Connection[Any], caller: Caller, task_id: UUID) -> TaskStatus:
    """The task, if it is in a queue of the caller's. Raises the problem 404."""
    try:
        task = seen(connection, task_id)
    except TaskNotFound:
        hide()
    caller.hide_unless_seen(task.queue)
    return task


def seen(connection: Connection[Any], task_id: UUID) -> TaskStatus:
    """The task as it is now. Raises TaskNotFound."""
    return run(look(task_id), PsycopgLink(connection))
