"""What no task can have is refused before any round trip, and the field is named. (The address answers nobody.)"""

import math
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

import pgq

NOWHERE = "postgresql://nobody@127.0.0.1:1/nowhere"
app = pgq.App(NOWHERE)


@app.task
def take(value: Any = None) -> None: ...


@app.task
def count(n: int) -> None: ...


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"queue": ""}, "queue"),
        ({"queue": "q" * 129}, "queue"),
        ({"priority": 12}, "priority"),
        ({"priority": -1}, "priority"),
        ({"priority": True}, "priority"),
        ({"priority": 5.0}, "priority"),
        ({"priority": "urgent"}, "priority"),
        ({"delay": -1}, "delay"),
        ({"delay": timedelta(days=-1)}, "delay"),
        ({"delay": math.inf}, "delay"),
        ({"delay": math.nan}, "delay"),
        ({"delay": 10**400}, "delay"),
        ({"delay": "60"}, "delay"),
        ({"delay": 1, "run_at": datetime.now(UTC)}, "delay"),
        ({"run_at": datetime(2030, 1, 1)}, "run_at"),
        ({"run_at": "2030-01-01"}, "run_at"),
        ({"run_at": datetime(1, 1, 1, tzinfo=UTC)}, "run_at"),
        ({"run_at": datetime(9999, 1, 1, tzinfo=UTC)}, "run_at"),
        ({"expires_at": datetime(2030, 1, 1)}, "expires_at"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"max_attempts": 1001}, "max_attempts"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": timedelta(days=4000)}, "timeout"),
        ({"key": ""}, "key"),
        ({"key": "k" * 256}, "key"),
        ({"key": "a\0b"}, "key"),
        ({"key": "\ud800"}, "key"),
        ({"key": 7}, "key"),
        ({"key_window": 60}, "key_window"),
        ({"key": "k", "key_window": 0}, "key_window"),
        ({"depends_on": "0198c0de-0000-7000-8000-000000000000"}, "depends_on"),
        ({"depends_on": ["x"]}, "depends_on"),
        ({"depends_on": [7]}, "depends_on"),
        ({"depends_on": [None]}, "depends_on"),
        ({"depends_on": app}, "depends_on"),
        ({"depends_on": [uuid4() for _ in range(10_001)]}, "depends_on"),
        ({"depends_on": [uuid4()], "on_parent_failure": "explode"}, "on_parent_failure"),
        ({"depends_on": [uuid4()], "on_parent_failure": []}, "on_parent_failure"),
        ({"on_parent_failure": "run"}, "on_parent_failure"),
        ({"tags": ["x"] * 33}, "tags"),
        ({"tags": [""]}, "tags"),
        ({"headers": []}, "headers"),
        ({"headers": {"a": "x" * 20_000}}, "headers"),
        ({"headers": {"a": math.inf}}, "headers"),
        ({"headers": {"a": "\0"}}, "headers"),
        ({"on_parent_failure": "cancel"}, "on_parent_failure"),
        ({"concurrency_key": "x"}, "concurrency_key"),
        ({"unique_key": "x"}, "unique_key"),
        ({"on_conflict": "reject"}, "on_conflict"),
    ],
)
def test_a_wrong_option_is_refused_at_every_door(options: dict[str, Any], field: str) -> None:
    doors = (
        lambda: take.options(**options),
        lambda: app.submit("elsewhere", {}, **options),
        lambda: app.submit("take", {}, **options),
    )
    for door in doors:
        with pytest.raises(pgq.InvalidTask) as refused:
            door()
        assert refused.value.field == field


NESTED: list[Any] = []
NESTED.append(NESTED)


@pytest.mark.parametrize(
    "value",
    [
        "x" * 2_000_000,
        10**5_000,
        "a\0b",
        {"a\0b": 1},
        "\ud800",
        {"\udfff": 1},
        math.inf,
        math.nan,
        NESTED,
        {1: object()},
        b"\xff",
    ],
    ids=["2 MB", "5,000 digits", "NUL", "NUL in a name", "surrogate", "surrogate in a name", "infinity", "not a number",
         "endless", "no JSON form", "bytes that are no text"],
)  # fmt: skip
def test_a_value_that_cannot_be_kept_is_refused_at_every_door(value: Any) -> None:
    doors = (
        lambda: take.submit(value),
        lambda: take.new(value),
        lambda: app.submit("take", {"value": value}),
        lambda: app.submit("elsewhere", {"value": value}),
    )
    for door in doors:
        with pytest.raises(pgq.InvalidTask) as refused:
            door()
        assert refused.value.field.startswith("payload")
        assert len(str(refused.value)) < 500


def test_an_integer_of_5000_digits_is_refused_by_an_int_parameter_too() -> None:
    with pytest.raises(pgq.InvalidTask):
        count.submit(10**5_000)


@pytest.mark.parametrize("kind", ["", "k" * 129, "a\nb", "\ud800", None, 7])
def test_a_kind_must_be_a_name(kind: Any) -> None:
    with pytest.raises(pgq.InvalidTask) as refused:
        app.submit(kind, {})
    assert refused.value.field == "kind"


@pytest.mark.parametrize("payload", [[], "text", 3, {1: 2}])
def test_a_payload_must_be_an_object(payload: Any) -> None:
    for kind in ("take", "elsewhere"):
        with pytest.raises(pgq.InvalidTask) as refused:
            app.submit(kind, payload)
        assert refused.value.field == "payload"


def test_a_payload_for_a_handler_of_this_app_is_checked_as_its_arguments_are() -> None:
    with pytest.raises(pgq.InvalidTask, match=r"payload\.n"):
        app.submit("count", {"n": "many"})
    with pytest.raises(pgq.InvalidTask, match=r"payload\.m"):
        app.submit("count", {"n": 1, "m": 2})


def test_a_name_that_is_no_option_is_refused_with_those_that_are() -> None:
    with pytest.raises(TypeError, match="'prioritty' is not an option; the options are queue, priority"):
        take.options(prioritty=3)  # type: ignore[call-arg]


def test_bulk_takes_new_tasks_only() -> None:
    with pytest.raises(pgq.InvalidTask, match=r"handler\.new"):
        app.submit_many([{"kind": "take"}])  # type: ignore[list-item]
    with pytest.raises(pgq.InvalidTask, match="connection"):
        take.options(connection=object()).new()
