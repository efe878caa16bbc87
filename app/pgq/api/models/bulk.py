"""The verbs by filter: which tasks, and what was done."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool, WithJsonSchema

from pgq.api.bodies import Body
from pgq.api.models.fields import moment, nullable, or_none, ours, text_schema
from pgq.api.problems import Problem
from pgq.db.filters import STATES, DeadLetterFilter, TaskFilter
from pgq.values import fields
from pgq.values.errors import InvalidTask
from pgq.values.task import json_value

MOST_NAMES = 100
A_NAME = text_schema(fields.NAME_LENGTH)


def names(value: Any) -> tuple[str, ...]:
    """A name or a list of names. Raises InvalidTask."""
    given = value if isinstance(value, list) else [value]
    if not 1 <= len(given) <= MOST_NAMES:
        raise InvalidTask("names", f"must be 1 to {MOST_NAMES} names, not {len(given)}")
    return tuple(fields.name(one, "names") for one in given)


def states(value: Any) -> tuple[str, ...]:
    """A state or a list of states. Raises InvalidTask."""
    for one in (found := names(value)):
        if one not in STATES:
            raise InvalidTask("state", f"must be one of {', '.join(STATES)}")
    return found


def some(item: dict[str, Any], description: str) -> WithJsonSchema:
    several = {"type": "array", "items": item, "minItems": 1, "maxItems": MOST_NAMES}
    return WithJsonSchema({"anyOf": [item, several], "description": description})


def read_as(field: str) -> Any:
    """Reads a moment; what is wrong with it names the field."""
    return or_none(lambda value: moment(value, field))


def told(description: str) -> Any:
    """How a moment stands in the document."""
    return nullable({"type": "string", "format": "date-time", "description": description})


CreatedAfter = Annotated[datetime | None, read_as("created_after"), told("Made later than this.")]
CreatedBefore = Annotated[datetime | None, read_as("created_before"), told("Made earlier than this.")]
DeadAfter = Annotated[datetime | None, read_as("dead_after"), told("Buried later than this.")]
DeadBefore = Annotated[datetime | None, read_as("dead_before"), told("Buried earlier than this.")]


Names = Annotated[tuple[str, ...], ours(names), some(A_NAME, "One, or several of which one must fit.")]
Tags = Annotated[tuple[str, ...], ours(names), some(A_NAME, "One, or several that must all be there.")]
States = Annotated[tuple[str, ...], ours(states), some({"enum": list(STATES)}, "One, or several.")]
Limit = Annotated[int | None, Field(strict=True, ge=1, le=2**31 - 1, description="Change at most so many, the oldest.")]


class Bulk(Body):
    """Which, how many, and whether to do it."""

    all: StrictBool = Field(False, description="Needed when nothing else says which: every one.")
    limit: Limit = None
    dry_run: StrictBool = Field(False, description="Only count.")

    def asked(self) -> dict[str, Any]:
        """What the caller said, for the audit log."""
        return {name: json_value(getattr(self, name)) for name in sorted(self.model_fields_set)}

    def require(self, filtered: bool) -> None:
        """Raise the problem `filter_required` when a typing error would take everything."""
        if not (filtered or self.all):
            raise Problem("filter_required", 'say which: by a filter, or {"all": true} for every one')


class SomeTasks(Bulk):
    """Which tasks. A task must fit every field that is given."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"queue": "default", "kind": ["sleep"], "dry_run": True}]}
    )

    state: States = ()
    queue: Names = ()
    kind: Names = ()
    tag: Tags = ()
    workflow_id: UUID | None = Field(None, description="Of this workflow.")
    created_after: CreatedAfter = None
    created_before: CreatedBefore = None

    def filter(self, visible: tuple[str, ...]) -> TaskFilter:
        """The filter, narrowed to queues that the caller may see."""
        which = TaskFilter(
            states=frozenset(self.state),
            queues=self.queue,
            kinds=self.kind,
            tags=self.tag,
            workflow_id=self.workflow_id,
            created_after=self.created_after,
            created_before=self.created_before,
            visible=visible,
        )
        self.require(not which.empty)
        return which


class SomeDeadLetters(Bulk):
    """Which dead letters. A dead letter must fit every field that is given."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"kind": "fail", "error_type": "RuntimeError", "dry_run": True}]},
    )

    queue: Names = ()
    kind: Names = ()
    error_type: Names = ()
    dead_after: DeadAfter = None
    dead_before: DeadBefore = None

    def filter(self, visible: tuple[str, ...]) -> DeadLetterFilter:
        """The filter, narrowed to queues that the caller may see."""
        which = DeadLetterFilter(
            queues=self.queue,
            kinds=self.kind,
            error_types=self.error_type,
            dead_after=self.dead_after,
            dead_before=self.dead_before,
            visible=visible,
        )
        self.require(not which.empty)
        return which


class SkippedTask(BaseModel):
    """A task that refused, and why."""

    id: UUID
    code: Literal["wrong_state", "not_found", "queue_full", "invalid", "failed"]
    reason: str


class BulkReport(BaseModel):
    """What was done. `more`: it stopped at its limit, or after 20 seconds, and tasks are left that match: ask again."""

    matched: int
    changed: int
    skipped: list[SkippedTask]
    more: bool
