"""The OpenAPI document: FastAPI's, with what every route may answer besides its own."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from pgq.api.problems import Code, FieldErrorDocument, ProblemDocument, responses
from pgq.values.version import pgq_version

TITLE = "pgq"
DESCRIPTION = """\
A distributed task queue that needs nothing but PostgreSQL.

Submit a task, follow it to its end, steer what waits. `POST /v1/tasks` with one of its examples works on a fresh
`pgq up`. Where tokens are required, press **Authorize** and give one (`pgq tokens create`).

Errors are problem documents (RFC 9457) whose `code` says what happened; durations are in seconds, times in UTC.
"""
TAGS = {
    "Tasks": "Submit tasks and follow them.",
    "Dead letters": "Tasks that failed for good: look, redrive, purge.",
    "Queues": "How full they are, their settings, pause and resume.",
    "Schedules": "Tasks at fixed times.",
    "Workflows": "Tasks that depend on one another, submitted, followed and steered together.",
    "Workers": "Who works.",
    "Kinds": "What workers can run, with the JSON Schema of each payload.",
    "Tokens": "Who may use this service.",
    "Audit": "Who changed what.",
    "System": "Health, figures, metrics, version.",
}

ALWAYS: tuple[Code, ...] = ("untrusted_host", "invalid", "overloaded", "internal")
SECURED: tuple[Code, ...] = ("unauthenticated", "forbidden", "rate_limited", "database_unavailable")
WITH_BODY: tuple[Code, ...] = ("invalid_json", "too_slow", "too_large", "unsupported_media_type", "forbidden")


def document(app: FastAPI, root_path: str) -> dict[str, Any]:
    """The document of an application, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=TITLE,
            version=pgq_version(),
            summary="Submit, follow and steer tasks",
            description=DESCRIPTION,
            routes=app.routes,
            tags=[{"name": name, "description": words} for name, words in TAGS.items()],
            servers=[{"url": root_path}] if root_path else None,
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        for model in (ProblemDocument, FieldErrorDocument):
            schemas[model.__name__] = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas[model.__name__].pop("$defs", None)
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        for operation in operations(made):
            add_problems(operation)
        app.openapi_schema = made
    return app.openapi_schema


def operations(made: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in made["paths"].values():
        yield from (path[method] for method in ("get", "put", "post", "patch", "delete") if method in path)


def add_problems(operation: dict[str, Any]) -> None:
    """Let an operation answer the problems that every one of its sort may; what it says of its own stays."""
    codes = [*ALWAYS, *(SECURED if operation.get("security") else ()), *(WITH_BODY if takes_body(operation) else ())]
    own: dict[str, Any] = operation["responses"]
    for status, answer in responses(*codes).items():
        known = own.get(str(status))
        if known is None or is_fastapis(known):
            own[str(status)] = answer
        else:
            for media_type, content in answer["content"].items():
                known.setdefault("content", {}).setdefault(media_type, content)
    operation["responses"] = dict(sorted(own.items()))


def takes_body(operation: dict[str, Any]) -> bool:
    return "requestBody" in operation


def is_fastapis(answer: dict[str, Any]) -> bool:
    """Whether it is the 422 that FastAPI adds, which no route of ours answers."""
    return "HTTPValidationError" in str(answer.get("content"))
