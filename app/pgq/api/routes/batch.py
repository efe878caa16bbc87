"""Submit many tasks at once."""

from typing import Annotated, Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from pgq.api.access import Caller, needs
from pgq.api.batch import MOST, BatchReader
from pgq.api.bodies import JSON, NDJSON, StrictRoute, lines, media_type, parse, read_body
from pgq.api.kinds import Kinds
from pgq.api.models.fields import json_type
from pgq.api.models.task import Batch
from pgq.api.parents import unseen_parents
from pgq.api.problems import FieldError, Problem, pointer, responses
from pgq.api.rendering import json_response
from pgq.api.services import Here, Services
from pgq.api.storing import store
from pgq.values.errors import InvalidTask, UnknownParent
from pgq.values.json_text import MAX_BYTES

router = APIRouter(route_class=StrictRoute, tags=["Tasks"])

LONGEST_LINE = 2 * MAX_BYTES
"""Bytes of one NDJSON line: a payload, and what stands around it."""
A_TASK = {"$ref": "#/components/schemas/SubmitTask"}
TASKS = {
    "type": "object",
    "required": ["tasks"],
    "additionalProperties": False,
    "properties": {"tasks": {"type": "array", "items": A_TASK, "maxItems": MOST}},
    "title": "SubmitTasks",
}
EXAMPLE = [{"kind": "echo", "payload": {"number": 1}}, {"kind": "echo", "payload": {"number": 2}, "priority": "low"}]
LINES = "".join(f'{{"kind": "echo", "payload": {{"number": {number}}}}}\n' for number in (1, 2))


@router.post(
    "/v1/tasks/batch",
    status_code=201,
    operation_id="submit_tasks",
    summary="Submit many tasks",
    response_description="All are stored, durably.",
    response_model=Batch,
    responses=responses("unknown_parent", "idempotency_conflict", "queue_full", "commit_unknown"),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": TASKS, "example": {"tasks": EXAMPLE}},
                NDJSON: {"schema": {"type": "string"}, "example": LINES},
            },
        }
    },
)
async def submit_tasks(request: Request, here: Here, caller: Annotated[Caller, needs("submit")]) -> Response:
    """Store up to 10,000 tasks, all or none: as `{"tasks": [...]}`, or as NDJSON, one task a line.

    What is wrong is named by its place: `#/tasks/17/payload`, in NDJSON `#/17/payload`; places count from 0. Keys work
    as in a single submit: a known one answers with the first task's id.
    """
    kinds = here.part(Kinds)
    await kinds.refresh()
    limit = here.settings.max_batch_bytes
    match media_type(request):
        case "application/x-ndjson":
            reader = BatchReader(caller, kinds)
            async for line in lines(request, limit, LONGEST_LINE):
                reader.add(parsed(line, reader.places))
        case "application/json":
            reader = BatchReader(caller, kinds, "tasks")
            body = await read_body(request, limit)
            await run_in_threadpool(add_all, reader, body)
        case _:
            raise Problem("unsupported_media_type", f"send the body as {JSON} or {NDJSON}")
    return await run_in_threadpool(stored, here, reader)


def parsed(line: bytes, place: int) -> Any:
    """The JSON of a line. Raises the problem `invalid_json`, with the line's place."""
    try:
        return parse(line)
    except Problem as problem:
        errors = [FieldError(pointer([place]), problem.detail)]
        raise Problem(problem.code, f"task {place}: {problem.detail}", errors=errors) from None


def add_all(reader: BatchReader, body: bytes) -> None:
    """The tasks of `{"tasks": [...]}`."""
    value = parse(body)
    if not isinstance(value, dict):
        refuse([], f"must be an object with tasks, not {json_type(value)}")
    for name in value:
        if name != "tasks":
            refuse([name], "is not a field of a batch")
    if not isinstance(value.get("tasks"), list):
        refuse(["tasks"], "must be an array of tasks")
    for task in value["tasks"]:
        reader.add(task)


def refuse(path: list[str], reason: str) -> None:
    raise Problem("invalid", f"the body {'/'.join(path)} {reason}", errors=[FieldError(pointer(path), reason)])


def stored(here: Services, reader: BatchReader) -> Response:
    """Store them; the ids in the order of the request."""
    tasks = reader.finish()
    unseen = unseen_parents(here.pools, reader.caller, tasks)
    try:
        answers = store(here.pools, [unseen.hidden(task) for task in tasks])
    except InvalidTask as error:
        raise reader.refused(error) from None
    except UnknownParent as error:
        raise reader.refused(unseen.named(error)) from None
    ids = [str(answer.id) for answer in answers]
    created = sum(answer.created for answer in answers)
    return json_response({"count": len(ids), "created": created, "ids": ids}, 201)
