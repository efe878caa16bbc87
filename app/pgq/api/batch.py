"""Many tasks in one request: checked one by one as they are read."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from pgq.api.access import Caller
from pgq.api.kinds import Kinds, errors_in
from pgq.api.models.submit import SubmitTask
from pgq.api.problems import FieldError, Problem, pointer
from pgq.api.visible import marked
from pgq.client.submission import NewTask
from pgq.values.errors import InvalidTask

MOST = 10_000
"""Tasks in one batch."""
ERRORS = 20
"""So many wrong ones are named."""

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

    def add(self, value: Any) -> None:
        """Check the next task. Raises the problem `invalid` for the first one too many."""
        place = self.places
        self.places += 1
        if place == MOST:
            reason = f"holds more than {MOST:,} tasks; send several batches"
            raise Problem("invalid", f"the batch {reason}", errors=[FieldError(pointer(self.above), reason)])
        at = (*self.above, place)
        try:
            wanted: SubmitTask = check(value)
            kind = self.kinds.known_kind(wanted.kind)
            self.tasks.append(marked(wanted.new_task(), self.caller, kind))
        except ValidationError as error:
            for one in error.errors(include_url=False, include_input=False, include_context=False):
                self.errors.append(FieldError(pointer([*at, *one["loc"]]), one["msg"]))
        except InvalidTask as error:
            self.errors.append(FieldError(pointer([*at, error.field]), error.reason))
        else:
            if kind.checker is not None:
                self.errors += errors_in(kind, wanted.payload.value, at)
        if len(self.errors) >= ERRORS:
            self.finish()

    def finish(self) -> list[NewTask[Any]]:
        """All tasks. Raises the problem `invalid` when any was wrong."""
        if self.errors:
            words = "; ".join(f"{one.pointer}: {one.detail}" for one in self.errors[:3])
            raise Problem("invalid", f"nothing was submitted: {words}", errors=self.errors[:ERRORS])
        return self.tasks

    def refused(self, error: InvalidTask) -> Problem:
        """What the database refused, with its pointer."""
        place = () if error.position is None else (error.position,)
        path = (*self.above, *place, error.field)
        return Problem("invalid", f"nothing was submitted: {error}", errors=[FieldError(pointer(path), error.reason)])
