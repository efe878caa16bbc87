"""Everybody at once, at random: nobody deadlocks, nobody waits for ever, nobody begins before its parents end."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import psycopg

from pgq.db.outcomes import Finished, record
from pgq.values.outcome import BuryNow, Outcome
from tests.verbs import CANCELLED, DONE, FAILED, A, Connection, Database, retry_later, statement

ROUNDS = 60
RECENT = 60
"""How many of the newest tasks are worth naming as parents, or meddling with."""

REFUSED = {"PQ004", "PQ006", "PQ007", "23505"}
"""What a verb may answer, since others are at it as well."""


class Storm:
    """What the sessions have in common."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.random = random.Random(7)
        self.tasks: list[UUID] = []
        self.warnings: list[str | None] = []
        self.again: set[UUID] = set()
        """What was brought back: a dead letter ends more than once, and a retry waits for nobody."""

    def some(self, most: int) -> list[UUID]:
        recent = self.tasks[-RECENT:]
        return self.random.sample(recent, min(len(recent), self.random.randint(0, most)))

    async def linger(self, session: Connection) -> None:
        """Stay in the transaction for a moment: others go on meanwhile."""
        for _ in range(self.random.randint(0, 5)):
            await session.execute("SELECT")

    # Submitters

    async def submit(self, session: Connection) -> None:
        """A few tasks in one transaction, which is sometimes given up as a whole or from a savepoint on."""
        made: list[UUID] = []
        async with session.transaction(force_rollback=self.random.random() < 0.1) as whole:
            for _ in range(self.random.randint(1, 4)):
                parents = self.some(2) + self.random.sample(made, min(len(made), 1))
                async with session.transaction(force_rollback=self.random.random() < 0.1) as part:
                    task = await self.insert(session, parents)
                if not part.force_rollback:
                    made.append(task)
            await self.linger(session)
            if self.random.random() < 0.5:
                await session.execute("SET CONSTRAINTS ALL IMMEDIATE")
                await self.linger(session)
        if not whole.force_rollback:
            self.tasks += made

    async def insert(self, session: Connection, parents: list[UUID]) -> UUID:
        task = uuid4()
        policy = self.random.choice(["cancel", "run", "wait"]) if parents else None
        row = (task, "echo", 2, parents or None, policy)
        if self.random.random() < 0.3:
            copying = session.cursor().copy(
                "COPY pgq.tasks (id, kind, max_attempts, depends_on, on_parent_failure) FROM STDIN"
            )
            async with copying as copy:
                await copy.write_row(row)
        else:
            await session.execute(
                "INSERT INTO pgq.tasks (id, kind, max_attempts, depends_on, on_parent_failure) "
                "VALUES (%s, %s, %s, %s, %s)",
                row,
            )
        return task

    # Workers and duties

    async def work(self, session: Connection) -> None:
        """Some attempts, which end together in some order."""
        claimed = await self.db.claim(A, self.random.randint(1, 6), on=session)
        self.random.shuffle(claimed)
        ends: list[Outcome] = [*[DONE] * 6, BuryNow(FAILED), CANCELLED, retry_later()]
        end = self.random.choice(ends)
        async with session.transaction():  # of one statement only, as a worker's are
            await record(session, A, [Finished(one.lease, end) for one in claimed])
            await self.linger(session)

    async def lose(self, session: Connection) -> None:
        """A worker dies; others see its lease run out."""
        for one in await self.db.claim(A, 2, on=session):
            await self.db.expire_lease(one.id)
        await self.db.tick("reaper", on=session)

    async def expire(self, session: Connection) -> None:
        await session.execute(
            "UPDATE pgq.tasks SET expires_at = clock_timestamp() WHERE id = ANY (%s) AND state <> 'running'",
            [self.some(1)],
        )
        await self.db.tick("expirer", on=session)

    # Operators

    async def cancel(self, session: Connection) -> None:
        await session.execute(statement("cancel_many"), {"ids": self.some(1)})

    async def cancel_many(self, session: Connection) -> None:
        """As by a filter: those that have not ended."""
        live = await self.db.rows("SELECT id FROM pgq.tasks WHERE id = ANY (%s)", self.some(6), on=session)
        await session.execute(statement("cancel_many"), {"ids": [row["id"] for row in live]})

    async def bring_back(self, session: Connection) -> None:
        dead = [row["id"] for row in await self.db.rows("SELECT id FROM pgq.dead_tasks LIMIT 3", on=session)]
        self.again.update(dead)
        await session.execute(statement(self.random.choice(["redrive_many", "retry_many"])), {"ids": sorted(dead)})

    async def retry(self, session: Connection) -> None:
        rows = await self.db.rows("SELECT pgq.retry(id) AS id FROM unnest(%s::uuid[]) AS id", self.some(1), on=session)
        self.again.update(row["id"] for row in rows)
        self.tasks += [row["id"] for row in rows if row["id"] not in self.tasks]

    async def purge(self, session: Connection) -> None:
        await session.execute(statement("purge"), {"ids": self.some(5)})

    async def blow(self, what: Callable[[Connection], Awaitable[None]]) -> None:
        session = await self.db.another()
        session.add_notice_handler(lambda said: self.warnings.append(said.message_primary))
        for _ in range(ROUNDS):
            try:
                await what(session)
            except psycopg.Error as error:
                if error.sqlstate not in REFUSED:
                    raise


async def test_a_storm_of_all_verbs_leaves_nobody_behind(db: Database) -> None:
    storm = Storm(db)
    await storm.submit(db.connection)
    submitters, workers = [storm.submit] * 3, [storm.work] * 3
    others = [storm.lose, storm.expire, storm.cancel, storm.cancel_many, storm.bring_back, storm.retry, storm.purge]
    await asyncio.gather(*(storm.blow(what) for what in (*submitters, *workers, *others)))

    assert storm.warnings == []  # nothing was left to the backstop, ...
    assert await db.rows(statement("stranded").decode()) == []  # ... and nothing is there for it
    assert await db.value("SELECT count(*) FROM pgq.new_children") == 0
    assert await db.rows(MISCOUNTED) == []
    assert await db.rows(BEGAN_EARLY, list(storm.again)) == []


MISCOUNTED = """
    SELECT t.id FROM pgq.tasks AS t
    WHERE  CASE t.state WHEN 'blocked' THEN t.waits_for ELSE 0 END
           <> (SELECT count(*) FROM pgq.task_dependencies AS e WHERE e.child_id = t.id)
"""
BEGAN_EARLY = """
    WITH once AS (
        SELECT s.* FROM pgq.task_status AS s WHERE NOT s.id = ANY (%s)
    )
    SELECT c.id FROM once AS c CROSS JOIN LATERAL unnest(c.depends_on) AS parent (id) JOIN once AS p ON p.id = parent.id
    WHERE  c.attempt = 1 AND c.started_at IS NOT NULL AND (p.finished_at <= c.started_at) IS NOT TRUE
"""
