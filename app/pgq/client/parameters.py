"""Which parameters a handler has, decided at decoration: the context first, then what a submit passes."""

import functools
import inspect
import sys
import typing
from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter
from typing import Any

from pgq.client.context import Context

if sys.version_info >= (3, 14):
    import annotationlib

BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a handler, by what they do.

    context: the name of the first parameter when it takes the pgq.Context. names: what a submit passes, in order.
    positional: those of them that it may pass by position. required: those without a default.
    extra: the name of `**kwargs`, which takes any other argument.
    """

    context: str | None
    names: tuple[str, ...]
    positional: tuple[str, ...]
    required: tuple[str, ...]
    extra: str | None


def parameters_of(function: Callable[..., Any]) -> Parameters:
    """Sort a handler's parameters. Raises TypeError for those that a payload cannot fill: it has names, not places."""
    every = list(signature_of(function).parameters.values())
    context = every.pop(0).name if every and is_context(every[0].annotation, function) else None
    for parameter in every:
        if parameter.kind is Parameter.VAR_POSITIONAL:
            raise TypeError(f"*{parameter.name}: a payload has names, not places; take a list as one parameter instead")
        if parameter.kind is Parameter.POSITIONAL_ONLY:
            raise TypeError(f"{parameter.name} is positional-only: a payload has names, not places; remove the /")
        if is_context(parameter.annotation, function):
            raise TypeError(f"{parameter.name}: the pgq.Context must be the first parameter")
    named = [parameter for parameter in every if parameter.kind in BY_NAME]
    return Parameters(
        context=context,
        names=tuple(parameter.name for parameter in named),
        positional=tuple(p.name for p in named if p.kind is Parameter.POSITIONAL_OR_KEYWORD),
        required=tuple(p.name for p in named if p.default is Parameter.empty),
        extra=next((p.name for p in every if p.kind is Parameter.VAR_KEYWORD), None),
    )


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    if sys.version_info >= (3, 14):  # annotations are evaluated when looked at there, and may not be defined yet
        return inspect.signature(function, annotation_format=annotationlib.Format.FORWARDREF)
    return inspect.signature(function)


def is_context(annotation: Any, function: Callable[..., Any]) -> bool:
    """Whether an annotation means pgq.Context, also as text or as a forward reference."""
    text = getattr(annotation, "__forward_arg__", annotation)
    if not isinstance(text, str):
        return text is Context
    try:
        # The program's own annotation, evaluated where it stands, as typing.get_type_hints would.
        return eval(text, getattr(plain_function(function), "__globals__", {})) is Context  # noqa: S307
    except Exception:
        return text in ("Context", "pgq.Context")  # imported for the type checker only


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The type hints of a handler, resolved. Raises TypeError, naming the one that is not defined."""
    try:
        return typing.get_type_hints(plain_function(function), include_extras=True)
    except NameError as error:
        raise TypeError(f"a type hint cannot be resolved: {error}") from error


def plain_function(function: Any) -> Any:
    """The function that carries the hints: below partial(), behind the __call__ of an object."""
    while isinstance(function, functools.partial):
        function = function.func
    if not inspect.isroutine(function) and not inspect.isclass(function):
        function = type(function).__call__
    return inspect.unwrap(function)
