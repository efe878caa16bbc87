"""What is taken as JSON comes back the same; what PostgreSQL could not keep is refused in words, without the value."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgq.values.json_text import MAX_BYTES, Unstorable, from_text, to_text

keepable = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | keepable,
    lambda inner: st.lists(inner) | st.dictionaries(keepable, inner),
    max_leaves=20,
)


@given(values)
def test_a_json_value_comes_back_the_same(value: Any) -> None:
    assert from_text(to_text(value, "it")) == value


@given(st.recursive(st.none() | st.floats() | st.text(st.characters(codec=None)), lambda inner: st.lists(inner)))
def test_anything_else_is_refused_and_never_half_kept(value: Any) -> None:
    try:
        text = to_text(value, "it")
    except Unstorable:
        return
    assert "\0" not in text
    assert from_text(text) == value
    text.encode()


class Colour(Enum):
    RED = "red"


def test_what_pydantic_knows_has_a_form() -> None:
    value = {
        "at": datetime(2030, 1, 1, tzinfo=UTC),
        "on": date(2030, 1, 1),
        "id": UUID(int=1),
        "price": Decimal("1.10"),
        "colour": Colour.RED,
    }

    assert from_text(to_text(value, "it")) == {
        "at": "2030-01-01T00:00:00Z",
        "on": "2030-01-01",
        "id": str(UUID(int=1)),
        "price": "1.10",
        "colour": "red",
    }


def nested(depth: int, inner: object) -> object:
    for _ in range(depth):
        inner = [inner]
    return inner


def circle() -> list[object]:
    around: list[object] = []
    around.append(around)
    return around


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({1, 2}, "set has no JSON form"),
        (frozenset(), "frozenset has no JSON form"),
        (b"x", "bytes has no JSON form"),
        (float("nan"), "not JSON"),
        (float("-inf"), "not JSON"),
        ("\ud800", "lone surrogate"),
        ({"\udfff": 1}, "lone surrogate"),
        ("a\0b", "NUL"),
        ({"a\0b": 1}, "NUL"),
        (10**5_000, "4,300 digits"),
        (nested(100_000, 1), "nested too deeply"),
        (circle(), "not JSON"),
        ({(1, 2): 3}, "not JSON"),
        (object(), "not JSON"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str) else type(value).__name__,
)
def test_the_refusal_says_why_and_is_short(value: object, why: str) -> None:
    with pytest.raises(Unstorable, match=why) as refused:
        to_text(value, "the result")

    assert str(refused.value).startswith("the result ")
    assert len(str(refused.value)) < 300


def test_a_nul_is_found_however_deep_it_lies() -> None:
    with pytest.raises(Unstorable, match="NUL"):
        to_text(nested(700, "\0"), "it")


def test_a_backslash_before_u0000_is_no_nul() -> None:
    assert from_text(to_text(r"\u0000", "it")) == r"\u0000"


def test_the_size_counts_bytes_of_the_text() -> None:
    assert len(to_text("x" * (MAX_BYTES - 2), "it")) == MAX_BYTES
    with pytest.raises(Unstorable, match="1,000,001 bytes"):
        to_text("x" * (MAX_BYTES - 1), "it")
    with pytest.raises(Unstorable, match="bytes as JSON"):
        to_text("\N{SNOWMAN}" * (MAX_BYTES // 2), "it")


@pytest.mark.parametrize("text", ["1" + "0" * 5_000, "[" * 100_000, "{", "", "nonsense"])
def test_text_that_python_cannot_read_is_refused(text: str) -> None:
    with pytest.raises(Unstorable) as refused:
        from_text(text)

    assert len(str(refused.value)) < 300


def test_floats_keep_their_digits() -> None:
    assert json.loads(to_text([0.1, 1e-300, 5e-324, 1.7976931348623157e308], "it")) == [
        0.1,
        1e-300,
        5e-324,
        1.7976931348623157e308,
    ]
