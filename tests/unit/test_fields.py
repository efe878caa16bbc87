"""A field is refused before any round trip, by its name, with a short reason."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from pgq.values import fields
from pgq.values.errors import InvalidTask

HUGE = 10**5_000


@pytest.mark.parametrize(("word", "number"), [("low", 2), ("normal", 5), ("high", 8), (0, 0), (9, 9)])
def test_priorities(word: Any, number: int) -> None:
    assert fields.priority(word) == number


@pytest.mark.parametrize("value", [12, -1, HUGE, -HUGE, True, 5.0, "urgent", "5", None], ids=range(9))
def test_other_priorities_are_refused(value: Any) -> None:
    with pytest.raises(InvalidTask, match=r"^priority: must be 0 to 9") as refused:
        fields.priority(value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("value", [0, 1001, HUGE, True, 2.0, "3", None], ids=range(7))
def test_attempts_that_make_no_sense_are_refused(value: Any) -> None:
    with pytest.raises(InvalidTask, match=r"^max_attempts: ") as refused:
        fields.max_attempts(value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("value", ["", "x" * 129, "a\0b", "a\nb", "a\x7fb", "a\ud800b", 5, None, b"x"])
def test_names_that_could_not_be_kept_or_shown_are_refused(value: Any) -> None:
    with pytest.raises(InvalidTask, match=r"^kind: ") as refused:
        fields.name(value, "kind")
    assert len(str(refused.value)) < 200


def test_names_may_be_of_any_script() -> None:
    assert fields.name("\N{SNOWMAN}" * 128, "kind")


@pytest.mark.parametrize(
    "value",
    [
        datetime(2030, 1, 1),
        datetime(1999, 12, 31, tzinfo=UTC),
        datetime(3000, 1, 1, tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        "2030-01-01",
        0,
    ],
)
def test_moments_that_are_not_one_point_in_a_sane_time_are_refused(value: Any) -> None:
    with pytest.raises(InvalidTask, match=r"^run_at: "):
        fields.moment(value, "run_at")


@pytest.mark.parametrize("value", ["a", ["a"] * 33, [""], [5], {"a": 1}, None, b"ab"])
def test_tags_are_a_list_of_names(value: Any) -> None:
    with pytest.raises(InvalidTask, match=r"^tags: "):
        fields.tags(value)


@pytest.mark.parametrize("value", [[], "a", None])
def test_headers_are_an_object(value: Any) -> None:
    with pytest.raises(InvalidTask, match=r"^headers: "):
        fields.headers(value)
