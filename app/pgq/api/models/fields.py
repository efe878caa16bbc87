"""The fields of a submitted task as types: checked by the same functions, in the same words, as at the other doors."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, NamedTuple, NoReturn, TypeVar

from pydantic import PlainValidator, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from pgq.client import options
from pgq.client.submission import json_object
from pgq.values import fields
from pgq.values.duration import LONGEST, seconds
from pgq.values.errors import InvalidTask
from pgq.values.json_text import Unstorable, to_text

R = TypeVar("R")


class Payload(NamedTuple):
    """A payload, and its JSON text as it goes to the database."""

    value: dict[str, Any]
    text: str


def refuse(reason: str) -> NoReturn:
    """Refuse the field that is being checked; braces in the reason are meant as they stand."""
    raise PydanticCustomError("invalid", "{reason}", {"reason": reason})


def ours(check: Callable[[Any], R]) -> PlainValidator:
    """Check a value by a function that raises InvalidTask."""

    def checked(value: Any) -> R:
        try:
            return check(value)
        except InvalidTask as error:
            refuse(error.reason)

    return PlainValidator(checked)


def or_none(check: Callable[[Any], R]) -> PlainValidator:
    """The same for a field that may be null, which is the same as leaving it out."""
    return ours(lambda value: None if value is None else check(value))


def payload(value: Any) -> Payload:
    """A JSON object of at most 1 MB that PostgreSQL can keep."""
    if not isinstance(value, dict):
        refuse(f"must be an object, not {json_type(value)}")
    try:
        return Payload(value, to_text(json_object(value), "it"))
    except Unstorable as error:
        refuse(str(error))


def moment(value: Any, field: str) -> datetime:
    """A point in time in RFC 3339 with its offset. Raises InvalidTask."""
    if not isinstance(value, str):
        raise InvalidTask(field, f"must be a time such as 2030-01-31T09:00:00Z, not {json_type(value)}")
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise InvalidTask(field, "must be a time such as 2030-01-31T09:00:00Z") from None
    if at.tzinfo is None:
        raise InvalidTask(field, "has no time zone: end it with Z or an offset such as +01:00")
    try:
        return fields.moment(at, field)
    except OverflowError:  # in year 1 or 9999, when the offset carries it out of them
        raise InvalidTask(field, "must lie between the years 2000 and 3000") from None


def json_type(value: object) -> str:
    """What JSON calls a value's type."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case int() | float():
            return "a number"
        case list():
            return "an array"
        case _:
            return "an object"


def not_yet(value: Any) -> None:
    """A field of later versions."""
    if value is not None:
        refuse("is not supported by this version")


def text_schema(longest: int, **more: Any) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": longest, "pattern": "^[^\\x00-\\x1f\\x7f]+$", **more}


def nullable(schema: dict[str, Any]) -> WithJsonSchema:
    description = {"description": schema.pop("description")} if "description" in schema else {}
    return WithJsonSchema({"anyOf": [schema, {"type": "null"}], **description})


A_DURATION = {"type": "number", "maximum": LONGEST}

Kind = Annotated[
    str,
    ours(lambda value: fields.name(value, "kind")),
    WithJsonSchema(text_schema(fields.NAME_LENGTH, description="Which handler runs it.")),
]
PayloadField = Annotated[
    Payload,
    PlainValidator(payload),
    WithJsonSchema({"type": "object", "description": "The handler's arguments: a JSON object of at most 1 MB."}),
]
Queue = Annotated[
    str | None,
    or_none(lambda value: fields.name(value, "queue")),
    nullable(text_schema(fields.NAME_LENGTH, description="Left out: the kind's queue, else `default`.")),
]
Priority = Annotated[
    int | None,
    or_none(fields.priority),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 9},
                {"enum": ["low", "normal", "high"]},
                {"type": "null"},
            ],
            "description": "9 is the most urgent; low, normal and high are 2, 5 and 8. Left out: the kind's, else 5.",
        }
    ),
]
RunAt = Annotated[
    datetime | None,
    or_none(lambda value: moment(value, "run_at")),
    nullable({"type": "string", "format": "date-time", "description": "Not before; with its offset. Left out: now."}),
]
ExpiresAt = Annotated[
    datetime | None,
    or_none(lambda value: moment(value, "expires_at")),
    nullable({"type": "string", "format": "date-time", "description": "Not started later than this."}),
]
DelaySeconds = Annotated[
    float | None,
    or_none(lambda value: seconds(value, "delay_seconds")),
    nullable({**A_DURATION, "minimum": 0, "description": "Run it so much later; instead of run_at."}),
]
MaxAttempts = Annotated[
    int | None,
    or_none(fields.max_attempts),
    nullable({"type": "integer", "minimum": 1, "maximum": 1000, "description": "How often it is tried."}),
]
TimeoutSeconds = Annotated[
    float | None,
    or_none(lambda value: options.duration(value, "timeout_seconds")),
    nullable({**A_DURATION, "exclusiveMinimum": 0, "description": "How long one attempt may take."}),
]
IdempotencyKey = Annotated[
    str | None,
    or_none(lambda value: fields.name(value, "idempotency_key", options.KEY_LENGTH)),
    nullable(text_schema(options.KEY_LENGTH, description="The same key again is the same request.")),
]
WindowSeconds = Annotated[
    float | None,
    or_none(lambda value: options.duration(value, "idempotency_window_seconds")),
    nullable({**A_DURATION, "exclusiveMinimum": 0, "description": "How long the key is known. Left out: one day."}),
]
DependsOn = Annotated[
    list[str] | None,
    or_none(fields.depends_on),
    nullable(
        {
            "type": "array",
            "items": {"type": "string", "format": "uuid"},
            "maxItems": fields.MOST_PARENTS,
            "description": "Tasks that have to end first.",
        }
    ),
]
OnParentFailure = Annotated[
    str | None,
    or_none(fields.on_parent_failure),
    nullable(
        {
            "enum": list(fields.ON_PARENT_FAILURE),
            "description": "When a parent is dead, cancelled or expired: `cancel` the task (the default), `run` it all "
            "the same, or `wait` for the parent to be redriven.",
        }
    ),
]
Tags = Annotated[
    list[str] | None,
    or_none(fields.tags),
    nullable({"type": "array", "items": text_schema(fields.NAME_LENGTH), "maxItems": 32}),
]
Headers = Annotated[
    dict[str, Any] | None,
    or_none(options.headers),
    nullable({"type": "object", "description": "Travels with the task; at most 16 KB."}),
]
NotYet = SkipJsonSchema[Annotated[None, PlainValidator(not_yet)]]
