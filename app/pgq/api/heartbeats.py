"""Heartbeats of remote workers: leases renewed, and what attempts have said written down."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import scalar_row
from starlette.concurrency import run_in_threadpool

from pgq.api.models.worker_protocol import HeldTask
from pgq.api.services import Services
from pgq.db import remote
from pgq.db.duties import make_partitions
from pgq.db.errors import our_errors
from pgq.db.leases import Extension, extend
from pgq.db.sql import sql
from pgq.db.task_logs import keep_progress
from pgq.values.task import Lease

TRY_AFTER = (0.0, 0.02, 0.1)
"""Pauses before each try to write to a task: somebody may have its row locked, the worker's other heartbeat, say."""


@dataclass(slots=True)
class Renewed:
    """Until when leases last now, which of them are lost or only as good as before, and whose attempts are to end."""

    expires_at: datetime
    lost: list[UUID] = field(default_factory=list)
    not_renewed: list[UUID] = field(default_factory=list)
    cancel: list[UUID] = field(default_factory=list)


async def renew(here: Services, worker: UUID, held: Sequence[HeldTask], seconds: float) -> Renewed:
    """Renew exactly these leases, and keep what their attempts have said: first that, as it is lost with the lease.

    A lease whose row somebody has locked is tried again, as long as a heartbeat may take; then it is as good as before.
    """
    said = {Lease(one.id, one.lease_epoch): one for one in held}
    await keep(here, worker, list(said.values()))
    before, found = await run_in_threadpool(renew_leases, here, worker, list(said), seconds)
    for pause in TRY_AFTER[1:]:
        locked = [lease for lease in said if found[lease.id].passed_by]
        if not locked:
            break
        await asyncio.sleep(pause)
        _, again = await run_in_threadpool(renew_leases, here, worker, locked, seconds)
        found.update(again)
    answers = found.values()
    left = {one.id: one.expires_at for one in answers if one.passed_by and one.expires_at is not None}
    return Renewed(
        min([before + timedelta(seconds=seconds), *left.values()]),
        lost=[one.id for one in answers if not one.held],
        not_renewed=list(left),
        cancel=[one.id for one in answers if one.cancel_requested],
    )


def time_now(connection: Connection[Any]) -> datetime:
    """By the server's clock, before it renews: the leases last at least from here on."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        moment: datetime
        (moment,) = cursor.execute(sql("server_time")).fetchall()
    return moment


def renew_leases(
    here: Services, worker: UUID, leases: Sequence[Lease], seconds: float
) -> tuple[datetime, dict[UUID, Extension]]:
    """When this began, and what became of each task.

    The same task under two epochs: under one of them at least it is lost, but where the worker holds it, that counts.
    """
    with our_errors(), here.pools.connection() as connection:
        before = time_now(connection)
        answers = extend(connection, worker=worker, leases=leases, lease=seconds) if leases else []
    return before, {one.id: one for one in sorted(answers, key=lambda one: one.held)}


async def keep(here: Services, worker: UUID, held: Sequence[HeldTask]) -> None:
    """Write down progress and lines of logs, of those whose lease holds."""
    progress = {Lease(one.id, one.lease_epoch): one.progress.said() for one in held if one.progress is not None}
    lines = [
        remote.Line(Lease(one.id, one.lease_epoch), said.n, said.level, said.logger, said.text())
        for one in held
        for said in one.log or ()
    ]
    if not (progress or lines):
        return
    with our_errors():
        async with here.pools.connection_async() as connection:
            for pause in TRY_AFTER:
                if progress:
                    await asyncio.sleep(pause)
                    answers = await keep_progress(connection, worker, progress)
                    locked = {one.id for one in answers if one.held and not one.kept}
                    progress = {lease: said for lease, said in progress.items() if lease.id in locked}
            if lines:
                try:
                    await remote.add_lines(connection, worker, lines)
                except psycopg.errors.CheckViolation:  # no partition for today
                    if await make_partitions(connection) == 0:
                        raise
                    await remote.add_lines(connection, worker, lines)
