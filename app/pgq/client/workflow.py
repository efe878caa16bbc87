"""Workflows: tasks that depend on one another, submitted together."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar
from uuid import UUID

from pgq.client.access import Access
from pgq.client.flows import Draft, Drafts, add_tasks, submit_workflow
from pgq.client.handle import Handle
from pgq.client.ids import uuid7s
from pgq.client.options import KEY_LENGTH
from pgq.client.steps import Plan
from pgq.client.submission import NewTask
from pgq.values import fields
from pgq.values.errors import InvalidTask
from pgq.values.graph import is_id
from pgq.values.workflow import OnFailure
from pgq.values.workflow import on_failure as checked

if TYPE_CHECKING:
    from pgq.client.workflow_run import WorkflowRun

R = TypeVar("R")

LONGEST_KIND = 110
"""So much of a long kind stands in a name that is made of it."""


@dataclass(frozen=True, slots=True)
class Node(Generic[R]):
    """A task in its workflow, by its name there. What it gives is of the handler's return type."""

    name: str
    result: Callable[[Any], R] | None = None


Parent = Node[Any] | Handle[Any] | UUID | str
"""What a task may depend on: a node or a node's name, or, outside of the workflow, a handle or an id."""


class Sketch:
    """Tasks that are put together, and not submitted yet."""

    def __init__(self) -> None:
        self._drafts: dict[str, Draft] = {}
        self._numbers: dict[str, int] = {}

    def add(
        self,
        task: NewTask[R],
        *,
        name: str | None = None,
        depends_on: Sequence[Parent] = (),
        on_parent_failure: Literal["cancel", "run", "wait"] | None = None,
    ) -> Node[R]:
        """Add what `handler.new(...)` made.

        name: how it is called in the workflow, unique there, and how `ctx.parents` of its children names its result;
        default the kind, with a number from the second one on. depends_on: what must have succeeded before it runs;
        on_parent_failure: what becomes of it when one of them is dead, cancelled or expired, as in Options. A task that
        is to "run" all the same is also spared when a failure ends the rest of the workflow. Raises InvalidTask.
        """
        parents = [parent_name(parent) for parent in each(depends_on)]
        if on_parent_failure is not None:
            policy = fields.on_parent_failure(on_parent_failure)
            if not (parents or task.parents):
                raise InvalidTask("on_parent_failure", "means nothing without depends_on")
            task = replace(task, fields={**task.fields, "on_parent_failure": policy})
        return self._draft(task, name, parents)

    def _draft(self, task: NewTask[R], name: str | None, parents: Sequence[str]) -> Node[R]:
        if not isinstance(task, NewTask):
            raise InvalidTask("tasks", f"must be what handler.new(...) returns, not {type(task).__name__}")
        name = self._free_name(task.kind) if name is None else fields.name(name, "name")
        if is_id(name):
            raise InvalidTask("name", "must not look like an id")
        if name in self._drafts:
            raise InvalidTask("name", f"{name!r} is the name of another task of this workflow")
        self._drafts[name] = Draft(name, task, parents)
        return Node(name, task.result)

    def _free_name(self, kind: str) -> str:
        name = kind
        while name in self._drafts:
            number = self._numbers[kind] = self._numbers.get(kind, 1) + 1
            name = f"{kind[:LONGEST_KIND]}-{number}"
        return name


