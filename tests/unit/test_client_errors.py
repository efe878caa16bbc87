"""Database errors come out in pgq's words, whichever library raised or wrapped them."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import psycopg
import pytest

import pgq
from pgq.db.errors import our_errors, translated


class FromPsycopg(Exception):
    def __init__(
        self, sqlstate: str, message: str = "", detail: str | None = None, constraint: str | None = None
    ) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.diag = SimpleNamespace(message_primary=message, message_detail=detail, constraint_name=constraint)


class FromAsyncpg(Exception):
    def __init__(self, sqlstate: str, message: str, detail: str | None = None) -> None:
        super().__init__(message)
        self.sqlstate, self.detail = sqlstate, detail

    def as_dict(self) -> dict[str, Any]:
        return {}


class Wrapper(Exception):
    """As SQLAlchemy's: the driver's error is its `orig`."""

    def __init__(self, orig: Exception) -> None:
        super().__init__("(wrapped)")
        self.orig = orig


DETAIL = '{"field": "priority", "reason": "must be 0 to 9"}'


@pytest.mark.parametrize(
    "error",
    [
        FromPsycopg("PQ003", "priority: must be 0 to 9", DETAIL),
        FromAsyncpg("PQ003", "priority: must be 0 to 9", DETAIL),
        Wrapper(FromPsycopg("PQ003", "priority: must be 0 to 9", DETAIL)),
        Wrapper(Wrapper(FromAsyncpg("PQ003", "priority: must be 0 to 9", DETAIL))),
    ],
)
def test_a_refused_field_is_named(error: Exception) -> None:
    refused = translated(error)

    assert isinstance(refused, pgq.InvalidTask)
    assert (refused.field, refused.reason) == ("priority", "must be 0 to 9")


def test_a_guard_of_the_users_own_may_refuse_in_its_own_words() -> None:
    refused = translated(FromPsycopg("PQ003", "not on Sundays", "no JSON"))

    assert isinstance(refused, pgq.InvalidTask)
    assert refused.reason == "not on Sundays"


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (FromPsycopg("PQ001", "key"), pgq.IdempotencyConflict),
        (FromPsycopg("PQ004", "depends_on: no task has the id"), pgq.UnknownParent),
        (FromPsycopg("23505", constraint="tasks_pkey"), pgq.DuplicateTask),
        (FromPsycopg("23505", constraint="dead_tasks_pkey"), pgq.DuplicateTask),
        (FromPsycopg("42P01", 'relation "pgq.tasks" does not exist'), pgq.SchemaError),
        (FromPsycopg("42883", "function pgq.submit_many(jsonb) does not exist"), pgq.SchemaError),
        (FromPsycopg("3F000", 'schema "pgq" does not exist'), pgq.SchemaError),
        (FromPsycopg("57P01", "terminating connection"), pgq.DatabaseUnavailable),
        (FromPsycopg("08006", "connection failure"), pgq.DatabaseUnavailable),
        (FromPsycopg("53300", "too many clients"), pgq.DatabaseUnavailable),
        (psycopg.OperationalError("connection\n\trefused"), pgq.DatabaseUnavailable),
    ],
)
def test_each_failure_has_its_error(error: Exception, ours: type[Exception]) -> None:
    assert type(translated(error)) is ours
    assert "\n" not in str(translated(error))


def test_a_wrong_state_and_an_unknown_task_name_the_task() -> None:
    detail = '{"state": "running", "reason": "it cannot be retried now"}'
    wrong = translated(FromPsycopg("PQ006", f"task {UUID(int=7)} is running: it cannot be retried now", detail))
    missing = translated(FromPsycopg("PQ007", f"no task has the id {UUID(int=7)}"))

    assert isinstance(wrong, pgq.WrongState)
    assert (wrong.task_id, wrong.state) == (UUID(int=7), "running")
    assert isinstance(missing, pgq.TaskNotFound)
    assert missing.task_id == UUID(int=7)


@pytest.mark.parametrize(
    "error",
    [
        FromPsycopg("40P01", "deadlock detected"),
        FromPsycopg("23505", constraint="orders_pkey"),
        psycopg.errors.DeadlockDetected("deadlock detected"),
        ValueError("a user's own"),
    ],
)
def test_what_pgq_has_no_word_for_stays_as_it_is(error: Exception) -> None:
    assert translated(error) is error
    with pytest.raises(type(error)) as raised, our_errors():
        raise error
    assert raised.value is error
    assert raised.value.__cause__ is None


def test_a_circle_of_causes_ends() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first

    assert translated(first) is first
