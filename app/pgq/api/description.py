"""A workflow as a JSON value describes it: in a request, and in a file for the command line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from pgq.api.models.fields import json_type
from pgq.client.flows import Draft, Drafts
from pgq.client.options import KEY_LENGTH
from pgq.client.submission import NewTask
from pgq.client.workflow import callback
from pgq.values import fields
from pgq.values.errors import InvalidTask
from pgq.values.graph import MOST_TASKS, is_id
from pgq.values.workflow import OnFailure, on_failure

CALLBACK = "callback"
"""What a callback is called that has no name."""
MOST_FAULTS = 20
"""So many wrong things are named."""
SHOWN = 3
"""So many of them in words."""
PLAINLY = {"missing": "is missing", "extra_forbidden": "is not a field of a task"}
"""What Pydantic calls otherwise."""
OWN = ("name", "depends_on", "on_parent_failure")
"""What a task says of itself in its workflow; the rest is a task like any other."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at one place of the value."""

    path: Path
    reason: str


class Unreadable(Exception):
    """The value describes no workflow."""

    def __init__(self, faults: list[Fault]) -> None:
        shown = [f"{'/'.join(map(str, one.path)) or 'the whole'}: {one.reason}" for one in faults[:SHOWN]]
        super().__init__("; ".join([*shown, *(["and more"] if len(faults) > SHOWN else [])]))
        self.faults = faults


Check = Callable[[Any, Path], NewTask[Any]]
"""Makes a task of what is left of an element. Raises ValidationError, InvalidTask, and Unreadable with whole paths."""


@dataclass(frozen=True, slots=True)
class Described:
    """A workflow, ready to be submitted."""

    name: str
    on_failure: OnFailure
    drafts: Drafts
    key: str | None


def described(value: Any, check: Check) -> Described:
    """Read `{name, tasks: [...], on_failure?, callback?, idempotency_key?}`. Raises Unreadable."""
    whole = members(value, ("name", "tasks", "on_failure", "callback", "idempotency_key"))
    faults: list[Fault] = []
    name = given(whole, "name", lambda one: fields.name(one, "name"), faults)
    policy: OnFailure = given({"on_failure": "cancel", **without_nulls(whole)}, "on_failure", on_failure, faults)
    key: str | None = given({"idempotency_key": None, **whole}, "idempotency_key", key_of, faults)
    drafts = drafts_of(whole.get("tasks"), check, faults)
    if whole.get("callback") is not None:
        last = whole["callback"]
        if isinstance(last, dict):
            last = {"name": CALLBACK, **last}
        extra = [name for name in ("depends_on", "on_parent_failure") if isinstance(last, dict) and name in last]
        faults += [Fault(("callback", name), "is not for a callback: it waits for all tasks") for name in extra]
        if not extra and (draft := draft_of(last, ("callback",), check, faults)):
            drafts.append(callback(draft, [one.name for one in drafts]))
    raise_if(faults)
    return Described(name, policy, sort(drafts, growing=False, callback_at=len(whole["tasks"])), key)


def key_of(value: Any) -> str | None:
    return None if value is None else fields.name(value, "idempotency_key", KEY_LENGTH)


def described_tasks(value: Any, check: Check) -> Drafts:
    """Read `{tasks: [...]}`, for a workflow that runs. Raises Unreadable."""
    whole = members(value, ("tasks",))
    faults: list[Fault] = []
    drafts = drafts_of(whole.get("tasks"), check, faults)
    raise_if(faults)
    return sort(drafts, growing=True)


def members(value: Any, known: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable([Fault((), f"must be an object with {' and '.join(known[:2])}, not {json_type(value)}")])
    raise_if([Fault((name,), "is not a field of a workflow") for name in value if name not in known])
    return value


def without_nulls(whole: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in whole.items() if value is not None}


def given(whole: Mapping[str, Any], name: str, check: Callable[[Any], Any], faults: list[Fault]) -> Any:
    try:
        return check(whole.get(name))
    except InvalidTask as error:
        faults.append(Fault((name,), error.reason if name in whole else "is missing"))


def drafts_of(tasks: Any, check: Check, faults: list[Fault]) -> list[Draft]:
    if not isinstance(tasks, list) or not 1 <= len(tasks) <= MOST_TASKS:
        faults.append(Fault(("tasks",), f"must be an array of 1 to {MOST_TASKS:,} tasks"))
        return []
    drafts = []
    for place, task in enumerate(tasks):
        if draft := draft_of(task, ("tasks", place), check, faults):
            drafts.append(draft)
        if len(faults) >= MOST_FAULTS:
            break
    return drafts


def draft_of(value: Any, at: Path, check: Check, faults: list[Fault]) -> Draft | None:
    """The task at a place, or None and what is wrong with it."""
    if not isinstance(value, dict):
        faults.append(Fault(at, f"must be an object, not {json_type(value)}"))
        return None
    try:
        if value.get("name") is None:
            raise InvalidTask("name", "is missing")
        name = fields.name(value["name"], "name")
        parents = parents_of(value.get("depends_on"))
        task = check({key: one for key, one in value.items() if key not in OWN}, at)
        if value.get("on_parent_failure") is not None:
            if not parents:
                raise InvalidTask("on_parent_failure", "means nothing without depends_on")
            policy = fields.on_parent_failure(value["on_parent_failure"])
            task = replace(task, fields={**task.fields, "on_parent_failure": policy})
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        faults += [Fault((*at, *one["loc"]), PLAINLY.get(one["type"], one["msg"])) for one in found]
    except InvalidTask as error:
        faults.append(Fault((*at, error.field), error.reason))
    except Unreadable as error:
        faults += error.faults
    else:
        return Draft(name, task, parents)
    return None


def parents_of(value: Any) -> list[str]:
    """Names of other tasks. Raises InvalidTask."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InvalidTask("depends_on", "must be an array of names of tasks of this workflow")
    for one in value:
        if is_id(one):
            raise InvalidTask("depends_on", f"must be names of tasks of this workflow, not the id {one}")
    return value


def sort(drafts: list[Draft], *, growing: bool, callback_at: int | None = None) -> Drafts:
    try:
        return Drafts.of(drafts, growing=growing)
    except InvalidTask as error:
        raise Unreadable([Fault(path_of(error, callback_at), error.reason)]) from None


def path_of(error: InvalidTask, callback_at: int | None = None) -> Path:
    """Where in the value a task stands that was refused."""
    if error.position is None:
        return (error.field,)
    above: Path = ("callback",) if error.position == callback_at else ("tasks", error.position)
    return (*above, error.field)


def raise_if(faults: list[Fault]) -> None:
    if faults:
        raise Unreadable(faults[:MOST_FAULTS])
