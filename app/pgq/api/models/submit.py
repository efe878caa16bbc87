"""The body of a submit."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from pgq.api.models.fields import (
    DelaySeconds,
    DependsOn,
    ExpiresAt,
    Headers,
    IdempotencyKey,
    Kind,
    MaxAttempts,
    NotYet,
    OnParentFailure,
    Payload,
    PayloadField,
    Priority,
    Queue,
    RunAt,
    Tags,
    TimeoutSeconds,
    WindowSeconds,
)
from pgq.client.options import without_parents
from pgq.client.submission import NewTask
from pgq.values.errors import InvalidTask
from pgq.values.task import json_value

NOTHING: Mapping[str, Any] = {}
EMPTY = Payload({}, "{}")
OPTIONAL = (
    "queue", "priority", "run_at", "delay_seconds", "expires_at", "max_attempts", "timeout_seconds", "idempotency_key",
    "idempotency_window_seconds", "depends_on", "on_parent_failure", "tags", "headers",
)  # fmt: skip


class SubmitTask(BaseModel):
    """A task to be submitted. What is left out, or null, comes from the kind, then the queue, then pgq itself."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"kind": "echo", "payload": {"hello": "world"}},
                {
                    "kind": "sleep",
                    "payload": {"seconds": 3},
                    "priority": "high",
                    "delay_seconds": 5,
                    "max_attempts": 2,
                    "idempotency_key": "nap:42",
                    "tags": ["example"],
                },
            ]
        },
    )

    kind: Kind
    payload: PayloadField = Field(default_factory=lambda: EMPTY)
    queue: Queue = None
    priority: Priority = None
    run_at: RunAt = None
    delay_seconds: DelaySeconds = None
    expires_at: ExpiresAt = None
    max_attempts: MaxAttempts = None
    timeout_seconds: TimeoutSeconds = None
    idempotency_key: IdempotencyKey = None
    idempotency_window_seconds: WindowSeconds = None
    depends_on: DependsOn = None
    on_parent_failure: OnParentFailure = None
    tags: Tags = None
    headers: Headers = None
    concurrency_key: NotYet = None
    unique_key: NotYet = None
    on_conflict: NotYet = None

    def new_task(self, id: UUID | None = None, key: str | None = None) -> NewTask[Any]:
        """The task, under an id and a key that do not stand in the body. Raises InvalidTask for contradictions."""
        given: dict[str, Any] = {} if id is None else {"id": str(id)}
        for name in self.model_fields_set:
            if name in PASSED_ON and (value := getattr(self, name)) is not None:
                given[name] = json_value(value)
        if key is not None:
            given["idempotency_key"] = key
        if "delay_seconds" in given and "run_at" in given:
            raise InvalidTask("delay_seconds", "cannot be given together with run_at")
        if "idempotency_window_seconds" in given and "idempotency_key" not in given:
            raise InvalidTask("idempotency_window_seconds", "means nothing without idempotency_key")
        if self.expires_at is not None and self.run_at is not None and self.expires_at <= self.run_at:
            raise InvalidTask("expires_at", "must be later than run_at, or the task could never start")
        if self.on_parent_failure is not None and self.depends_on is None:
            raise InvalidTask("on_parent_failure", "means nothing without depends_on")
        if self.depends_on == []:
            given = without_parents(given)
        return NewTask(self.kind, self.payload.text, given, NOTHING)


PASSED_ON = frozenset(OPTIONAL)
