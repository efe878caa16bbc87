"""A task as it is shown."""

import pytest

from pgq.values.task import TaskError, shown


@pytest.mark.parametrize("text", ['{"n": ' + "9" * 5000 + "}", "[" * 5000 + "]" * 5000])
def test_json_that_python_cannot_read_is_shown_as_it_is_and_hides_no_other_task(text: str) -> None:
    assert shown(text) == text


def test_an_error_says_when_it_happened() -> None:
    error = TaskError.of({"type": "ValueError", "message": "no", "at": "2026-11-22T04:08:06.870768Z"})
    assert error.at is not None
    assert error.at.utcoffset() is not None
