"""A program as users write it. mypy --strict must find nothing; every `type: ignore` here must be needed."""

from collections.abc import Coroutine
from datetime import UTC, date, datetime, timedelta
from typing import Any, assert_type
from uuid import UUID

import psycopg
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

import pgq

queue = pgq.App()


class Order(BaseModel):
    id: int
    email: str


class Receipt(BaseModel):
    order_id: int


class CardDeclined(Exception): ...


@queue.task
def count_day(day: date, *, times: int = 1) -> int:
    return day.day * times


@queue.task
async def echo(text: str) -> str:
    return text


@queue.task
def look(ctx: pgq.Context, name: str) -> int:
    ctx.log.info("attempt %d of %s", ctx.attempt, ctx.task.id)
    first: object = next(iter(ctx.parents.values()), None)
    assert_type(ctx.parents[ctx.task.id], Any)
    return 0 if ctx.cancelled or first in ctx.parents else len(name)


@queue.task(
    kind="charge-card",
    queue="billing",
    priority="high",
    max_attempts=4,
    timeout=timedelta(seconds=60),
    retry=pgq.exponential(base=2, cap=600),
    bury_on=(CardDeclined,),
    executor="async",
    tags=("money",),
)
async def charge(ctx: pgq.Context, order: Order) -> Receipt:
    if ctx.attempt > 2:
        raise pgq.Snooze(60, "busy")
    return Receipt(order_id=order.id)


@queue.task(queue="email")
def send_email(to: str, subject: str = "hi") -> None: ...


def sync_program(order: Order, connection: psycopg.Connection) -> None:
    assert_type(count_day.submit(date.today()), pgq.Handle[int])
    assert_type(count_day.submit(day=date.today(), times=2).result(timeout=10), int)
    assert_type(look.submit("ada").result(), int)
    assert_type(charge.submit(order).result(), Receipt)
    assert_type(echo.submit("x").result(), str)
    assert_type(send_email.submit("ada@example.com").result(timeout=timedelta(seconds=1)), None)

    later = send_email.options(
        priority=9, delay=60, key="welcome:42", key_window=timedelta(hours=1), tags=["a"], headers={"trace": 1}
    )
    assert_type(later.options(connection=connection).submit(to="ada@example.com", subject="hi"), pgq.Handle[None])
    charge.options(run_at=datetime.now(UTC), expires_at=None, queue="q", max_attempts=2, timeout=3.5).submit(order)

    assert_type(count_day.new(date.today()), pgq.NewTask[int])
    many = queue.submit_many([count_day.new(date.today()), charge.new(order)], connection=connection)
    assert_type(many, list[pgq.Handle[Any]])
    assert_type(queue.submit("other", {"a": 1}, priority="low"), pgq.Handle[Any])
    queue.submit("other", depends_on=[many[0], many[1].id, str(many[1].id)], on_parent_failure="wait")

    handle = charge.handle(UUID(int=0))
    assert_type(handle, pgq.Handle[Receipt])
    assert_type(handle.id, UUID)
    assert_type(handle.created, bool)
    assert_type(handle.status(), pgq.TaskStatus)
    assert_type(handle.retry(), pgq.Handle[Receipt])
    handle.cancel()


def workflows(order: Order, connection: psycopg.Connection) -> None:
    wf = queue.workflow("backfill", on_failure="continue")
    days = [wf.add(count_day.new(date(2026, 11, d))) for d in range(1, 31)]
    assert_type(days, list[pgq.Node[int]])
    receipt = wf.add(charge.new(order), name="receipt", depends_on=[*days, "other"], on_parent_failure="run")
    assert_type(wf.then(echo.new("done")), pgq.Node[str])
    run = wf.submit(connection=connection)
    assert_type(run, pgq.WorkflowRun)
    assert_type(run.result(receipt, timeout=600), Receipt)
    assert_type(run.result("receipt"), Any)
    assert_type(run.handle(days[0]), pgq.Handle[int])
    assert_type(run.status(), pgq.WorkflowStatus)
    assert_type(run.wait(timeout=timedelta(minutes=1)).state, str)
    assert_type(queue.workflow_run(run.id).add(echo.new("x"), depends_on=[receipt]), pgq.Node[str])
    more = run.more()
    assert_type(more.add(send_email.new("ada@example.com")), pgq.Node[None])
    more.submit()
    run.cancel()
    run.retry()


async def async_workflows() -> None:
    wf = queue.workflow("async")
    node = wf.add(echo.new("x"))
    run = await wf.submit_async()
    assert_type(await run.result_async(node), str)
    assert_type(await run.add_async(count_day.new(date.today())), pgq.Node[int])
    assert_type(await run.wait_async(), pgq.WorkflowStatus)


def direct_calls(ctx: pgq.Context, order: Order) -> None:
    assert_type(count_day(date.today()), int)
    texts: Coroutine[Any, Any, str] = echo("x")
    assert_type(look(ctx, "ada"), int)
    receipts: Coroutine[Any, Any, Receipt] = charge(ctx, order)
    texts.close()
    receipts.close()


async def async_program(session: AsyncSession, order: Order) -> None:
    async with queue:
        handle = await charge.options(key=f"order:{order.id}", connection=session).submit_async(order)
        assert_type(handle, pgq.Handle[Receipt])
        assert_type(await handle.result_async(timeout=3), Receipt)
        assert_type(await handle.status_async(), pgq.TaskStatus)
        assert_type(await queue.submit_many_async([echo.new("x")]), list[pgq.Handle[Any]])
        await queue.submit_async("other", None, run_at=datetime.now(UTC))
        await (await handle.retry_async()).cancel_async()


def failures(handle: pgq.Handle[int]) -> None:
    try:
        handle.result()
    except (pgq.TaskDead, pgq.TaskCancelled, pgq.TaskExpired) as failed:
        print(failed.state, failed.error, failed.task_id)  # noqa: T201
    except (pgq.TaskNotFound, pgq.PgqError, TimeoutError):
        raise pgq.Retry(after=5, reason="later") from None


def mistakes(ctx: pgq.Context, order: Order) -> None:
    count_day.submit("monday")  # type: ignore[arg-type]
    count_day.submit()  # type: ignore[call-arg]
    count_day.submit(date.today(), 2)  # type: ignore[call-arg]
    send_email.submit(to="a", title="b")  # type: ignore[call-arg]
    charge.submit(ctx, order)  # type: ignore[call-arg, arg-type]
    charge.new("order")  # type: ignore[arg-type]
    count_day.options(prioritty=3)  # type: ignore[call-arg]
    count_day.options(priority="urgent")  # type: ignore[arg-type]
    queue.submit("other", depends_on=[5])  # type: ignore[list-item]
    queue.submit("other", on_parent_failure="explode")  # type: ignore[arg-type]
    queue.workflow("w", on_failure="stop")  # type: ignore[arg-type]
    queue.workflow("w").add(count_day)  # type: ignore[arg-type]
    queue.workflow("w").add(count_day.new(date.today()), depends_on=[3])  # type: ignore[list-item]
    queue.task(retries=3)  # type: ignore[call-overload]
