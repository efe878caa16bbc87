"""Errors as RFC 9457 problem documents: which codes there are, and what becomes of pgq's own errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse
from starlette.types import Scope

from pgq.values.errors import (
    DatabaseUnavailable,
    DuplicateTask,
    IdempotencyConflict,
    InvalidTask,
    NotAllowed,
    PgqError,
    QueueFull,
    ScheduleExists,
    ScheduleInCode,
    ScheduleNotFound,
    SchemaError,
    TaskNotFound,
    UnknownParent,
    WorkflowNotFound,
    WrongState,
)

Code = Literal[
    "bad_request", "invalid_json", "unauthenticated", "forbidden", "not_found", "method_not_allowed", "too_slow",
    "idempotency_conflict", "duplicate", "lease_lost", "wrong_state", "too_large", "unsupported_media_type",
    "untrusted_host", "invalid", "filter_required", "unknown_parent", "rate_limited", "queue_full",
    "database_unavailable", "commit_unknown", "overloaded", "head_too_large", "internal",
]  # fmt: skip

CODES: Mapping[str, tuple[int, str]] = {
    "bad_request": (400, "This is no HTTP request"),
    "invalid_json": (400, "The body is no acceptable JSON"),
    "unauthenticated": (401, "A valid token is needed"),
    "forbidden": (403, "The token does not allow this"),
    "not_found": (404, "There is no such thing"),
    "method_not_allowed": (405, "The method is not allowed here"),
    "too_slow": (408, "The body did not arrive in time"),
    "idempotency_conflict": (409, "The idempotency key belongs to another request"),
    "duplicate": (409, "The id or name is in use already"),
    "lease_lost": (409, "The lease is lost"),
    "wrong_state": (409, "The state does not allow this"),
    "too_large": (413, "The request is too large"),
    "unsupported_media_type": (415, "The content type is not supported"),
    "untrusted_host": (421, "The host is not trusted"),
    "invalid": (422, "A value is not valid"),
    "filter_required": (422, "A filter is required"),
    "unknown_parent": (422, "A parent does not exist"),
    "rate_limited": (429, "Too many requests"),
    "head_too_large": (431, "The request's head is too large"),
    "queue_full": (503, "The queue is full"),
    "database_unavailable": (503, "The database does not answer"),
    "commit_unknown": (503, "It is not known whether this was committed"),
    "overloaded": (503, "Too many requests at once"),
    "internal": (500, "An error of the service"),
}
"""Status and title of each code."""

RETRY_AFTER: Mapping[str, str] = {
    "rate_limited": "1",
    "queue_full": "5",
    "database_unavailable": "2",
    "commit_unknown": "1",
    "overloaded": "1",
}
"""Seconds after which to try again, unless the problem's own headers say better."""

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field. `pointer`: `#/tasks/0/queue` in a body; `query/limit`, `path/id`, `header/host`."""

    pointer: str
    detail: str


class Problem(Exception):
    """An answer that says what went wrong; the code decides its status and title."""

    def __init__(
        self, code: Code, detail: str, *, errors: Sequence[FieldError] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.code: Code = code
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})

    @property
    def status(self) -> int:
        """The HTTP status."""
        return CODES[self.code][0]

    def response(self, scope: Scope) -> JSONResponse:
        """The problem document that answers a request."""
        status, title = CODES[self.code]
        document = {
            "type": f"urn:pgq:problem:{self.code}",
            "title": title,
            "status": status,
            "detail": self.detail,
            "instance": scope.get("path", ""),
            "code": self.code,
            "request_id": scope.get("state", {}).get("request_id", ""),
            "errors": [{"pointer": one.pointer, "detail": one.detail} for one in self.errors],
        }
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.code == "unauthenticated":
            headers.setdefault("www-authenticate", 'Bearer realm="pgq"')
        if self.code in RETRY_AFTER:
            headers.setdefault("retry-after", RETRY_AFTER[self.code])
        return JSONResponse(document, status, headers, MEDIA_TYPE)


def problem_of(error: PgqError) -> Problem:
    """What an error of pgq's means to the caller. An error without a case of its own is ours: `internal`."""
    match error:
        case InvalidTask(field=field, reason=reason, position=position):
            path: list[str | int] = [field] if position is None else ["tasks", position, field]
            return Problem("invalid", str(error), errors=[FieldError(pointer(path), reason)])
        case UnknownParent(parent_id=parent_id, position=position):
            path = [] if position is None else ["tasks", position]
            return unknown_parent(parent_id, path)
        case DuplicateTask() | ScheduleExists():
            return Problem("duplicate", str(error))
        case IdempotencyConflict():
            return Problem("idempotency_conflict", str(error))
        case QueueFull():
            return Problem("queue_full", str(error))
        case TaskNotFound() | ScheduleNotFound() | WorkflowNotFound():
            return Problem("not_found", str(error))
        case WrongState() | ScheduleInCode():
            return Problem("wrong_state", str(error))
        case NotAllowed():
            return Problem("forbidden", f"the service's own database user may not do this: {error}")
        case DatabaseUnavailable():
            return Problem("database_unavailable", "the database does not answer; try again")
        case SchemaError():
            return Problem("database_unavailable", f"the database's schema does not fit: {error}")
        case _:
            return Problem("internal", "an error of the service; its log says more under the request id")


def unknown_parent(parent_id: UUID, path: Sequence[str | int]) -> Problem:
    """A task that the one at `path` of the body is to depend on does not exist."""
    reason = f"no task has the id {parent_id}, or its retention has ended"
    return Problem(
        "unknown_parent", f"depends_on: {reason}", errors=[FieldError(pointer([*path, "depends_on"]), reason)]
    )


def pointer(path: Sequence[str | int]) -> str:
    """A JSON pointer as a URI fragment: `#/tasks/0/queue`."""
    return "#" + "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


class FieldErrorDocument(BaseModel):
    """One field that is wrong."""

    pointer: str = Field(examples=["#/priority"])
    detail: str = Field(examples=["must be a whole number from 0 to 9"])


class ProblemDocument(BaseModel):
    """What every error looks like (RFC 9457)."""

    type: str = Field(examples=["urn:pgq:problem:invalid"])
    title: str
    status: int
    detail: str
    instance: str
    code: Code
    request_id: str
    errors: list[FieldErrorDocument]


def responses(*codes: Code) -> dict[int | str, dict[str, Any]]:
    """For `responses=` of a route: the problems that it may answer, besides those that every route may."""
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(CODES[code][0], []).append(code)
    return {
        status: {
            "description": "; ".join(f"`{code}`: {CODES[code][1]}" for code in of_status),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
        for status, of_status in by_status.items()
    }
