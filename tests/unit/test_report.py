"""What an attempt says is bounded, ordered and storable, and nothing is kept once it is over."""

import threading
from dataclasses import dataclass, field

import pytest

from pgq.values.report import LONGEST_LINE, MOST_CHARACTERS, MOST_LINES, NO_MORE, LogLine, Report, Said
from pgq.values.task import Lease
from tests.unit.test_outcome import TASK


@dataclass
class Heard:
    """Keeps all that it is told."""

    lines: list[LogLine] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)

    def line(self, line: LogLine) -> None:
        self.lines.append(line)

    def progress(self, lease: Lease, said: Said) -> None:
        assert lease == TASK.lease
        self.said.append(said)

    @property
    def messages(self) -> list[str]:
        return [line.message for line in self.lines]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def report(heard: Heard) -> Report:
    return Report(TASK, heard)


def test_lines_are_numbered_from_1_and_belong_to_their_attempt(report: Report, heard: Heard) -> None:
    report.log("info", "a", "one")
    report.log("warning", "b", "two", at=5.0)

    assert [(line.lease, line.attempt, line.n) for line in heard.lines] == [
        (TASK.lease, TASK.attempt, n) for n in (1, 2)
    ]
    assert (heard.lines[1].level, heard.lines[1].logger, heard.lines[1].at) == ("warning", "b", 5.0)


def test_after_10000_lines_one_says_that_the_rest_was_not_kept(report: Report, heard: Heard) -> None:
    for n in range(3 * MOST_LINES):
        report.log("info", "a", str(n))

    assert len(heard.lines) == MOST_LINES + 1
    assert heard.messages[-2:] == [str(MOST_LINES - 1), NO_MORE]
    assert heard.lines[-1].n == MOST_LINES + 1


def test_after_a_megabyte_too(report: Report, heard: Heard) -> None:
    for _ in range(300):
        report.log("info", "a", "x" * LONGEST_LINE)

    assert sum(map(len, heard.messages)) <= MOST_CHARACTERS + len(NO_MORE)
    assert heard.messages.count(NO_MORE) == 1
    assert heard.messages[-1] == NO_MORE


def test_a_line_is_cut_and_holds_nothing_that_postgresql_cannot_keep(report: Report, heard: Heard) -> None:
    report.log("info", "a\0b", "nul \0, half \ud800")
    report.log("x" * 500, "y" * 5_000, "z" * 50_000)

    first, second = heard.lines
    assert "\0" not in first.logger + first.message
    first.message.encode()
    assert len(second.level) < 100
    assert len(second.logger) < 300
    assert len(second.message) < 11_000


def test_what_is_printed_becomes_lines_when_they_are_whole(report: Report, heard: Heard) -> None:
    for piece in ("a", " ", "b", "\n", "c\nd\n", "half"):
        report.printed(piece)
    assert heard.messages == ["a b", "c", "d"]

    report.close()

    assert heard.messages == ["a b", "c", "d", "half"]
    assert {(line.level, line.logger) for line in heard.lines} == {("info", "print")}


def test_a_print_without_end_is_cut_into_lines_and_takes_no_memory(report: Report, heard: Heard) -> None:
    for _ in range(100):
        report.printed("x" * 9_999)
        assert len(report.partial) <= LONGEST_LINE
    report.printed("y" * 100_000_000)

    assert sum(map(len, heard.messages)) < MOST_CHARACTERS + LONGEST_LINE
    assert all(len(message) < 11_000 for message in heard.messages)


def test_nothing_is_kept_once_the_attempt_is_over(report: Report, heard: Heard) -> None:
    report.close()
    report.log("info", "a", "late")
    report.printed("late\n")
    report.progress(0.5)
    report.close()

    assert heard.lines == []
    assert heard.said == []


def test_many_threads_number_their_lines_without_gaps(report: Report, heard: Heard) -> None:
    def chatter() -> None:
        for n in range(500):
            report.log("info", "a", str(n))

    threads = [threading.Thread(target=chatter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [line.n for line in heard.lines] == list(range(1, 2_001))


def test_progress_is_a_number_from_0_to_1_with_a_few_words(report: Report, heard: Heard) -> None:
    for value in (0, 0.25, 1, True):
        report.progress(value, "resizing")
    report.progress(0.5, "x" * 5_000 + "\0")

    assert [said.value for said in heard.said] == [0, 0.25, 1, 1, 0.5]
    assert len(heard.said[-1].message) < 1_100


@pytest.mark.parametrize("value", [-0.1, 1.1, 40, float("nan"), float("inf"), 10**400, None, "half"], ids=str)
def test_any_other_progress_is_refused(report: Report, heard: Heard, value: float) -> None:
    with pytest.raises(ValueError, match="progress must be"):
        report.progress(value)
    assert heard.said == []