class Workflow(Sketch):
    """What `app.workflow(name)` returns: add tasks, then submit. Without a key each submit is a run of its own."""

    def __init__(self, access: Access, name: str, on_failure: OnFailure, key: str | None = None) -> None:
        super().__init__()
        self._access = access
        self._name = fields.name(name, "name")
        self._on_failure = checked(on_failure)
        self._key = None if key is None else fields.name(key, "key", KEY_LENGTH)
        self._callbacks: list[str] = []

    def then(self, task: NewTask[R], *, name: str | None = None) -> Node[R]:
        """Add a callback: it runs once all other tasks have ended, however they did. Raises InvalidTask."""
        node = self._draft(task, name, [])
        self._callbacks.append(node.name)
        return node

    def submit(self, *, connection: Any = None) -> "WorkflowRun":
        """Submit all tasks, or none, in one transaction (`connection`: in the caller's).

        With a key that is known: answers with the first run that had it, and submits nothing. Raises InvalidTask (an
        unknown name, a cycle, ...), UnknownParent, QueueFull, IdempotencyConflict, DatabaseUnavailable, AnswerLost.
        """
        return self._access.run(self._plan(), connection, atomic=True)

    async def submit_async(self, *, connection: Any = None) -> "WorkflowRun":
        """The same in async code."""
        return await self._access.run_async(self._plan(), connection, atomic=True)

    def _plan(self) -> "Plan[WorkflowRun]":
        everything = self._with_callbacks()
        drafts = Drafts.of(everything, growing=False)
        return self._submitting(drafts, dict(zip((draft.name for draft in everything), drafts.ids, strict=True)))

    def _submitting(self, drafts: Drafts, ids: dict[str, UUID]) -> "Plan[WorkflowRun]":
        from pgq.client.workflow_run import WorkflowRun

        id, created = yield from submit_workflow(next(uuid7s()), self._name, self._on_failure, drafts, self._key)
        return WorkflowRun(self._access, id, ids if created else None, created)

    def _with_callbacks(self) -> list[Draft]:
        awaited = [name for name in self._drafts if name not in self._callbacks]
        return [callback(draft, awaited) if draft.name in self._callbacks else draft for draft in self._drafts.values()]


class Addition(Sketch):
    """What `run.more()` returns: tasks to be added to a workflow that runs."""

    def __init__(self, access: Access, workflow_id: UUID, ids: dict[str, UUID]) -> None:
        super().__init__()
        self._access = access
        self._workflow_id = workflow_id
        self._ids = ids

    def submit(self, *, connection: Any = None) -> None:
        """Add all tasks, or none, in one transaction (`connection`: in the caller's).

        Raises InvalidTask, UnknownParent, WorkflowNotFound, QueueFull, DatabaseUnavailable, and WrongState when the
        workflow does not run any more.
        """
        drafts = self._sorted()
        self._access.run(add_tasks(self._workflow_id, drafts), connection, atomic=True)
        self._remember(drafts)

    async def submit_async(self, *, connection: Any = None) -> None:
        """The same in async code."""
        drafts = self._sorted()
        await self._access.run_async(add_tasks(self._workflow_id, drafts), connection, atomic=True)
        self._remember(drafts)

    def _sorted(self) -> Drafts:
        return Drafts.of(list(self._drafts.values()), growing=True)

    def _remember(self, drafts: Drafts) -> None:
        self._ids.update(zip(self._drafts, drafts.ids, strict=True))

    def _free_name(self, kind: str) -> str:
        return f"{kind[:LONGEST_KIND]}-{secrets.token_hex(6)}"  # what else is in the workflow is not known here


def callback(draft: Draft, awaited: Sequence[str]) -> Draft:
    """The draft, waiting for these however they end."""
    if not awaited:
        return draft
    given = {**draft.task.fields, "on_parent_failure": "run"}
    return replace(draft, task=replace(draft.task, fields=given), parents=awaited)


def each(parents: Sequence[Parent]) -> Sequence[Parent]:
    if isinstance(parents, str) or not isinstance(parents, Sequence):
        raise InvalidTask("depends_on", f"must be a list of nodes, not {type(parents).__name__}")
    return parents


def parent_name(parent: Parent) -> str:
    match parent:
        case Node(name=name) | str(name):
            return name
        case Handle():
            return str(parent.id)
        case UUID():
            return str(parent)
        case _:
            raise InvalidTask("depends_on", f"must hold nodes, names, handles or ids, not {type(parent).__name__}")
