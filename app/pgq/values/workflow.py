"""A workflow as it is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pgq.values.errors import InvalidTask
from pgq.values.task import json_value

OnFailure = Literal["cancel", "continue"]
STATES = ("running", "succeeded", "failed", "cancelled")
LIVE_STATES = ("blocked", "scheduled", "retrying", "pending", "running")
ENDED_STATES = ("succeeded", "cancelled", "expired", "dead")


def on_failure(value: object) -> OnFailure:
    """`cancel` or `continue`."""
    match value:
        case "cancel" | "continue":
            return value
        case _:
            raise InvalidTask("on_failure", f"must be cancel or continue, not {str(value)[:40]!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowStatus:
    """A workflow at one moment, its counts exact: the columns of `pgq.workflow_status`.

    state: `running` until all its tasks have ended; then `failed` when one is dead or expired, `cancelled`, or
    `succeeded`. live: its tasks that have not ended; with `ended` they make `total`. progress: ended ÷ total.
    """

    id: UUID
    name: str
    state: str
    on_failure: str
    created_at: datetime
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    total: int
    ended: int
    live: int
    succeeded: int
    cancelled: int
    expired: int
    dead: int
    progress: float

    def to_json(self) -> dict[str, Any]:
        """The workflow as JSON values."""
        return {
            **{name: json_value(getattr(self, name)) for name in PLAIN_KEYS},
            "counts": {name: getattr(self, name) for name in ("live", *ENDED_STATES)},
        }


COLUMNS = tuple(WorkflowStatus.__dataclass_fields__)
PLAIN_KEYS = (
    "id", "name", "state", "on_failure", "created_at", "finished_at", "cancel_requested_at", "total", "ended",
    "progress",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowTask:
    """A task in its workflow: what a graph shows of it. Its state is None once it is forgotten."""

    name: str
    id: UUID
    kind: str | None
    queue: str | None
    state: str | None
    attempt: int | None
    max_attempts: int | None
    created_at: datetime | None
    run_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    depends_on: list[UUID]
    on_parent_failure: str | None
    error: str | None
    """The type of its last error."""


TASK_COLUMNS = tuple(WorkflowTask.__dataclass_fields__)
FORGOTTEN: Mapping[str, Any] = {**dict.fromkeys(TASK_COLUMNS), "depends_on": []}


def named_tasks(names: Sequence[tuple[UUID, str]], rows: Sequence[Sequence[Any]]) -> list[WorkflowTask]:
    """The tasks in the order of their names; `rows` hold the other columns of those that are not forgotten."""
    known = {row[0]: dict(zip(TASK_COLUMNS[1:], row, strict=True)) for row in rows}
    return [WorkflowTask(**{**FORGOTTEN, "id": id, **known.get(id, {}), "name": name}) for id, name in names]


def tasks_json(tasks: Sequence[WorkflowTask]) -> list[dict[str, Any]]:
    """The tasks as JSON values: parents by their names, those of other workflows or none by their ids."""
    names = {task.id: task.name for task in tasks}
    return [{**task_json(task), "depends_on": [names.get(id) or str(id) for id in task.depends_on]} for task in tasks]


def task_json(task: WorkflowTask) -> dict[str, Any]:
    return {name: json_value(getattr(task, name)) for name in TASK_COLUMNS}


def live_counts(tasks: Sequence[WorkflowTask]) -> Mapping[str, int]:
    """How many of the tasks are in each state that is no end."""
    return {state: sum(task.state == state for task in tasks) for state in LIVE_STATES}
