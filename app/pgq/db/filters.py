"""Which tasks a list shows, and which a bulk verb works on."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from pgq.values.errors import InvalidTask

LIVE = ("blocked", "scheduled", "retrying", "pending", "running")
HISTORY = ("succeeded", "cancelled", "expired")
STATES = (*LIVE, *HISTORY, "dead")
"""The shown states. As a filter `pending` also matches scheduled and retrying."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Of several states, queues or kinds a task must have one; of several tags, all. Empty matches every task."""

    states: frozenset[str] = frozenset()
    queues: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    workflow_id: UUID | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    visible: tuple[str, ...] = ()
    """Patterns of queue names (`mail-*`): a task's queue must fit one. Who asks may see no other; none: may see all."""

    @property
    def empty(self) -> bool:
        """Whether nothing that is asked for narrows it."""
        return replace(self, visible=()) == type(self)()

    def within(self, states: Collection[str]) -> Self:
        """The same filter for tasks in `states` only. Raises InvalidTask when it asks for none of these."""
        allowed = frozenset(states)
        both = self.states & allowed if self.states else allowed
        if not both:
            raise InvalidTask("state", f"must be one of {', '.join(states)} here, not {', '.join(sorted(self.states))}")
        return replace(self, states=both)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterFilter:
    """Of several queues, kinds or error types a dead letter must have one. Empty matches every dead letter."""

    queues: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    error_types: tuple[str, ...] = ()
    dead_after: datetime | None = None
    dead_before: datetime | None = None
    visible: tuple[str, ...] = ()
    """Patterns of queue names, as in TaskFilter."""

    @property
    def empty(self) -> bool:
        """Whether nothing that is asked for narrows it."""
        return replace(self, visible=()) == type(self)()
