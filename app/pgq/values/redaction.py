"""Fields of payloads that nobody is shown: PGQ_REDACT="password,token,card.*"."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import translate
from functools import cache
from typing import Any

from pgq.values.task import Progress, TaskError, TaskStatus

REDACTED = "[redacted]"
SHORTEST_SECRET = 4
"""Shorter values are not looked for inside messages: they would be found everywhere."""


@dataclass(frozen=True, slots=True)
class Redaction:
    """What is hidden: names of fields at any depth, or dotted paths from the top (`card.*`); `*` and `?` as in a shell.

    Upper and lower case are the same. It holds for payload, headers and result; the values found in them are hidden in
    the error, the progress and the log, too.
    """

    patterns: tuple[str, ...] = ()

    @classmethod
    def of(cls, setting: str | None) -> "Redaction":
        """From the setting: patterns between commas."""
        return cls(tuple(word.strip().lower() for word in (setting or "").split(",") if word.strip()))

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def task(self, task: TaskStatus) -> TaskStatus:
        """The task as it may be shown."""
        if not self.patterns:
            return task
        secrets = self.secrets_of(task)
        return replace(
            task,
            payload=self.value(task.payload),
            headers=self.value(task.headers),
            result=self.value(task.result),
            error=None if task.error is None else hidden_error(task.error, secrets),
            progress=None if task.progress is None else hidden_progress(task.progress, secrets),
        )

    def value(self, value: Any, path: str = "") -> Any:
        """A JSON value without what is hidden inside it."""
        match value:
            case dict():
                return {
                    name: REDACTED if self.hides(name, inner_path) else self.value(inner, inner_path)
                    for name, inner in value.items()
                    for inner_path in (f"{path}.{name}" if path else name,)
                }
            case list():
                return [self.value(inner, path) for inner in value]
            case _:
                return value

    def error(self, kept: Mapping[str, Any], task: TaskStatus) -> dict[str, Any]:
        """The error of one attempt of a task, as it is kept, without the values that are hidden in the task."""
        secrets = self.secrets_of(task)
        return {name: without(part, secrets) if isinstance(part, str) else part for name, part in kept.items()}

    def lines(self, lines: Iterable[str], task: TaskStatus) -> list[str]:
        """What a task's handler has said, without the values that are hidden in the task."""
        secrets = self.secrets_of(task)
        return [without(line, secrets) for line in lines]

    def secrets_of(self, task: TaskStatus) -> frozenset[str]:
        """The values that are hidden in a task, as a message would repeat them."""
        return frozenset(text for part in (task.payload, task.headers, task.result) for text in self.secrets(part))

    def secrets(self, value: Any, path: str = "", hidden: bool = False) -> Iterator[str]:
        """The texts and numbers inside the fields that are hidden, as a message would repeat them."""
        match value:
            case dict():
                for name, inner in value.items():
                    inner_path = f"{path}.{name}" if path else name
                    yield from self.secrets(inner, inner_path, hidden or self.hides(name, inner_path))
            case list():
                for inner in value:
                    yield from self.secrets(inner, path, hidden)
            case bool() | None:
                return
            case _ if hidden and len(text := str(value)) >= SHORTEST_SECRET:
                yield text

    def hides(self, name: str, path: str) -> bool:
        """Whether a field is hidden, by its name or by where it is."""
        pattern = pattern_of(self.patterns)
        return bool(pattern.match(name.lower()) or pattern.match(path.lower()))


@cache
def pattern_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(translate(one) for one in patterns) or r"(?!)")


def hidden_error(error: TaskError, secrets: frozenset[str]) -> TaskError:
    return replace(error, message=without(error.message, secrets), traceback=without(error.traceback, secrets))


def hidden_progress(progress: Progress, secrets: frozenset[str]) -> Progress:
    return replace(progress, message=without(progress.message, secrets))


def without(text: str, secrets: frozenset[str]) -> str:
    """The text with every secret replaced, the longest first: one may be part of another."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    return text
