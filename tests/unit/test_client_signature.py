"""Arguments become a payload at submit, and arguments again before the run; both are checked against the type hints."""

import functools
import logging
import math
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field

import pgq
from pgq.client.signature import Signature
from pgq.values.errors import InvalidPayload, InvalidResult


class Colour(Enum):
    RED = "red"


class Line(BaseModel):
    article: str
    count: int = 1


class Order(BaseModel):
    model_config = ConfigDict(strict=True)

    id: int
    day: date
    lines: list[Line] = Field(default=[], alias="Lines")


@dataclass
class Point:
    x: int
    y: int


def signature(function: Any) -> Signature:
    handler = pgq.App().task(kind="the-kind")(function)
    found: Signature = handler.signature
    return found


def test_arguments_by_place_and_by_name_make_the_same_payload() -> None:
    def send(to: str, subject: str, copies: int = 1) -> None: ...

    assert signature(send).arguments(("a", "b"), {}) == {"to": "a", "subject": "b"}
    assert signature(send).arguments(("a",), {"subject": "b", "copies": 2}) == {"to": "a", "subject": "b", "copies": 2}


def test_defaults_are_left_to_the_run_so_that_a_later_version_may_change_them() -> None:
    def send(to: str, copies: int = 1) -> None: ...

    assert signature(send).arguments(("a",), {}) == {"to": "a"}
    assert signature(send).call_arguments({"to": "a"}) == {"to": "a"}


@pytest.mark.parametrize(
    ("hint", "value", "stored"),
    [
        (date, date(2026, 11, 22), "2026-11-22"),
        (UUID, UUID(int=7), str(UUID(int=7))),
        (timedelta, timedelta(minutes=5), "PT5M"),
        (Decimal, Decimal("1.10"), "1.10"),
        (Path, Path("/tmp/a"), "/tmp/a"),
        (Colour, Colour.RED, "red"),
        (set[int], {3}, [3]),
        (tuple[int, str], (1, "a"), [1, "a"]),
        (bytes, b"abc", "abc"),
        (Point, Point(1, 2), {"x": 1, "y": 2}),
        (Line, Line(article="a"), {"article": "a", "count": 1}),
        (dict[str, list[date]], {"a": [date(2026, 1, 1)]}, {"a": ["2026-01-01"]}),
        (int | None, None, None),
        (Any, {"a": [1, None]}, {"a": [1, None]}),
    ],
)
def test_what_json_has_no_word_for_comes_back_as_it_was(hint: Any, value: Any, stored: Any) -> None:
    def handler(value): ...  # type: ignore[no-untyped-def]

    handler.__annotations__["value"] = hint

    assert signature(handler).arguments((value,), {}) == {"value": stored}
    assert signature(handler).call_arguments({"value": stored}) == {"value": value}


def test_a_strict_model_with_aliases_comes_back_too() -> None:
    def handler(order: Order) -> None: ...

    order = Order(id=1, day=date(2026, 11, 22), Lines=[Line(article="a")])
    payload = signature(handler).arguments((order,), {})

    assert payload == {"order": {"id": 1, "day": "2026-11-22", "Lines": [{"article": "a", "count": 1}]}}
    assert signature(handler).call_arguments(payload) == {"order": order}


@pytest.mark.parametrize(
    ("args", "kwargs", "field"),
    [
        ((), {"subject": "b"}, "payload.to"),
        (("a",), {}, "payload.subject"),
        (("a", "b"), {"to": "c"}, "payload.to"),
        (("a", "b"), {"title": "c"}, "payload.title"),
        (("a", "b", 1, 2), {}, "payload"),
        ((1, "b"), {}, "payload.to"),
        (("a", "b", "many"), {}, "payload.copies"),
    ],
)
def test_wrong_arguments_are_refused_at_submit_by_name(args: Any, kwargs: Any, field: str) -> None:
    def send(to: str, subject: str, copies: Annotated[int, Field(gt=0)] = 1) -> None: ...

    with pytest.raises(pgq.InvalidTask) as refused:
        signature(send).arguments(args, kwargs)

    assert refused.value.field == field


def test_a_fault_deep_inside_an_argument_is_named_by_its_path() -> None:
    def handler(lines: list[Line]) -> None: ...

    with pytest.raises(pgq.InvalidTask) as refused:
        signature(handler).arguments(([{"article": "a"}, {"article": "b", "count": "x"}],), {})
    with pytest.raises(InvalidPayload, match=r"argument lines\.0\.article: Field required"):
        signature(handler).call_arguments({"lines": [{}]})

    assert refused.value.field == "payload.lines.1.count"


def test_a_value_without_a_json_form_is_refused() -> None:
    def handler(value: Any) -> None: ...

    with pytest.raises(pgq.InvalidTask, match=r"payload\.value"):
        signature(handler).arguments((object(),), {})


