"""Payloads against JSON Schemas. The reasons never repeat a value: it may be a secret."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a value does not fit, and why."""

    path: tuple[str | int, ...]
    reason: str


Checker = Callable[[Any], list[Fault]]

TYPES = {
    "object": "an object",
    "array": "an array",
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def checker_of(schema: str) -> Checker:
    """What checks values against a schema. Raises an exception of jsonschema's for one that is broken."""
    read = json.loads(schema)
    Draft202012Validator.check_schema(read)
    # A registry of its own: without one, references to elsewhere would be fetched from there.
    validator = Draft202012Validator(read, registry=Registry())

    def check(value: Any) -> list[Fault]:
        return [fault for error in validator.iter_errors(value) for fault in faults_of(error)]

    return check


def faults_of(error: ValidationError) -> Iterator[Fault]:
    """An error in our words, at the field itself: a missing one is named, too."""
    path = tuple(error.absolute_path)
    value: Any = error.instance
    wanted: Any = error.validator_value
    match error.validator:
        case "required":
            for name in wanted:
                # One error for each missing name, all alike but for their message.
                if name not in value and error.message.startswith(repr(name)):
                    yield Fault((*path, name), "is missing")
        case "additionalProperties" if wanted is False:
            known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
            for name in value:
                if name not in known:
                    yield Fault((*path, name), "is not a field of this kind")
        case _:
            yield Fault(path, reason(error))


def reason(error: ValidationError) -> str:
    """Why a value does not fit."""
    wanted: Any = error.validator_value
    match error.validator:
        case "type":
            names = [wanted] if isinstance(wanted, str) else wanted
            return "must be " + " or ".join(TYPES.get(name, name) for name in names)
        case "anyOf" | "oneOf" if error.context:
            inner = dict.fromkeys(reason(one) for one in error.context if not one.relative_path)
            return " or ".join(inner) or "fits none of the allowed forms"
        case "enum":
            return f"must be one of {short(wanted)}"
        case "const":
            return f"must be {short(wanted)}"
        case "minimum":
            return f"must be at least {wanted}"
        case "maximum":
            return f"must be at most {wanted}"
        case "exclusiveMinimum":
            return f"must be above {wanted}"
        case "exclusiveMaximum":
            return f"must be below {wanted}"
        case "minLength":
            return f"must have at least {wanted} characters"
        case "maxLength":
            return f"must have at most {wanted} characters"
        case "minItems" | "minProperties":
            return f"must have at least {wanted} elements"
        case "maxItems" | "maxProperties":
            return f"must have at most {wanted} elements"
        case "pattern":
            return f"must fit the pattern {short(wanted)}"
        case other:
            return f"does not fit the kind's schema ({other}: {short(wanted)})"


def short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else text[:99] + "…"
