"""Values checked against type hints, on the way to JSON and back. The one place that knows pydantic."""

import json
import math
from typing import Any

from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic_core import PydanticSerializationError


class Mismatch(Exception):
    """A value does not fit its hint: where inside the value, and why, without repeating the value."""

    def __init__(self, path: tuple[int | str, ...], reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason


class Hint:
    """One type hint. Raises TypeError for a hint that nothing in JSON can satisfy."""

    def __init__(self, hint: Any) -> None:
        try:
            self.adapter: TypeAdapter[Any] = TypeAdapter(hint)
        except (PydanticSchemaGenerationError, PydanticUserError) as error:
            raise TypeError(f"the hint {hint!r} has no JSON form ({error.message.splitlines()[0]})") from error

    def to_json(self, value: object) -> Any:
        """The value, checked, as JSON values. Raises Mismatch."""
        try:
            checked = self.adapter.validate_python(value)
            plain = self.adapter.dump_python(checked, mode="json", by_alias=True, round_trip=True, warnings="error")
            # pydantic writes infinity as null, without a word.
            if not isinstance(plain, str | int) and is_infinite(self.adapter.dump_python(checked)):
                raise Mismatch((), "holds infinity or NaN, which JSON has no form for")
        except ValidationError as error:
            raise mismatch(error) from None
        except (PydanticSerializationError, ValueError, RecursionError) as error:
            raise Mismatch((), f"has no JSON form: {str(error)[:200]}") from None
        return plain

    def from_json(self, value: Any) -> Any:
        """The value of the hint's type that JSON values stand for. Raises Mismatch."""
        try:
            return self.adapter.validate_python(value)
        except ValidationError:
            # Strict types take a date or a UUID from text only when they are told that it comes from JSON.
            try:
                return self.adapter.validate_json(json.dumps(value))
            except ValidationError as error:
                raise mismatch(error) from None


def is_infinite(value: object) -> bool:
    """Whether a number somewhere inside is infinite or not a number."""
    match value:
        case float():
            return not math.isfinite(value)
        case dict():
            return any(map(is_infinite, value.values()))
        case list() | tuple() | set() | frozenset():
            return any(map(is_infinite, value))
        case _:
            return False


def mismatch(error: ValidationError) -> Mismatch:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return Mismatch(first["loc"], first["msg"][:200])


def object_schema(hints: dict[str, Hint], required: list[str]) -> dict[str, Any]:
    """The JSON Schema of an object with these properties; of any object when a hint has no schema."""
    try:
        schemas, shared = TypeAdapter.json_schemas(
            [(name, "validation", hint.adapter) for name, hint in hints.items()], ref_template="#/$defs/{model}"
        )
    except PydanticInvalidForJsonSchema:
        return {"type": "object"}
    properties = {name: schema for (name, _), schema in schemas.items()}
    return {"type": "object", "properties": properties, "required": required, **shared}
