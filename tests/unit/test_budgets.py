"""Free slots are shared among queues by weight, none starves, and none is left idle."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pgq.worker.budgets import shared
from pgq.worker.plan import ServedQueue

queues = st.lists(
    st.builds(ServedQueue, st.text(min_size=1, max_size=3), st.integers(1, 100)),
    min_size=1,
    max_size=8,
    unique_by=lambda queue: queue.name,
)


@given(st.integers(1, 1_000), queues)
def test_every_queue_gets_its_share_rounded_up(room: int, served: list[ServedQueue]) -> None:
    names, budgets = shared(room, served)
    total = sum(queue.weight for queue in served)

    assert sorted(names) == sorted(queue.name for queue in served)
    for queue in served:
        share = room * queue.weight / total
        assert share <= budgets[names.index(queue.name)] < share + 1


@given(st.integers(1, 1_000), queues)
def test_together_they_fill_the_room(room: int, served: list[ServedQueue]) -> None:
    assert room <= sum(shared(room, served)[1]) < room + len(served)


def test_with_less_room_than_queues_each_goes_first_in_its_share_of_times() -> None:
    served = [ServedQueue("heavy", 9), ServedQueue("light", 1)]

    first = Counter(shared(1, served)[0][0] for _ in range(4_000))

    assert 0.85 < first["heavy"] / 4_000 < 0.95
    assert first["light"]


def test_a_budget_belongs_to_its_queue_whatever_the_order() -> None:
    served = [ServedQueue("a", 3), ServedQueue("b", 1)]

    for _ in range(50):
        names, budgets = shared(8, served)
        assert dict(zip(names, budgets, strict=True)) == {"a": 6, "b": 2}
