"""The order of a workflow's tasks, and what cannot be one."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgq.values.errors import InvalidTask
from pgq.values.graph import MOST_TASKS, in_order

SOMEBODY = "00000000-0000-4000-8000-000000000001"


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """Tasks in any order, each with parents among those of lower numbers."""
    count = draw(st.integers(1, 30))
    places = draw(st.permutations(range(count)))
    parents = {f"t{n}": [f"t{m}" for m in draw(st.sets(st.integers(0, n - 1)))] if n else [] for n in range(count)}
    names = [f"t{n}" for n in places]
    return names, [parents[name] for name in names]


@given(graphs())
def test_every_task_stands_once_and_behind_its_parents(graph: tuple[list[str], list[list[str]]]) -> None:
    names, parents = graph
    order = in_order(names, parents)
    assert sorted(order) == list(range(len(names)))
    stands_at = {names[place]: at for at, place in enumerate(order)}
    for name, of_one in zip(names, parents, strict=True):
        assert all(stands_at[parent] < stands_at[name] for parent in of_one)


@given(graphs(), st.data())
def test_a_cycle_is_found_and_shown_as_it_goes(graph: tuple[list[str], list[list[str]]], data: st.DataObject) -> None:
    names, parents = graph
    order = in_order(names, parents)
    first = data.draw(st.integers(0, len(order) - 1))
    last = data.draw(st.integers(first, len(order) - 1))
    # From each task of a stretch to the next one, and back from the last to the first.
    known = dict(zip(names, [list(of_one) for of_one in parents], strict=True))
    stretch = [names[place] for place in order[first : last + 1]]
    for before, after in zip(stretch, [*stretch[1:], stretch[0]], strict=True):
        known[after].append(before)
    with pytest.raises(InvalidTask) as refused:
        in_order(names, [known[name] for name in names])
    if len(stretch) == 1:
        assert refused.value.reason == "a task cannot depend on itself"
    else:
        _, _, circle = refused.value.reason.partition("circle: ")
        shown = circle.split(" → ")
        if "…" not in circle:
            assert shown[0] == shown[-1] == names[refused.value.position or 0]
            assert all(before in known[after] for before, after in pairwise(shown))


def test_the_given_order_is_kept_where_it_can_be() -> None:
    assert in_order(["a", "b", "c"], [[], [], []]) == [0, 1, 2]
    assert in_order(["c", "x", "a", "y"], [["a"], [], [], []]) == [1, 2, 0, 3]


@pytest.mark.parametrize(
    ("names", "parents", "field", "position", "reason"),
    [
        ([], [], "tasks", None, "1 to 20,000"),
        (["a", ""], [[], []], "name", 1, "1 to 128"),
        (["a", "b\n"], [[], []], "name", 1, "control characters"),
        (["a", "a"], [[], []], "name", 1, "'a' is the name of another task"),
        ([SOMEBODY], [[]], "name", 0, "must not look like an id"),
        (["a"], [["a"]], "depends_on", 0, "a task cannot depend on itself"),
        (["a", "b"], [[], ["c"]], "depends_on", 1, "no task of this workflow is called 'c'"),
        (["x", "a", "b", "c"], [["c"], ["c"], ["a"], ["b"]], "depends_on", 1, "circle: a → b → c → a"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    names: list[str], parents: list[list[str]], field: str, position: int | None, reason: str
) -> None:
    with pytest.raises(InvalidTask) as refused:
        in_order(names, parents)
    assert (refused.value.field, refused.value.position) == (field, position)
    assert reason in refused.value.reason


def test_a_long_cycle_is_shown_in_part() -> None:
    names = [f"t{n}" for n in range(30)]
    with pytest.raises(InvalidTask, match=r"t0 → .* → … \(30 tasks\) → t0"):
        in_order(names, [[names[n - 1]] for n in range(30)])


def test_tasks_outside_go_by_their_ids_and_names_that_are_there_already_by_the_database() -> None:
    assert in_order(["a"], [[SOMEBODY]]) == [0]
    assert in_order(["a"], [["earlier"]], growing=True) == [0]


@pytest.mark.parametrize("shape", ["fan", "chain"])
def test_twenty_thousand_tasks_are_sorted(shape: Any) -> None:
    names = [f"t{n}" for n in range(MOST_TASKS)]
    fan = [names[1:10_001], *([] for _ in names[1:])]
    chain = [[names[n + 1]] if n + 1 < MOST_TASKS else [] for n in range(MOST_TASKS)]
    order = in_order(names, fan if shape == "fan" else chain)
    assert order[-1] == (0 if shape == "chain" else MOST_TASKS - 1)
    assert len(order) == MOST_TASKS
