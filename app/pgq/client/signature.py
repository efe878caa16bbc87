"""The arguments and the result of a handler, checked against its type hints.

Hints are resolved at the first use, not at decoration: a forward reference may be to something defined further down.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from pgq.client.hints import Hint, Mismatch, object_schema
from pgq.client.parameters import Parameters, hints_of
from pgq.values.errors import InvalidPayload, InvalidResult, InvalidTask

log = logging.getLogger("pgq")


class Signature:
    """What a handler takes and gives. `kind` is for messages."""

    def __init__(self, function: Callable[..., Any], parameters: Parameters, kind: str) -> None:
        self.function = function
        self.parameters = parameters
        self.kind = kind

    @cached_property
    def resolved(self) -> dict[str, Any]:
        try:
            return hints_of(self.function)
        except TypeError as error:
            raise TypeError(f"kind {self.kind!r}: {error}") from error

    @cached_property
    def hints(self) -> dict[str, Hint]:
        """Per argument: its hint."""
        return {name: self.hint(name) for name in self.parameters.names}

    def hint(self, name: str) -> Hint:
        try:
            return Hint(self.resolved.get(name, Any))
        except TypeError as error:
            raise TypeError(f"kind {self.kind!r}: argument {name!r}: {error}") from error

    def hint_for(self, name: str) -> Hint | None:
        """The hint of an argument, also of one that only `**kwargs` takes; None when nothing takes it."""
        if known := self.hints.get(name):
            return known
        takes_it = self.parameters.extra is not None and name != self.parameters.context
        return self.extra_hint if takes_it else None

    @cached_property
    def extra_hint(self) -> Hint:
        return self.hint(self.parameters.extra or "")

    def arguments(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The payload of a submit with these arguments; defaults are left to the run.

        Raises InvalidTask for `payload.<argument>` when one is missing, unknown, given twice or of another type.
        """
        payload = {}
        for name, value in self.bound(args, kwargs).items():
            hint = self.hint_for(name)
            if hint is None:
                raise InvalidTask(f"payload.{name}", f"is not an argument of {self.kind!r}")
            try:
                payload[name] = hint.to_json(value)
            except Mismatch as error:
                raise InvalidTask(dotted("payload", name, *error.path), error.reason) from None
        for name in self.parameters.required:
            if name not in payload:
                raise InvalidTask(f"payload.{name}", f"is missing: {self.kind!r} needs it")
        return payload

    def bound(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        positional = self.parameters.positional
        if len(args) > len(positional):
            raise InvalidTask("payload", f"{self.kind!r} takes {len(positional)} positional arguments, not {len(args)}")
        by_place = dict(zip(positional, args, strict=False))
        for name in by_place.keys() & kwargs.keys():
            raise InvalidTask(f"payload.{name}", "is given twice")
        return {**by_place, **kwargs}

    def call_arguments(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The keyword arguments of a run, from a payload that may come from another version of the program.

        An argument that this version does not know is ignored with a warning. Raises InvalidPayload for a missing one
        or one of another type.
        """
        arguments, unknown = {}, []
        for name, value in payload.items():
            hint = self.hint_for(name)
            if hint is None:
                unknown.append(name[:100])
                continue
            try:
                arguments[name] = hint.from_json(value)
            except Mismatch as error:
                raise InvalidPayload(f"argument {dotted(name, *error.path)}: {error.reason}") from None
        if missing := [name for name in self.parameters.required if name not in arguments]:
            raise InvalidPayload(f"argument {', '.join(missing)}: missing in the payload")
        if unknown:
            log.warning("kind %s: ignored arguments that its handler does not have: %s", self.kind, ", ".join(unknown))
        return arguments

    def result(self, value: Any) -> Any:
        """A result as the handler's return type has it; plain JSON values when it has none. Raises InvalidResult."""
        if self.returns is None:
            return value
        try:
            return self.returns.from_json(value)
        except Mismatch as error:
            raise InvalidResult(
                f"the result of {self.kind!r}: {dotted('result', *error.path)}: {error.reason}"
            ) from None

    @cached_property
    def returns(self) -> Hint | None:
        try:
            return self.hint("return")
        except TypeError:  # a return type that JSON has no form for is no fault of the caller
            return None

    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema of the payload, as it is published to `pgq.kinds`."""
        return object_schema(self.hints, list(self.parameters.required))


def dotted(*path: object) -> str:
    return ".".join(str(part) for part in path)
