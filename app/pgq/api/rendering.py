"""Answers as JSON: numbers as Python keeps them, however many digits; configured fields hidden."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from starlette.responses import Response

from pgq.api.services import Services
from pgq.db.task_logs import LogEntry
from pgq.values.redaction import Redaction
from pgq.values.task import TaskStatus, json_value

ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with a JSON value. Not checked against a model again: it is made of values that were stored."""
    return Response(json_bytes(value), status, headers, "application/json")


def json_bytes(value: Any) -> bytes:
    """A JSON value in UTF-8."""
    return json_text(value).encode()


def json_text(value: Any) -> str:
    """A JSON value."""
    return ENCODER.encode(value)


def task_json(here: Services, task: TaskStatus) -> dict[str, Any]:
    """A task as this service shows it."""
    return redaction_of(here.settings.redact).task(task).to_json()


def attempt_json(here: Services, task: TaskStatus, attempt: Mapping[str, Any]) -> dict[str, Any]:
    """A failed attempt of a task as this service shows it."""
    redaction = redaction_of(here.settings.redact)
    shown = {name: json_value(value) for name, value in attempt.items()}
    return {**shown, "error": redaction.error(attempt["error"], task)}


def log_json(here: Services, task: TaskStatus, lines: Sequence[LogEntry]) -> list[dict[str, Any]]:
    """Lines of a task's log as this service shows them, each with its place."""
    said = redaction_of(here.settings.redact).lines([line.message for line in lines], task)
    return [
        {**line.to_json(), "message": message, "place": f"{line.lease_epoch}.{line.n}"}
        for line, message in zip(lines, said, strict=True)
    ]


redaction_of = cache(Redaction.of)
