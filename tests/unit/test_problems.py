"""Errors as problem documents."""

from uuid import UUID

import pytest

from pgq.api.problems import CODES, RETRY_AFTER, Problem, pointer, problem_of
from pgq.values import errors
from pgq.values.errors import InvalidTask, PgqError, UnknownParent

NEVER_AT_THE_DOOR = {
    "SettingsError",
    "DuplicateKind",
    "InvalidPayload",
    "InvalidResult",
    "TaskFailed",
    "TaskDead",
    "TaskCancelled",
    "TaskExpired",
}
"""What only a worker, a start or Python's result() meets: from a route it is an error of the service."""

NAMED = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, PgqError)]


@pytest.mark.parametrize("error", [one for one in NAMED if one is not PgqError], ids=lambda one: one.__name__)
def test_every_error_of_pgqs_has_its_problem(error: type[PgqError]) -> None:
    raised = error.__new__(error)
    raised.__dict__.update({"field": "queue", "reason": "is wrong", "position": None, "parent_id": UUID(int=1)})
    code = problem_of(raised).code
    assert (code == "internal") == (error.__name__ in NEVER_AT_THE_DOOR)


def test_a_field_is_pointed_at_also_in_a_batch() -> None:
    assert problem_of(InvalidTask("queue", "is wrong")).errors[0].pointer == "#/queue"
    assert problem_of(InvalidTask("queue", "is wrong", 3)).errors[0].pointer == "#/tasks/3/queue"
    parent = problem_of(UnknownParent(UUID(int=7), 3))
    assert (parent.code, parent.errors[0].pointer) == ("unknown_parent", "#/tasks/3/depends_on")
    assert pointer(["a/b", "c~d", 0]) == "#/a~1b/c~0d/0"


def test_who_may_try_again_is_told_when() -> None:
    later = {code for code, (status, _) in CODES.items() if status in (429, 503)}
    assert later == set(RETRY_AFTER)
    for code in later:
        assert int(Problem(code, "later").response({}).headers["retry-after"]) >= 1  # type: ignore[arg-type]
