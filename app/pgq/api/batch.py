"""Many tasks in one request: checked one by one as they are read."""

from contextlib import suppress
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from pgq.api.access import Caller
from pgq.api.kinds import Kind, Kinds, errors_in
from pgq.api.models.fields import payload
from pgq.api.models.submit import SubmitTask
from pgq.api.problems import FieldError, Problem, pointer, unknown_parent
from pgq.api.visible import marked
from pgq.client.submission import NewTask
from pgq.values.errors import InvalidTask, UnknownParent

MOST = 10_000
"""Tasks in one batch."""
ERRORS = 20
"""So many wrong ones are named."""

ALIKE = 1_000
"""So many different ones are remembered while a batch is read."""

check = TypeAdapter(SubmitTask).validator.validate_python


class BatchReader:
    """Collects the tasks of a batch, or what is wrong with them. `above` stands before a task's place in pointers."""

    def __init__(self, caller: Caller, kinds: Kinds, *above: str) -> None:
        self.caller = caller
        self.kinds = kinds
        self.above: tuple[str | int, ...] = above
        self.tasks: list[NewTask[Any]] = []
        self.errors: list[FieldError] = []
        self.places = 0
        self.alike: dict[Any, tuple[NewTask[Any], Kind]] = {}

    def add(self, value: Any) -> None:
        """Check the next task. Raises the problem `invalid` for the first one too many."""
        place = self.places
        self.places += 1
        if place == MOST:
            reason = f"holds more than {MOST:,} tasks; send several batches"
            raise Problem("invalid", f"the batch {reason}", errors=[FieldError(pointer(self.above), reason)])
        at = (*self.above, place)
        try:
            task, kind = self.checked(value)
        except ValidationError as error:
            for one in error.errors(include_url=False, include_input=False, include_context=False):
                self.errors.append(FieldError(pointer([*at, *one["loc"]]), one["msg"]))
        except InvalidTask as error:
            self.errors.append(FieldError(pointer([*at, error.field]), error.reason))
        else:
            self.tasks.append(task)
            if kind.checker is not None:
                self.errors += errors_in(kind, value.get("payload", {}), at)
        if len(self.errors) >= ERRORS:
            self.finish()

    def checked(self, value: Any) -> tuple[NewTask[Any], Kind]:
        """A task as it is stored. Raises ValidationError and InvalidTask.

        Most are like one before in all but the payload: then that is all that is checked.
        """
        like = likeness(value)
        if like is not None and like in self.alike:
            first, kind = self.alike[like]
            with suppress(PydanticCustomError):  # whose words the whole check has, too
                return NewTask(first.kind, payload(value["payload"]).text, first.fields, first.defaults), kind
        wanted: SubmitTask = check(value)
        kind = self.kinds.known_kind(wanted.kind)
        task = marked(wanted.new_task(), self.caller, kind)
        if like is not None and len(self.alike) < ALIKE:
            self.alike[like] = task, kind
        return task, kind

    def finish(self) -> list[NewTask[Any]]:
        """All tasks. Raises the problem `invalid` when any was wrong."""
        if self.errors:
            words = "; ".join(f"{one.pointer}: {one.detail}" for one in self.errors[:3])
            raise Problem("invalid", f"nothing was submitted: {words}", errors=self.errors[:ERRORS])
        return self.tasks

    def refused(self, error: InvalidTask | UnknownParent) -> Problem:
        """What the database refused, with its pointer."""
        place = () if error.position is None else (error.position,)
        if isinstance(error, UnknownParent):
            return unknown_parent(error.parent_id, (*self.above, *place))
        path = (*self.above, *place, error.field)
        return Problem("invalid", f"nothing was submitted: {error}", errors=[FieldError(pointer(path), error.reason)])


def likeness(value: Any) -> Any:
    """All of a task but its payload, with the types, as 1 is like true; None where that is not cheap to compare."""
    if type(value) is not dict or "payload" not in value:
        return None
    rest = tuple([(name, type(part), part) for name, part in value.items() if name != "payload"])
    try:
        hash(rest)
    except TypeError:
        return None
    return rest
