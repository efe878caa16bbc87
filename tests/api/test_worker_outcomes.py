"""What remote workers report: under their lease, once, and repeatably."""

import asyncio
from typing import Any

import httpx2
import pytest
from psycopg import Connection

from pgq.api import outcomes
from pgq.api.app import create_app
from pgq.api.outcomes import Outcomes
from pgq.api.services import Services
from pgq.values.settings import Settings
from tests.api.conftest import running
from tests.api.remote import register
from tests.cli import rows
from tests.until import PATIENCE, until_then

ERROR = {"type": "ValueError", "message": "no such image", "traceback": "File x"}
BODIES: dict[str, dict[str, Any]] = {
    "complete": {"result": 1},
    "fail": {"error": ERROR},
    "snooze": {"delay_seconds": 3600},
}


async def status(api: httpx2.AsyncClient, task: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get(f"/v1/tasks/{task['id']}")).json()
    return found


async def test_a_claimed_task_has_what_a_worker_needs(api: httpx2.AsyncClient, connection: Connection[Any]) -> None:
    rows.submitted(connection, payload={"n": 12345678901234567890}, tags=["a"])
    task = await (await register(api)).one()
    assert (task["kind"], task["queue"], task["payload"]) == ("echo", "default", {"n": 12345678901234567890})
    assert (task["attempt"], task["max_attempts"], task["timeout_seconds"]) == (1, 4, 300)
    assert (task["tags"], task["headers"]) == (["a"], {})
    shown = await status(api, task)
    assert (shown["state"], shown["lease_epoch"]) == ("running", task["lease_epoch"])
    assert task["lease_expires_at"] <= shown["lease_expires_at"]


