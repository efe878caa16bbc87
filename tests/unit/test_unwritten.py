"""The queue of what is unwritten: in order, in batches, the newest progress only, and bounded."""

from uuid import UUID

import pytest

from pgq.values.report import LogLine, Said
from pgq.values.task import Lease
from pgq.worker import unwritten
from pgq.worker.unwritten import BATCH_LINES, NOTHING, Batch, Unwritten

ONE, TWO = Lease(UUID(int=1), 7), Lease(UUID(int=2), 7)


def line(lease: Lease, n: int, message: str = "x") -> LogLine:
    return LogLine(lease, 1, n, float(n), "info", "a", message)


def all_of(queue: Unwritten) -> list[Batch]:
    return list(iter(queue.take, NOTHING))


def test_lines_come_out_in_order_and_in_batches() -> None:
    queue = Unwritten()
    lines = [line(ONE if n % 2 else TWO, n) for n in range(2 * BATCH_LINES + 1)]
    for each in lines:
        queue.line(each)

    batches = all_of(queue)

    assert [len(batch.lines) for batch in batches] == [BATCH_LINES, BATCH_LINES, 1]
    assert [each for batch in batches for each in batch.lines] == lines
    assert not queue


def test_an_attempt_is_in_it_until_its_last_line_is_taken() -> None:
    queue = Unwritten()
    for n in range(BATCH_LINES):
        queue.line(line(ONE, n))
    queue.line(line(TWO, 1))

    assert queue.take().of == {ONE}
    assert ONE not in queue
    assert TWO in queue
    assert queue.take().of == {TWO}
    assert TWO not in queue


def test_only_the_newest_progress_of_each_attempt_is_taken() -> None:
    queue = Unwritten()
    for n in range(100_000):
        queue.progress(ONE, Said(n / 100_000, ""))
    queue.progress(TWO, Said(1, "done"))

    batch = queue.take()

    assert batch.progress == {ONE: Said(0.99999, ""), TWO: Said(1, "done")}
    assert batch.of == {ONE, TWO}
    assert not queue


def test_a_progress_that_is_put_back_gives_way_to_a_newer_one() -> None:
    queue = Unwritten()
    queue.progress(ONE, Said(0.7, ""))
    queue.again(ONE, Said(0.6, ""))
    queue.again(TWO, Said(0.1, ""))

    assert queue.take().progress == {ONE: Said(0.7, ""), TWO: Said(0.1, "")}


@pytest.mark.parametrize(("limit", "most"), [("MOST_LINES", 10), ("MOST_CHARACTERS", 1_000)])
def test_the_oldest_lines_go_and_a_note_in_their_place_counts_them(
    monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(unwritten, limit, most)
    queue = Unwritten()
    for n in range(1, 1_013):
        queue.line(line(ONE, n, "x" * 100))
        assert len(queue.lines) <= 10
    queue.line(line(TWO, 1, "x" * 100))

    (batch,) = all_of(queue)

    assert [each.n for each in batch.lines if each.lease == ONE] == [1_003, *range(1_004, 1_013)]
    assert batch.lines[0].message == "… 1,003 lines were lost: the database did not take them in time"
    assert len({(each.lease, each.n) for each in batch.lines}) == len(batch.lines)


def test_an_attempt_whose_lines_are_all_lost_still_has_its_note_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unwritten, "MOST_LINES", 1)
    queue = Unwritten()
    queue.line(line(ONE, 1))
    queue.line(line(TWO, 1))

    assert ONE in queue
    assert [(each.lease, each.level) for each in queue.take().lines] == [(ONE, "warning"), (TWO, "info")]
