"""A task that is ready to be submitted: everything is checked and its payload is JSON text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pgq.client.options import fields_of
from pgq.values import fields
from pgq.values.errors import InvalidTask
from pgq.values.json_text import ENCODER, Unstorable, to_text

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class NewTask(Generic[R]):
    """What `handler.new(...)` returns and `app.submit_many(...)` takes.

    `fields` hold what the submit says of the task, under the database's names; `defaults` what its handler's decorator
    says, used where nobody else does.
    """

    kind: str
    payload: str
    fields: Mapping[str, Any]
    defaults: Mapping[str, Any]
    result: Callable[[Any], R] | None = None

    @property
    def key(self) -> str | None:
        """The idempotency key."""
        key: str | None = self.fields.get("idempotency_key")
        return key

    @property
    def parents(self) -> Sequence[str]:
        """The ids of the tasks that have to end first."""
        ids: Sequence[str] = self.fields.get("depends_on") or ()
        return ids

    def to_json(self) -> str:
        """The task as an element of what `pgq.submit_many()` takes. The payload is text already and stays as it is."""
        rest = ENCODER.encode({"kind": self.kind, **self.fields, "defaults": self.defaults})
        return f'{rest[:-1]},"payload": {self.payload}}}'


def new_task(
    kind: str,
    payload: Mapping[str, Any],
    options: Mapping[str, Any],
    *,
    defaults: Mapping[str, Any] | None = None,
    tags: tuple[str, ...] = (),
    result: Callable[[Any], R] | None = None,
) -> NewTask[R]:
    """Check a task before any round trip. Raises InvalidTask, naming the field; `tags` are the handler's own."""
    given = fields_of(options)
    if tags:
        given["tags"] = fields.tags([*tags, *(tag for tag in given.get("tags", ()) if tag not in tags)])
    return NewTask(fields.name(kind, "kind"), payload_text(payload), given, defaults or {}, result)


def payload_text(payload: Mapping[str, Any]) -> str:
    try:
        return to_text(dict(json_object(payload)), "it")
    except Unstorable as error:
        raise InvalidTask("payload", str(error)) from None


def json_object(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """The payload, which must be an object. Raises InvalidTask."""
    if not isinstance(payload, Mapping):
        raise InvalidTask("payload", f"must be an object (a mapping), not {type(payload).__name__}")
    for name in payload:
        if not isinstance(name, str):
            raise InvalidTask("payload", f"must have names for keys, not {type(name).__name__}")
    return payload
