"""The name of a handler under which another process finds it."""

import importlib
import sys
from typing import Any

from pgq.client.handler import Handler
from pgq.values.errors import SettingsError

AnyHandler = Handler[..., Any, ..., Any]


def reference_to(handler: AnyHandler) -> str:
    """`module:name`. Raises SettingsError when an import of the module does not lead to the handler."""
    module = getattr(handler, "__module__", None) or "?"
    name = getattr(handler, "__qualname__", None) or "?"
    if module == "__main__":
        why = "it is defined in the program that was started, not in a module; move it to a module and import that"
    elif "<" in name:
        why = f"{name} is defined inside a function or a lambda; define it at the top of its module"
    elif found(module, name) is not handler:
        why = f"{module}.{name} is something else; decorate the function itself with @app.task and keep its name"
    else:
        return f"{module}:{name}"
    raise SettingsError(f'the handler of kind {handler.kind!r} cannot have executor="process": {why}')


def handler_at(reference: str) -> AnyHandler:
    """The handler of this name. Raises whatever the import raises; LookupError when the name leads elsewhere."""
    module, _, name = reference.partition(":")
    importlib.import_module(module)
    handler = found(module, name)
    if not isinstance(handler, Handler):
        raise LookupError(f"{reference} is not a handler in this process; is its definition conditional?")
    return handler


def found(module: str, name: str) -> object:
    place: object = sys.modules.get(module)
    for part in name.split("."):
        place = getattr(place, part, None)
    return place
