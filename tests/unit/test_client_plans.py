"""Operations step by step, without a database: what they ask for, and what they make of the answers."""

import contextlib
import itertools
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

import pgq
from pgq.client import submit
from pgq.client.follow import look, wait
from pgq.client.ids import uuid7s
from pgq.client.steps import Copy, MayCopy, Pause, Plan, Statement
from pgq.client.submission import NewTask, new_task
from pgq.values.task import COLUMNS

ID = UUID(int=1)
COPIED = (
    "id", "kind", "payload", "queue", "priority", "run_at", "expires_at", "max_attempts", "timeout_seconds", "tags",
    "headers",
)  # fmt: skip
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def row(state: str, result: str | None = None) -> tuple[Any, ...]:
    known = {"id": ID, "state": state, "payload": '{"a": 1}', "headers": "{}", "result": result}
    return tuple(known.get(name) for name in COLUMNS)


def test_waiting_looks_less_and_less_often() -> None:
    plan = wait(ID, None)
    pauses = []
    step = plan.send(None)
    for _ in range(12):
        assert step == Statement("task_status", {"id": ID})
        paused = plan.send([row("running")])
        assert isinstance(paused, Pause)
        pauses.append(paused.seconds)
        step = plan.send(None)

    assert pauses[0] == 0.01
    assert pauses == sorted(pauses)
    assert pauses[-1] == 0.5


def test_waiting_ends_with_the_task() -> None:
    status = end_of(wait(ID, 10), [[row("succeeded", "[1]")]])

    assert (status.state, status.result, status.payload) == ("succeeded", [1], {"a": 1})


def test_waiting_gives_up_after_its_timeout() -> None:
    with pytest.raises(TimeoutError, match="is still pending after 0 seconds"):
        end_of(wait(ID, 0), [[row("pending")]])


def test_looking_for_an_unknown_task_raises() -> None:
    with pytest.raises(pgq.TaskNotFound) as missing:
        end_of(look(ID), [[]])
    assert missing.value.task_id == ID


def task(key: str | None = None, kind: str = "k", payload: str = "{}", **options: Any) -> NewTask[Any]:
    made: NewTask[Any] = new_task(kind, {}, {"key": key, **options}, defaults={"queue": "own", "timeout_seconds": 7.0})
    return NewTask(made.kind, payload, made.fields, made.defaults)


def keys_in(step: Any) -> list[str]:
    assert isinstance(step, Statement)
    return [part.split('"')[1] for part in step.params["tasks"].split('"idempotency_key":')[1:]]


def test_keyed_tasks_of_one_statement_go_and_answer_in_their_order() -> None:
    plan = submit.submit_many([task("b"), task("a"), task("b")])

    assert keys_in(plan.send(None)) == ["b", "a", "b"]
    rows = [(0, UUID(int=2), True), (1, UUID(int=1), True), (2, str(UUID(int=2)), False)]
    assert end(plan, rows) == [
        submit.Submitted(UUID(int=2), True),
        submit.Submitted(UUID(int=1), True),
        submit.Submitted(UUID(int=2), False),
    ]


def test_keyed_tasks_of_several_statements_go_in_the_order_of_their_keys_and_answer_in_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(submit, "CHUNK_TASKS", 2)
    plan = submit.submit_many([task("c"), task("a"), task("b")])

    assert keys_in(plan.send(None)) == ["a", "b"]
    assert keys_in(plan.send([(0, UUID(int=1), True), (1, UUID(int=2), True)])) == ["c"]
    assert end(plan, [(0, UUID(int=3), True)]) == [submit.Submitted(UUID(int=n), True) for n in (3, 1, 2)]


def test_bulk_is_copied_where_the_connection_can_and_sent_in_pieces_where_it_cannot() -> None:
    tasks = [task() for _ in range(2_500)]

    copying = submit.submit_many(tasks)
    assert copying.send(None) == MayCopy()
    assert isinstance(copying.send(True), Statement)
    step: Any = copying.send([(NOW, "{}", "{}")])
    assert isinstance(step, Copy)
    copied_ids = [UUID(line.split("\t")[0]) for line in step.lines]
    answers = end(copying, None)
    assert [answer.id for answer in answers] == copied_ids
    assert len(set(copied_ids)) == 2_500

    sending = submit.submit_many(tasks)
    sending.send(None)
    sizes = []
    step = sending.send(False)
    with contextlib.suppress(StopIteration):
        while True:
            sizes.append(step.params["tasks"].count('"kind"'))
            step = sending.send([(place, ID, True) for place in range(sizes[-1])])
    assert sizes == [1_000, 1_000, 500]


def test_large_payloads_make_small_pieces() -> None:
    tasks = [task(payload='{"a":"' + "x" * 900_000 + '"}')] * 50

    assert [len(chunk) for chunk in submit.chunks(range(50), tasks)] == [17, 17, 16]


def test_a_handful_is_never_copied() -> None:
    assert isinstance(submit.submit_many([task()] * 100).send(None), Statement)
    assert end_of(submit.submit_many([]), []) == []


def copied(one: NewTask[Any], kinds: Any = None, timeouts: Any = None) -> dict[str, str]:
    (line,) = submit.Published(NOW, kinds or {}, timeouts or {}).lines([one], [])
    return dict(zip(COPIED, line.removesuffix("\n").split("\t"), strict=True))


def test_a_copied_row_is_filled_in_the_order_submit_kind_queue_handler() -> None:
    published = {"k": {"queue": "published", "timeout_seconds": None}}

    assert copied(task())["queue"] == "own"
    assert copied(task(queue="asked"))["queue"] == "asked"
    assert copied(task(), published)["queue"] == "published"
    assert copied(task())["timeout_seconds"] == "7.0"
    assert copied(task(), timeouts={"own": 9})["timeout_seconds"] == "9"
    assert copied(task(), published, {"own": 9, "published": 8})["timeout_seconds"] == "8"
    assert copied(task(), {"k": {"queue": None, "timeout_seconds": 5}}, {"default": 8})["timeout_seconds"] == "5"
    assert copied(task(timeout=1), published, {"own": 9})["timeout_seconds"] == "1.0"


def test_a_copied_delay_counts_from_the_databases_clock() -> None:
    assert copied(task())["run_at"] == NOW.isoformat()
    assert copied(task(delay=60))["run_at"] == "2026-11-22T00:01:00+00:00"


def test_copied_tasks_that_look_alike_are_not_taken_for_each_other() -> None:
    tasks = [task(), task(queue="asked"), task(kind="other"), task(), task(priority=5), task(queue="asked")]
    published = submit.Published(NOW, {"k": {"queue": None, "priority": 7}}, {})

    rows = [line.split("\t") for line in published.lines(tasks, [])]

    assert [row[1] for row in rows] == ["k", "k", "other", "k", "k", "k"]
    assert [row[3] for row in rows] == ["own", "asked", "own", "own", "own", "asked"]
    assert [row[4] for row in rows] == ["7", "7", "5", "7", "5", "7"]


def test_ids_are_version_7_in_rising_order() -> None:
    ids = list(itertools.islice(uuid7s(), 10_000))

    assert ids == sorted(set(ids))
    assert {(id.version, id.variant) for id in ids} == {(7, "specified in RFC 4122")}


def end_of(plan: Plan[Any], answers: list[Any]) -> Any:
    """What a plan returns when its steps are answered so."""
    try:
        plan.send(None)
        for answer in answers:
            plan.send(answer)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the plan asks for more")


def end(plan: Plan[Any], answer: Any) -> Any:
    with pytest.raises(StopIteration) as stop:
        plan.send(answer)
    return stop.value.value
