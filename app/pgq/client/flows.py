"""The operations on workflows: submit, add tasks, look, wait, cancel, run again."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any
from uuid import UUID

from pgq.client.follow import FIRST_PAUSE, LONGEST_PAUSE
from pgq.client.ids import uuid7s
from pgq.client.steps import Pause, Plan, Statement
from pgq.client.submission import NewTask
from pgq.client.submit import Submitted, chunks
from pgq.values.errors import InvalidTask, WorkflowNotFound
from pgq.values.graph import in_order
from pgq.values.json_text import ENCODER
from pgq.values.workflow import COLUMNS, WorkflowStatus, WorkflowTask, named_tasks

MOST_PARENTS = 10_000


@dataclass(frozen=True, slots=True)
class Draft:
    """A task of a workflow that is not submitted yet; its parents by name, those outside by id."""

    name: str
    task: NewTask[Any]
    parents: Sequence[str]


@dataclass(frozen=True, slots=True)
class Drafts:
    """Tasks with the ids that they are submitted under, in an order in which parents come first."""

    tasks: Sequence[NewTask[Any]]
    ids: Sequence[UUID]
    order: Sequence[int]

    @classmethod
    def of(cls, drafts: Sequence[Draft], *, growing: bool) -> "Drafts":
        """Check and sort drafts. Raises InvalidTask, with the place of the task."""
        parents = [[*dict.fromkeys((*draft.parents, *own_parents(draft.task)))] for draft in drafts]
        for place, (draft, names) in enumerate(zip(drafts, parents, strict=True)):
            if draft.task.key is not None:
                reason = "is not for the tasks of a workflow: their names are unique in it"
                raise InvalidTask("idempotency_key", reason, place)
            if len(names) > MOST_PARENTS:
                raise InvalidTask("depends_on", f"at most {MOST_PARENTS:,} tasks, not {len(names):,}", place)
        order = in_order([draft.name for draft in drafts], parents, growing=growing)
        ids: dict[int, UUID] = dict(zip(order, uuid7s(), strict=False))  # rising, so that parents start first
        tasks = [
            replace(
                draft.task, fields={**draft.task.fields, "id": str(ids[place]), "name": draft.name, "depends_on": names}
            )
            for place, (draft, names) in enumerate(zip(drafts, parents, strict=True))
        ]
        return cls(tasks, [ids[place] for place in range(len(drafts))], order)

    def portions(self) -> list[list[int]]:
        """The places of the tasks by statement."""
        return list(chunks(self.order, self.tasks))

    def text(self, portion: Sequence[int]) -> str:
        """The tasks of a statement as a JSON array."""
        return f"[{','.join(self.tasks[place].to_json() for place in portion)}]"

    def digest(self, portions: Sequence[Sequence[int]]) -> str:
        """What pgq.workflow_fingerprint() is told of tasks that it does not see."""
        digest = sha256()
        for portion in portions:
            for task in (self.tasks[place] for place in portion):
                own = [task.fields.get(name) for name in ("name", "depends_on", "on_parent_failure")]
                digest.update(json.dumps([task.kind, json.loads(task.payload), *own], sort_keys=True).encode() + b"\n")
        return digest.hexdigest()

    def submitted(self, created: bool) -> list[Submitted]:
        """The answer to each task, in the order of the drafts."""
        return [Submitted(id, created) for id in self.ids]


def own_parents(task: NewTask[Any]) -> Sequence[str]:
    """What its options say: tasks outside, by their ids."""
    ids: Sequence[str] = task.fields.get("depends_on") or ()
    return ids


def submit_workflow(
    workflow_id: UUID, name: str, on_failure: str, drafts: Drafts, key: str | None = None
) -> Plan[Submitted]:
    """Submit a workflow; in one transaction, as it may take several statements. Answers with the workflow's id.

    With a `key` that is known it is the id of the first workflow that had it, and nothing is added. Raises
    IdempotencyConflict when that one is another.
    """
    first, *rest = drafts.portions()
    whole = {"id": str(workflow_id), "name": name, "on_failure": on_failure}
    if key is not None:
        whole["idempotency_key"] = key
        if rest:
            whole["rest"] = drafts.digest(rest)
    head = ENCODER.encode(whole)
    rows = yield Statement("workflows/submit", {"workflow": f'{head[:-1]},"tasks":{drafts.text(first)}}}'}, first)
    id = UUID(str(rows[0][0]))
    if id == workflow_id:
        yield from add_portions(workflow_id, drafts, rest)
    return Submitted(id, id == workflow_id)


def add_tasks(workflow_id: UUID, drafts: Drafts) -> Plan[list[Submitted]]:
    """Add tasks to a workflow; in one transaction. Answers in the order of the drafts."""
    yield from add_portions(workflow_id, drafts, drafts.portions())
    return drafts.submitted(True)


def add_portions(workflow_id: UUID, drafts: Drafts, portions: Sequence[Sequence[int]]) -> Plan[None]:
    for portion in portions:
        addition = f'{{"workflow_id":"{workflow_id}","tasks":{drafts.text(portion)}}}'
        yield Statement("workflows/add", {"addition": addition}, portion)


def look(workflow_id: UUID) -> Plan[WorkflowStatus]:
    """The workflow as it is now. Raises WorkflowNotFound."""
    rows = yield Statement("workflows/status", {"id": workflow_id})
    if not rows:
        raise WorkflowNotFound(workflow_id)
    return WorkflowStatus(**dict(zip(COLUMNS, rows[0], strict=True)))


def look_at_all(workflow_id: UUID) -> Plan[tuple[WorkflowStatus, list[WorkflowTask]]]:
    """The workflow with its tasks, parents first. Raises WorkflowNotFound."""
    status = yield from look(workflow_id)
    names = yield Statement("workflows/names", {"id": workflow_id})
    rows = yield Statement("workflows/tasks", {"id": workflow_id})
    return status, named_tasks([(id, name) for id, name in names], rows)


def wait(workflow_id: UUID, timeout: float | None) -> Plan[WorkflowStatus]:
    """The workflow once all its tasks have ended. Raises WorkflowNotFound, and TimeoutError (None: never)."""
    patience = None if timeout is None else time.monotonic() + timeout
    pause = FIRST_PAUSE
    while True:
        status = yield from look(workflow_id)
        if status.state != "running":
            return status
        if patience is not None:
            left = patience - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"workflow {workflow_id} still runs after {timeout:g} seconds")
            pause = min(pause, left)
        yield Pause(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)


def task_id(workflow_id: UUID, name: str) -> Plan[UUID]:
    """The task with this name. Raises InvalidTask."""
    rows = yield Statement("workflows/task_id", {"workflow_id": workflow_id, "name": name})
    if not rows:
        raise InvalidTask("name", f"no task of workflow {workflow_id} is called {name!r}")
    return UUID(str(rows[0][0]))


def cancel(workflow_id: UUID) -> Plan[WorkflowStatus]:
    """Cancel what has not ended. Raises WorkflowNotFound, or WrongState when it does not run."""
    yield Statement("workflows/cancel", {"id": workflow_id})
    return (yield from look(workflow_id))


def retry(workflow_id: UUID) -> Plan[WorkflowStatus]:
    """Run again what has not succeeded. Raises WorkflowNotFound, WrongState, or QueueFull."""
    yield Statement("workflows/retry", {"id": workflow_id})
    return (yield from look(workflow_id))
