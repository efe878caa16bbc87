"""What parents have given, as a handler sees it, also in another process."""

from uuid import UUID

import pytest

from pgq.client.context import Context
from pgq.values.parents import Parent, Parents
from pgq.worker.messages import run_message, run_of
from pgq.worker.running import Flag
from tests.unit.test_outcome import TASK

A, B, C = (UUID(int=n) for n in (0xA, 0xB, 0xC))


def test_results_come_in_order_by_name_or_id_and_are_found_by_id_as_well() -> None:
    parents = Parents([Parent(B, "load", '{"n": 1}'), Parent(A, None, "[1.5]"), Parent(C, "rest", None)])
    assert list(parents.items()) == [("load", {"n": 1}), (str(A), [1.5]), ("rest", None)]
    assert parents["load"] is parents[B] is parents[str(B)]
    assert parents[A] == [1.5]
    assert (len(parents), B in parents, "load" in parents, str(C) in parents) == (3, True, True, True)
    assert repr(parents) == f"<pgq.Parents load, {A}, rest>"


@pytest.mark.parametrize("key", ["load", "", "no uuid", UUID(int=1), str(UUID(int=1)), 7, None])
def test_what_is_no_parent_is_not_there(key: object) -> None:
    parents = Parents([Parent(A, "other", "1")])
    assert key not in parents
    with pytest.raises(KeyError):
        parents[key]  # type: ignore[index]


def test_of_two_with_the_same_name_the_second_one_goes_by_its_id() -> None:
    parents = Parents([Parent(A, "load", "1"), Parent(B, "load", "2"), Parent(A, "load", "1")])
    assert dict(parents) == {"load": 1, str(B): 2}


def test_a_result_that_python_cannot_read_costs_only_itself() -> None:
    huge = "9" * 5_000
    assert list(Parents([Parent(A, None, huge), Parent(B, None, "2")]).values()) == [huge, 2]


def test_a_context_without_parents_has_an_empty_mapping() -> None:
    assert dict(Context(TASK, Flag()).parents) == {}
    assert dict(Context(TASK, Flag(), None, [Parent(A, None, "null")]).parents) == {str(A): None}


def test_they_reach_another_process_as_they_are() -> None:
    parents = [Parent(A, 'ü"\\', '{"text": "\\u2028\\""}'), Parent(B, None, None)]
    body = run_message("module:handler", TASK, parents)[4:].partition(b" ")[2]
    assert run_of(body) == ("module:handler", TASK, parents)
