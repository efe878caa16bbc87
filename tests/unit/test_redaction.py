"""Fields that nobody is shown."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from pgq.values.redaction import REDACTED, Redaction
from pgq.values.task import TaskError, TaskStatus

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def task(payload: dict[str, Any], result: Any = None, message: str = "") -> TaskStatus:
    error = TaskError(type="ValueError", message=message, traceback=f"in f: {message}", attempt=1, at=NOW)
    return TaskStatus(
        id=UUID(int=1), kind="k", queue="q", state="dead", payload=payload, priority=5, attempt=1, max_attempts=1,
        created_at=NOW, run_at=NOW, expires_at=None, started_at=None, finished_at=NOW, timeout_seconds=1,
        idempotency_key=None, depends_on=[], on_parent_failure=None, tags=[], headers={}, workflow_id=None,
        worker_id=None, lease_expires_at=None, cancel_requested_at=None, lease_epoch=1,
        result=result, error=error, progress=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "payload", "shown"),
    [
        ("password", {"password": "x", "user": "ada"}, {"password": REDACTED, "user": "ada"}),
        ("password", {"Password": {"a": 1}}, {"Password": REDACTED}),
        ("password", {"login": [{"password": "x", "n": 1}]}, {"login": [{"password": REDACTED, "n": 1}]}),
        ("card.*", {"card": {"no": 1, "pin": 2}, "no": 3}, {"card": {"no": REDACTED, "pin": REDACTED}, "no": 3}),
        ("card.number", {"card": {"number": 1, "cvc": 2}}, {"card": {"number": REDACTED, "cvc": 2}}),
        ("*token*, key", {"api_token": 1, "keys": 2, "key": 3}, {"api_token": REDACTED, "keys": 2, "key": REDACTED}),
        ("a.b", {"x": {"a.b": 1}, "a": {"b": 2}}, {"x": {"a.b": REDACTED}, "a": {"b": REDACTED}}),
        ("", {"password": "x"}, {"password": "x"}),
        (" , ", {"password": "x"}, {"password": "x"}),
    ],
)  # fmt: skip
def test_fields_are_hidden_by_name_or_path(setting: str, payload: dict[str, Any], shown: dict[str, Any]) -> None:
    assert Redaction.of(setting).task(task(payload)).payload == shown


def test_a_result_that_repeats_the_payload_hides_it_too() -> None:
    hidden = Redaction.of("password").task(task({}, result={"password": "hunter2"}))
    assert hidden.result == {"password": REDACTED}


def test_the_error_does_not_repeat_what_is_hidden() -> None:
    secret = {"password": "hunter2", "card": {"pins": [123456, 12]}}
    hidden = Redaction.of("password,card.*").task(task(secret, message="hunter2 with 123456 and 12 is wrong"))
    assert hidden.error is not None
    assert hidden.error.message == f"{REDACTED} with {REDACTED} and 12 is wrong"
    assert "hunter2" not in hidden.error.traceback
    assert "hunter2" not in str(hidden.to_json())


def test_of_two_secrets_one_of_which_is_part_of_the_other_nothing_is_left() -> None:
    hidden = Redaction.of("a,b").task(task({"a": "hunter", "b": "hunter2"}, message="hunter2"))
    assert hidden.error is not None
    assert hidden.error.message == REDACTED


def test_without_a_setting_a_task_is_shown_as_it_is() -> None:
    plain = task({"password": "x"})
    assert Redaction.of(None).task(plain) is plain
