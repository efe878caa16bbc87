"""A registered function: called as it is, submitted as a task."""

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Self, TypeVar, Unpack
from uuid import UUID

from pgq.client.access import Access
from pgq.client.declaration import Declaration
from pgq.client.handle import Handle
from pgq.client.options import Options, fields_of
from pgq.client.parameters import parameters_of
from pgq.client.submission import NewTask, json_object, new_task
from pgq.client.submit import Submitted, submit
from pgq.values.errors import InvalidTask

if TYPE_CHECKING:
    from pgq.client.signature import Signature

P = ParamSpec("P")  # what submit() takes
Q = ParamSpec("Q")  # what the function itself takes: P, or the Context and P
R = TypeVar("R")  # the result, as handle.result() gives it
C = TypeVar("C")  # what a direct call returns: R, or a coroutine of it


class Handler(Generic[P, R, Q, C]):
    """What `@app.task` makes of a function. Calling it runs the plain function.

    submit, submit_async and new take the function's own arguments (without the Context) and raise InvalidTask, before
    any round trip, for one that is missing, unknown or of another type.
    """

    def __init__(self, function: Callable[Q, C], declaration: Declaration, access: Access) -> None:
        self.function = function
        self.declaration = declaration
        self.parameters = parameters_of(function)
        self._access = access
        self._options: Mapping[str, Any] = {}
        self._signature = functools.cache(self._make_signature)  # one for all copies that options() makes
        functools.update_wrapper(self, function)

    def __repr__(self) -> str:
        return f"<pgq.Handler {self.kind}>"

    def __call__(self, *args: Q.args, **kwargs: Q.kwargs) -> C:
        return self.function(*args, **kwargs)

    @property
    def kind(self) -> str:
        """The name that tasks know the handler by."""
        return self.declaration.kind

    @property
    def wants_context(self) -> bool:
        """Whether the function's first parameter takes the pgq.Context."""
        return self.parameters.context is not None

    @property
    def signature(self) -> "Signature":
        """What the function takes and gives, from its type hints. Raises TypeError for hints without a JSON form."""
        return self._signature()

    def _make_signature(self) -> "Signature":
        from pgq.client.signature import Signature  # pydantic: programs that only import their handlers do without

        return Signature(self.function, self.parameters, self.kind)

    def submit(self, *args: P.args, **kwargs: P.kwargs) -> Handle[R]:
        """Submit a task with these arguments.

        Raises InvalidTask, UnknownParent, IdempotencyConflict, QueueFull, DatabaseUnavailable.
        """
        task = self._new(args, kwargs)
        return self._follow(task, self._access.run(submit(task), self._options.get("connection")))

    async def submit_async(self, *args: P.args, **kwargs: P.kwargs) -> Handle[R]:
        """The same in async code."""
        task = self._new(args, kwargs)
        return self._follow(task, await self._access.run_async(submit(task), self._options.get("connection")))

    def new(self, *args: P.args, **kwargs: P.kwargs) -> NewTask[R]:
        """A task with these arguments, for `app.submit_many`."""
        if self._options.get("connection") is not None:
            raise InvalidTask("connection", "belongs to the submit: submit_many(tasks, connection=...)")
        return self._new(args, kwargs)

    def options(self, **options: Unpack[Options]) -> Self:
        """The same handler, whose tasks have these options; see pgq.client.options.Options for what they mean.

        Raises InvalidTask for a value that no task can have.
        """
        other = copy.copy(self)
        other._options = {**self._options, **options}
        fields_of(other._options)
        return other

    def handle(self, task_id: UUID) -> Handle[R]:
        """Follow a task that was submitted before."""
        return Handle(self._access, task_id, result=self._read)

    def from_payload(self, payload: Mapping[str, Any], options: Mapping[str, Any]) -> NewTask[R]:
        """A task with this payload, checked as the arguments of `submit` are."""
        return self._task(self.signature.arguments((), json_object(payload)), options)

    def _new(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> NewTask[R]:
        return self._task(self.signature.arguments(args, kwargs), self._options)

    def _task(self, arguments: Mapping[str, Any], options: Mapping[str, Any]) -> NewTask[R]:
        said = self.declaration
        return new_task(said.kind, arguments, options, defaults=said.defaults(), tags=said.tags, result=self._read)

    def _follow(self, task: NewTask[R], submitted: Submitted) -> Handle[R]:
        return Handle(self._access, submitted.id, submitted.created, task.result)

    def _read(self, result: Any) -> R:
        value: R = self.signature.result(result)
        return value