async def test_a_completed_task_has_its_result_and_the_same_again_is_answered_the_same(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    rows.submitted(connection)
    worker = await register(api)
    task = await worker.one()
    for _ in range(2):
        answer = await worker.tell("complete", task, result={"width": 640})
        assert (answer.status_code, answer.json()) == (200, {"id": task["id"], "lease_epoch": task["lease_epoch"]})
    shown = await status(api, task)
    assert (shown["state"], shown["result"], shown["attempt"]) == ("succeeded", {"width": 640}, 1)
    counted = connection.execute(
        "SELECT sum(succeeded)::int FROM pgq.task_stats WHERE worker_id = %s", [worker.id]
    ).fetchone()
    assert counted == (1,)


async def test_a_failed_attempt_is_followed_by_another_and_the_last_one_by_the_dead_letters(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    rows.submitted(connection, max_attempts=2)
    worker = await register(api)
    task = await worker.one()
    for _ in range(2):
        assert (await worker.tell("fail", task, error=ERROR, delay_seconds=0)).status_code == 200
    shown = await status(api, task)
    assert (shown["state"], shown["error"]["type"], shown["error"]["message"]) == (
        "pending",
        "ValueError",
        "no such image",
    )
    last = await worker.one()
    assert last["attempt"] == 2
    for _ in range(2):
        assert (await worker.tell("fail", last, error=ERROR)).status_code == 200
    assert (await status(api, task))["state"] == "dead"
    # The first one's report is still known, though its task has gone on since.
    assert (await worker.tell("fail", task, error=ERROR)).status_code == 200
    attempts = (await api.get(f"/v1/tasks/{task['id']}/attempts")).json()["items"]
    assert len(attempts) == 2


async def test_the_next_attempt_comes_after_two_seconds_more_or_less_unless_told_otherwise(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    rows.submitted(connection)
    rows.submitted(connection)
    worker = await register(api)
    usual, later = await worker.claim(limit=2)
    await worker.tell("fail", usual, error=ERROR)
    await worker.tell("fail", later, error=ERROR, delay_seconds=3600)
    waits = dict(
        connection.execute(
            "SELECT id::text, extract(epoch FROM run_at - (error ->> 'at')::timestamptz)::float8 FROM pgq.tasks"
        ).fetchall()
    )
    assert 1.5 < waits[usual["id"]] < 2.5
    assert 3599 < waits[later["id"]] < 3601


async def test_a_failure_without_hope_is_buried_at_once(api: httpx2.AsyncClient, connection: Connection[Any]) -> None:
    rows.submitted(connection)
    worker = await register(api)
    task = await worker.one()
    assert (await worker.tell("fail", task, error=ERROR, retry=False)).status_code == 200
    assert (await status(api, task))["state"] == "dead"


async def test_a_snoozed_task_loses_no_attempt(api: httpx2.AsyncClient, connection: Connection[Any]) -> None:
    rows.submitted(connection)
    worker = await register(api)
    task = await worker.one()
    for _ in range(2):
        assert (await worker.tell("snooze", task, delay_seconds=3600)).status_code == 200
    shown = await status(api, task)
    assert (shown["state"], shown["attempt"], shown["error"]) == ("scheduled", 0, None)


@pytest.mark.parametrize("verb", BODIES)
async def test_nobody_reports_what_is_not_his(api: httpx2.AsyncClient, connection: Connection[Any], verb: str) -> None:
    body = BODIES[verb]
    rows.submitted(connection)
    holder, other = await register(api), await register(api)
    task = await holder.one()
    wrong = [
        await other.tell(verb, task, **body),
        await holder.tell(verb, {**task, "lease_epoch": task["lease_epoch"] - 1}, **body),
        await holder.tell(verb, {**task, "lease_epoch": task["lease_epoch"] + 1}, **body),
        await holder.tell(verb, {**task, "id": "00000000-0000-7000-8000-000000000000"}, **body),
    ]
    assert [(one.status_code, one.json()["code"]) for one in wrong] == [(409, "lease_lost")] * 4
    assert (await status(api, task))["state"] == "running"

    assert (await holder.tell("complete", task, result=1)).status_code == 200
    assert (await other.tell(verb, task, **body)).status_code == 409, "no repetition: it is another one's attempt"


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(
    ("first", "then"), [(one, other) for one in BODIES for other in BODIES if one != other], ids=lambda verb: verb
)
async def test_another_word_of_the_same_worker_is_no_repetition(
    api: httpx2.AsyncClient, connection: Connection[Any], first: str, then: str, together: bool
) -> None:
    rows.submitted(connection)
    worker = await register(api)
    task = await worker.one()
    said = (worker.tell(first, task, **BODIES[first]), worker.tell(then, task, **BODIES[then]))
    answers = await asyncio.gather(*said) if together else [await one for one in said]
    assert [answer.status_code for answer in answers] == [200, 409]
    states = {"complete": "succeeded", "fail": "retrying", "snooze": "scheduled"}
    assert (await status(api, task))["state"] == states[first]
    assert (await worker.tell(first, task, **BODIES[first])).status_code == 200, "the same again"
    assert (await worker.tell(then, task, **BODIES[then])).status_code == 409


async def test_a_task_that_was_handed_back_is_not_completed(dsn: str, connection: Connection[Any]) -> None:
    rows.submitted(connection)
    async with (
        running(create_app(Settings(auth="off"), conninfo=dsn)) as here,
        running(create_app(Settings(auth="off"), conninfo=dsn)) as there,
    ):
        worker = await register(here)
        task = await worker.one()
        await worker.at(there).beat()  # the other service knows the worker
        assert (await here.delete(f"/v1/workers/{worker.id}")).status_code == 204
        assert (await worker.at(there).tell("complete", task, result=1)).status_code == 409
        assert (await status(here, task))["state"] == "pending"


async def test_a_lease_that_was_taken_back_is_lost_whoever_has_the_task_now(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    rows.submitted(connection)
    first, second = await register(api), await register(api)
    task = await first.one()
    connection.execute(
        "UPDATE pgq.tasks SET state = 'pending', leased_by = NULL, lease_expires_at = NULL, deadline_at = NULL,"
        " run_at = clock_timestamp()"
    )
    again = await second.one()
    assert (await first.tell("complete", task, result="stale")).status_code == 409
    assert (await first.beat({"id": task["id"], "lease_epoch": task["lease_epoch"]}))["lost"] == [task["id"]]
    assert (await second.tell("complete", again, result="fresh")).status_code == 200
    assert (await first.tell("complete", task, result="stale")).status_code == 409
    assert (await status(api, task))["result"] == "fresh"


async def test_a_cancelled_task_that_then_fails_is_cancelled_also_at_its_last_attempt(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    rows.submitted(connection, max_attempts=1)
    worker = await register(api)
    task = await worker.one()
    await api.post(f"/v1/tasks/{task['id']}/cancel")
    assert (await worker.beat({"id": task["id"], "lease_epoch": task["lease_epoch"]}))["cancel"] == [task["id"]]
    assert (await worker.tell("fail", task, error=ERROR)).status_code == 200
    assert (await status(api, task))["state"] == "cancelled"


async def test_a_result_that_cannot_be_kept_is_refused_and_the_task_still_held(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    rows.submitted(connection)
    worker = await register(api)
    task = await worker.one()
    answer = await worker.tell("complete", task, result="x" * 1_000_001)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/result")
    assert (await worker.tell("complete", task, result="x")).status_code == 200


async def test_a_stale_word_is_not_believed_because_the_holder_speaks_at_the_same_time(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    """Their reports share a statement, whose answer knows tasks by their ids only."""
    rows.submitted(connection)
    former, holder = await register(api), await register(api)
    stale = await former.one()
    connection.execute(
        "UPDATE pgq.tasks SET state = 'pending', leased_by = NULL, lease_expires_at = NULL, deadline_at = NULL"
    )
    task = await holder.one(wait_seconds=60)
    answers = await asyncio.gather(
        former.tell("complete", stale, result="stale"),
        holder.tell("complete", stale, result="stale"),
        holder.tell("complete", task, result="ours"),
        former.tell("complete", task, result="stale"),
    )
    assert [answer.status_code for answer in answers] == [409, 409, 200, 409]
    assert (await status(api, task))["result"] == "ours"


async def test_outcomes_of_many_workers_at_once_are_counted_for_each(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    workers = [await register(api) for _ in range(5)]
    told = []
    for n, worker in enumerate(workers):
        for _ in range(3 * (n + 1)):
            rows.submitted(connection)
        first, second, *rest = await worker.claim(limit=3 * (n + 1))
        told += [worker.tell("fail", first, error=ERROR), worker.tell("snooze", second, delay_seconds=1)]
        told += [worker.tell("complete", task) for task in rest]
    assert {answer.status_code for answer in await asyncio.gather(*told)} == {200}
    counted = connection.execute(
        "SELECT worker_id::text, sum(succeeded)::int, sum(failed)::int FROM pgq.task_stats GROUP BY 1"
    ).fetchall()
    assert {worker: (succeeded, failed) for worker, succeeded, failed in counted} == {
        worker.id: (3 * (n + 1) - 2, 1) for n, worker in enumerate(workers)
    }
    by_worker = connection.execute("SELECT leased_by::text, count(*)::int FROM pgq.task_history GROUP BY 1").fetchall()
    assert dict(by_worker) == {worker.id: 3 * (n + 1) - 2 for n, worker in enumerate(workers)}


async def test_a_row_that_somebody_has_locked_holds_up_its_own_outcome_only(
    dsn: str, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "PATIENCE", PATIENCE)
    for _ in range(2):
        rows.submitted(connection)
    app = create_app(Settings(auth="off"), conninfo=dsn)
    async with running(app) as api:
        worker = await register(api)
        locked, free = await worker.claim(limit=2)
        services: Services = app.state.services
        lane = services.part(Outcomes).lanes[0]
        with connection.transaction():
            connection.execute("SELECT FROM pgq.tasks WHERE id = %s FOR UPDATE", [locked["id"]])
            stuck = asyncio.create_task(worker.tell("complete", locked))
            await until_then(lane.is_stuck, "its lane to be stuck")
            other = asyncio.create_task(worker.tell("complete", free))
            await until_then(other.done, "the other outcome")
            assert other.result().status_code == 200
            assert not stuck.done()
        assert (await stuck).status_code == 200
