"""Every process ticks; the database gives each duty to one of them at a time."""

import asyncio
import logging
import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection

from pgq.db import duties as db
from pgq.db.connect import pooled
from pgq.db.steady import SteadyConnection, first_line
from pgq.maintenance.duty import Duty, Work

log = logging.getLogger("pgq.maintenance")

DROP_PARTITIONS_EVERY = 600.0


class Ticker:
    """Looks once a second which duties are due, and does those whose turn it gets."""

    def __init__(self, conninfo: str, worker: UUID, duties: Sequence[Duty], retention: float) -> None:
        self.steady = SteadyConnection(conninfo, "ticker")
        self.worker = worker
        self.duties = {duty.name: duty for duty in duties}
        self.retention = retention
        self.partitions_due_at = 0.0

    async def run(self) -> None:
        """Tick for ever."""
        try:
            while True:
                try:
                    await self.steady.persist(self.tick)
                except psycopg.Error as error:
                    log.error("a tick failed: %s", first_line(error))
                await asyncio.sleep(random.uniform(0.8, 1.0))  # noqa: S311
        finally:
            await asyncio.shield(self.steady.drop())

    async def tick(self, connection: AsyncConnection[Any]) -> None:
        """Do what is due; a duty that fails is put off and keeps no other from its turn."""
        for name in await db.due_duties(connection, list(self.duties)):
            duty = self.duties[name]
            try:
                await self.do_all_of(connection, duty)
            except psycopg.Error as error:
                if connection.closed:
                    raise
                log.error("%s failed: %s", name, first_line(error))
                await db.duty_failed(connection, name, duty.period, first_line(error))
        await self.drop_old_partitions(connection)

    async def do_all_of(self, connection: AsyncConnection[Any], duty: Duty) -> None:
        """One duty; piece by piece where a row keeps it from being done at once. The first failure is raised."""
        work = await duty.work(connection)
        try:
            await self.do(connection, duty, work)
        except psycopg.Error as error:
            if not connection.closed:
                await self.do_in_pieces(connection, duty, work, error)
            raise

    async def do(self, connection: AsyncConnection[Any], duty: Duty, work: Work) -> None:
        """One duty, if the turn is ours."""
        changed, ids = await db.take_turn_and_do(
            connection,
            duty=duty.name,
            worker=self.worker,
            period=duty.period,
            hold=duty.hold,
            statement=work.statement,
            parameters=work.parameters,
        )
        if changed and not duty.routine:
            log.info("%s: %d %s", duty.name, changed, " ".join(str(task) for task in ids[:10]))

    async def do_in_pieces(
        self, connection: AsyncConnection[Any], duty: Duty, work: Work, failure: psycopg.Error
    ) -> None:
        """A batch failed, perhaps because of one row: the others go first, and the log names the one."""
        if work.about:
            why = first_line(failure)
            log.error("%s: %s fails: %s", duty.name, work.about, why)
            await duty.refused(connection, work, why)
        for piece in await duty.pieces(connection, work, failure):
            try:
                await db.make_due(connection, duty.name)
                await self.do(connection, duty, piece)
            except psycopg.Error as error:
                if connection.closed:
                    raise
                await self.do_in_pieces(connection, duty, piece, error)

    async def drop_old_partitions(self, connection: AsyncConnection[Any]) -> None:
        """Drop the days whose retention is over; outside any turn: DETACH CONCURRENTLY allows no transaction."""
        if asyncio.get_running_loop().time() < self.partitions_due_at:
            return
        self.partitions_due_at = asyncio.get_running_loop().time() + DROP_PARTITIONS_EVERY
        if pooled(connection):
            return  # their lock_timeout is a session's, and would stay with a server connection of the pooler
        for partition in await db.old_partitions(connection, self.retention):
            if not partition.may_drop:
                log.warning("pgq.%s is past its retention; only its owner can drop it", partition.child)
                continue
            try:
                await db.drop_partition(connection, partition)
                log.info("dropped pgq.%s: its retention is over", partition.child)
            except (
                psycopg.errors.LockNotAvailable,
                psycopg.errors.ObjectNotInPrerequisiteState,  # another one is half detached, and waited for first
                psycopg.ProgrammingError,
            ) as error:
                log.info("pgq.%s is not dropped yet: %s", partition.child, first_line(error))
