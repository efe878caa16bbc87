"""The app that `MODULE` or `MODULE:APP` names."""

import importlib
import sys
import traceback
from pathlib import Path
from types import ModuleType, TracebackType

from pgq.cli.failures import Failed
from pgq.client.app import App

OWN_FRAMES = (str(Path(__file__).parent), "<frozen importlib", str(Path(importlib.__file__).parent))


def load_app(name: str) -> App:
    """Import the module, with the current folder on sys.path, and find its App.

    Raises Failed, which says what is wrong; when it is the module's own code, with that code's frames.
    """
    module_name, _, attribute = name.partition(":")
    module = load_module(module_name)
    if not attribute:
        return only_app(module)
    found: object = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise Failed(f"module {module_name!r} has no {attribute!r}; {apps_in_words(module)}")
        found = getattr(found, part)
    if not isinstance(found, App):
        raise Failed(f"{name} is {type(found).__name__}, not a pgq.App; {apps_in_words(module)}")
    return found


def load_module(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    if name.endswith(".py") or "/" in name:
        as_module = name.removesuffix(".py").strip("./").replace("/", ".")
        raise Failed(f"{name!r} is a file's name; give the module's: {as_module}")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise Failed(f"there is no module {error.name!r}, neither in {here} nor on sys.path") from None
        raise Failed(said_of(name, error)) from error
    except (Exception, SystemExit) as error:
        raise Failed(said_of(name, error)) from error


def said_of(name: str, error: BaseException) -> str:
    """Why the module cannot be imported, and where in its own code."""
    what = "".join(traceback.format_exception_only(error)).rstrip()
    frames = "".join(traceback.format_list(own_frames(error.__traceback__))).rstrip()
    return f"importing {name!r} failed: {what}" + (f"\n{frames}" if frames else "")


def own_frames(trace: TracebackType | None) -> list[traceback.FrameSummary]:
    """The frames of people's code: without Python's import machinery and without ours."""
    return [frame for frame in traceback.extract_tb(trace) if not frame.filename.startswith(OWN_FRAMES)]


def only_app(module: ModuleType) -> App:
    apps = apps_of(module)
    if len(set(apps.values())) == 1:
        return next(iter(apps.values()))
    if apps:
        raise Failed(f"module {module.__name__!r} has several apps; say which: {' or '.join(choices(module))}")
    raise Failed(f"module {module.__name__!r} has no pgq.App; it needs a line such as: queue = pgq.App()")


def apps_of(module: ModuleType) -> dict[str, App]:
    return {name: value for name, value in vars(module).items() if isinstance(value, App)}


def choices(module: ModuleType) -> list[str]:
    return [f"{module.__name__}:{name}" for name in apps_of(module)]


def apps_in_words(module: ModuleType) -> str:
    found = choices(module)
    return f"its apps are {', '.join(found)}" if found else "it has no pgq.App at all"
