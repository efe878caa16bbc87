"""A NOTIFY serialises commits: it is sent only when somebody waits, and then once per queue and statement."""

from datetime import timedelta
from uuid import UUID

import pytest

from tests.flows import DEAD, Flow, node
from tests.verbs import A, B, Connection, Database


@pytest.fixture
async def ears(db: Database) -> Connection:
    listener = await db.another()
    await listener.execute("LISTEN pgq_ready")
    return listener


async def heard(db: Database, ears: Connection) -> list[str]:
    """The queues that were notified since the last question."""
    await db.run("NOTIFY pgq_ready, '(all)'")
    queues: list[str] = []
    async for notification in ears.notifies():
        if notification.payload == "(all)":
            break
        queues.append(notification.payload)
    return queues


async def waits(db: Database, *queues: str, worker: UUID = A) -> None:
    """A worker sleeps and serves these queues."""
    await db.run(
        "INSERT INTO pgq.workers (id, name, hostname, pid, version, queues, kinds, capacity) "
        "VALUES (%s, 'w', 'h', 1, '0', %s, '{echo}', 1)",
        worker,
        list(queues),
    )
    await db.run("INSERT INTO pgq.waiting_workers (worker_id, queues) VALUES (%s, %s)", worker, list(queues))


async def test_nobody_is_notified_when_nobody_waits(db: Database, ears: Connection) -> None:
    await db.submit()

    assert await heard(db, ears) == []


async def test_a_queue_that_no_waiting_worker_serves_is_not_notified(db: Database, ears: Connection) -> None:
    await waits(db, "email")

    await db.submit()

    assert await heard(db, ears) == []


async def test_a_waiting_worker_is_told_the_queue(db: Database, ears: Connection) -> None:
    await waits(db, "email", "default")
    await waits(db, "default", worker=B)

    await db.submit()
    assert await heard(db, ears) == ["default"]

    await db.insert(queue="email")
    assert await heard(db, ears) == ["email"]


async def test_once_per_queue_however_many_tasks_a_statement_brings(db: Database, ears: Connection) -> None:
    await waits(db, "email", "default")

    await db.run(
        "INSERT INTO pgq.tasks (kind, queue) "
        "SELECT 'echo', (ARRAY['email', 'default', 'other'])[1 + n % 3] FROM generate_series(1, 300) AS n"
    )

    assert sorted(await heard(db, ears)) == ["default", "email"]


async def test_a_task_for_later_wakes_nobody(db: Database, ears: Connection) -> None:
    await waits(db, "default")

    await db.submit(delay=timedelta(hours=1))

    assert await heard(db, ears) == []


async def test_what_is_rolled_back_wakes_nobody(db: Database, ears: Connection) -> None:
    await waits(db, "default")
    session = await db.another(autocommit=False)

    await db.submit(on=session)
    await session.rollback()

    assert await heard(db, ears) == []


async def test_a_worker_that_left_is_not_waited_for(db: Database, ears: Connection) -> None:
    await waits(db, "default")
    await db.run("DELETE FROM pgq.workers WHERE id = %s", A)

    await db.submit()

    assert await heard(db, ears) == []


async def test_a_redriven_task_and_one_that_is_to_run_now_wake_workers(db: Database, ears: Connection) -> None:
    dead = await db.bury()
    later = await db.submit(delay=timedelta(hours=1))
    await waits(db, "default")

    await db.redrive(dead)
    assert await heard(db, ears) == ["default"]

    await db.retry(later)
    assert await heard(db, ears) == ["default"]


async def test_a_prepared_transaction_may_submit_while_nobody_waits(db: Database) -> None:
    """PREPARE TRANSACTION refuses after a NOTIFY."""
    session = await db.another(autocommit=False)

    task = await db.submit(on=session)
    await session.execute("PREPARE TRANSACTION 'submitted'")
    await session.set_autocommit(True)
    await session.execute("COMMIT PREPARED 'submitted'")

    assert await db.state(task) == "pending"


async def test_a_retry_of_a_workflow_wakes_those_who_wait_for_what_is_due(db: Database, ears: Connection) -> None:
    flow = await Flow.submit(db, node("bad", queue="email"), node("then", "bad", queue="reports"))
    for one in await db.claim(queues=["email"]):
        await db.ends(one, DEAD)
    await waits(db, "email", "reports")
    await flow.retry()
    assert await heard(db, ears) == ["email"]