@pytest.mark.parametrize("value", [math.inf, -math.nan, [1.0, math.inf], {"a": (math.nan,)}])
def test_infinity_is_refused_and_does_not_become_null(value: Any) -> None:
    def handler(value: Any, number: float | None = None) -> None: ...

    with pytest.raises(pgq.InvalidTask, match=r"payload\.value: holds infinity or NaN"):
        signature(handler).arguments((value,), {})
    with pytest.raises(pgq.InvalidTask, match=r"payload\.number: holds infinity or NaN"):
        signature(handler).arguments((), {"value": 1, "number": math.inf})


def test_a_model_that_was_broken_after_it_was_made_is_refused() -> None:
    def handler(line: Line) -> None: ...

    line = Line(article="a")
    line.count = "many"  # type: ignore[assignment]

    with pytest.raises(pgq.InvalidTask, match=r"payload\.line"):
        signature(handler).arguments((line,), {})


def test_an_argument_of_a_newer_submitter_is_ignored_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    def send(to: str) -> None: ...

    with caplog.at_level(logging.WARNING, "pgq"):
        assert signature(send).call_arguments({"to": "a", "bcc": "b", "reply": "c"}) == {"to": "a"}

    assert [record.getMessage() for record in caplog.records] == [
        "kind the-kind: ignored arguments that its handler does not have: bcc, reply"
    ]


@pytest.mark.parametrize("payload", [{}, {"to": None}, {"to": 3}])
def test_a_payload_that_does_not_fit_any_more_is_refused_before_the_run(payload: dict[str, Any]) -> None:
    def send(to: str) -> None: ...

    with pytest.raises(InvalidPayload, match="argument to"):
        signature(send).call_arguments(payload)


def test_keyword_arguments_take_what_nobody_else_does() -> None:
    def handler(ctx: pgq.Context, a: int, **rest: date) -> None: ...

    assert signature(handler).arguments((1,), {"b": date(2026, 1, 1)}) == {"a": 1, "b": "2026-01-01"}
    assert signature(handler).call_arguments({"a": 1, "b": "2026-01-01", "ctx": 1}) == {"a": 1, "b": date(2026, 1, 1)}


def test_names_that_models_have_methods_for_are_ordinary_arguments() -> None:
    def handler(json: int, copy: int, model_config: int, _hidden: int) -> None: ...

    payload = {"json": 1, "copy": 2, "model_config": 3, "_hidden": 4}

    assert signature(handler).arguments((), payload) == payload
    assert signature(handler).call_arguments(payload) == payload


def test_a_forward_reference_may_be_defined_later() -> None:
    assert signature(of_a_later_class).arguments((Later(n=1),), {}) == {"later": {"n": 1}}


def of_a_later_class(later: "Later") -> "Later":
    return later


class Later(BaseModel):
    n: int


def test_a_hint_that_is_never_defined_is_named() -> None:
    def handler(x: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(TypeError, match=r"kind 'the-kind': .*'Nowhere' is not defined"):
        signature(handler).arguments((1,), {})


def test_a_hint_without_a_json_form_is_named() -> None:
    class Plain: ...

    def handler(x: Plain) -> None: ...

    with pytest.raises(TypeError, match=r"kind 'the-kind': argument 'x': .*Plain"):
        signature(handler).arguments((Plain(),), {})


def test_partial_functions_keep_what_they_were_given() -> None:
    def send(to: str, subject: str) -> None: ...

    bound = signature(functools.partial(send, subject="fixed"))

    assert bound.arguments(("a",), {}) == {"to": "a"}
    with pytest.raises(pgq.InvalidTask):
        bound.arguments((3,), {})


def test_results_come_back_as_the_return_type() -> None:
    class Unknown: ...

    def typed() -> list[Later]: ...  # type: ignore[empty-body]
    def plain(): ...  # type: ignore[no-untyped-def]
    def odd() -> Unknown: ...  # type: ignore[empty-body]

    assert signature(typed).result([{"n": 1}]) == [Later(n=1)]
    assert signature(plain).result([{"n": 1}]) == [{"n": 1}]
    assert signature(odd).result({"n": 1}) == {"n": 1}
    with pytest.raises(InvalidResult, match=r"result\.0\.n"):
        signature(typed).result([{"n": "x"}])


def test_the_schema_that_is_published_describes_the_payload() -> None:
    def handler(ctx: pgq.Context, line: Line, day: date, copies: int = 1) -> None: ...

    schema = signature(handler).json_schema()

    assert schema["type"] == "object"
    assert schema["required"] == ["line", "day"]
    assert schema["properties"]["day"] == {"type": "string", "format": "date"}
    assert schema["properties"]["line"] == {"$ref": "#/$defs/Line"}
    assert set(schema["$defs"]) == {"Line"}
    assert set(schema["properties"]) == {"line", "day", "copies"}
