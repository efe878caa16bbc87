"""Workflows in requests and answers."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from pgq.client.options import KEY_LENGTH
from pgq.values.graph import MOST_TASKS

State = Literal["running", "succeeded", "failed", "cancelled"]
OnFailure = Literal["cancel", "continue"]


class Counts(BaseModel):
    """How many of its tasks have not ended, and how the others did."""

    live: int
    succeeded: int
    cancelled: int
    expired: int
    dead: int


class Workflow(BaseModel):
    """A workflow. Its counts are those of this moment."""

    id: UUID
    name: str
    state: Annotated[
        State, Field(description="`running` until all its tasks have ended; `failed` when one is dead or expired.")
    ]
    on_failure: OnFailure
    created_at: AwareDatetime
    finished_at: AwareDatetime | None
    cancel_requested_at: AwareDatetime | None
    total: int
    ended: int
    progress: Annotated[float, Field(description="ended ÷ total")]
    counts: Counts


class Workflows(BaseModel):
    """A page of workflows, newest first."""

    items: list[Workflow]
    next_cursor: Annotated[str | None, Field(description="For the next page; null on the last one.")]


class Live(BaseModel):
    """How many of its tasks are in each state that is no end."""

    blocked: int
    scheduled: int
    retrying: int
    pending: int
    running: int


class WorkflowTask(BaseModel):
    """A task in its workflow; `GET /v1/tasks/{id}` shows all of it. Null stands for what is forgotten."""

    name: str
    id: UUID
    kind: str | None
    queue: str | None
    state: str | None
    attempt: int | None
    max_attempts: int | None
    created_at: AwareDatetime | None
    run_at: AwareDatetime | None
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    depends_on: Annotated[list[str], Field(description="By their names; tasks of no or another workflow by their ids.")]
    on_parent_failure: str | None
    error: Annotated[str | None, Field(description="The type of its last error.")]


class WorkflowInFull(Workflow):
    """A workflow with its tasks, parents first."""

    live: Live
    tasks: list[WorkflowTask]


class SubmittedWorkflow(WorkflowInFull):
    """A workflow that was submitted."""

    created: Annotated[bool, Field(description="False: the key was known, this is the first workflow that had it.")]


class Named(BaseModel):
    """A task that was added."""

    name: str
    id: UUID


class Added(BaseModel):
    """What was added to a workflow, in the order of the request."""

    items: list[Named]


A_TASK: dict[str, Any] = {
    "type": "object",
    "required": ["name", "kind"],
    "description": "A task as in `POST /v1/tasks`, without an idempotency key; `depends_on` holds names.",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 128},
        "kind": {"type": "string", "minLength": 1, "maxLength": 128},
        "payload": {"type": "object"},
        "depends_on": {"type": "array", "items": {"type": "string"}, "maxItems": 10_000},
        "on_parent_failure": {"enum": ["cancel", "run", "wait", None]},
    },
}
TASKS: dict[str, Any] = {"type": "array", "items": A_TASK, "minItems": 1, "maxItems": MOST_TASKS}
A_CALLBACK = {key: value for key, value in A_TASK.items() if key != "required"} | {
    "required": ["kind"],
    "description": "A task that runs once all others have ended, however they did.",
}
SUBMIT_WORKFLOW: dict[str, Any] = {
    "title": "SubmitWorkflow",
    "type": "object",
    "required": ["name", "tasks"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 128},
        "tasks": TASKS,
        "on_failure": {
            "enum": ["cancel", "continue", None],
            "description": "What the first task that is dead or expired does to those that do not depend on it. Left "
            "out: `cancel`.",
        },
        "callback": {"anyOf": [A_CALLBACK, {"type": "null"}]},
        "idempotency_key": {
            "type": ["string", "null"],
            "minLength": 1,
            "maxLength": KEY_LENGTH,
            "description": "The same workflow with the same key again is the same request: the first one is shown, as "
            "long as it is kept.",
        },
    },
}
ADD_TASKS: dict[str, Any] = {
    "title": "AddWorkflowTasks",
    "type": "object",
    "required": ["tasks"],
    "additionalProperties": False,
    "properties": {"tasks": TASKS},
}
A_WORKFLOW = {
    "name": "report",
    "tasks": [
        {"name": "orders", "kind": "echo", "payload": {"n": 1}},
        {"name": "refunds", "kind": "echo", "payload": {"n": 2}},
        {"name": "sum", "kind": "echo", "depends_on": ["orders", "refunds"]},
    ],
}
MORE_TASKS = {"tasks": [{"name": "returns", "kind": "echo", "payload": {"n": 3}, "depends_on": []}]}
