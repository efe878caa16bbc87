"""Each role may do what it is for, and nothing else."""

import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from pgq.db import outcomes, workers
from pgq.db.revision import current_revision, refuse_foreign_schema
from pgq.maintenance.duties import duties
from pgq.values.outcome import BuryNow
from tests.flows import Flow, node
from tests.verbs import CANCELLED, FAILED, A, B, Connection, Database, retry_later, take_turn

SignIn = Callable[[str], Awaitable[Connection]]


@pytest.fixture
async def sign_in(db: Database) -> AsyncIterator[SignIn]:
    """A session of a new user who is a member of the given group role, or of none."""
    users: list[str] = []

    async def sign_in(role: str) -> Connection:
        user, password = f"pgq_test_{uuid4().hex[:12]}", secrets.token_hex(8)
        users.append(user)
        await db.run(f"CREATE ROLE {user} LOGIN PASSWORD '{password}'" + (f" IN ROLE {role}" if role else ""))
        return await psycopg.AsyncConnection.connect(
            make_conninfo(db.conninfo, user=user, password=password), autocommit=True
        )

    sessions: list[Connection] = []

    async def kept(role: str) -> Connection:
        sessions.append(await sign_in(role))
        return sessions[-1]

    yield kept
    for session in sessions:
        await session.close()
    for user in users:
        await db.run(f"DROP OWNED BY {user}")
        await db.run(f"DROP ROLE {user}")


async def refused(db: Database, session: Connection, *statements: str) -> None:
    for statement in statements:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await db.run(statement, on=session)


async def test_a_submitter_submits_through_every_door(db: Database, sign_in: SignIn) -> None:
    session = await sign_in("pgq_submitter")

    await db.submit(on=session)
    await db.submit(key="k", payload={"n": 1}, on=session)
    await db.submit_many({"kind": "echo", "idempotency_key": "l"}, {"kind": "echo"}, on=session)
    assert await db.insert(payload={"n": 1}, idempotency_key="m", tags=["a"], headers={"h": 1}, on=session)
    async with session.cursor() as cursor, cursor.copy("COPY pgq.tasks (kind, payload) FROM STDIN") as copy:
        await copy.write_row(("echo", "{}"))

    flow = await Flow.submit(db, node("a"), node("b", "a"), on=session)
    await flow.add(node("c", "b"), on=session)

    assert await db.value("SELECT count(*) FROM pgq.tasks") == 9


async def test_a_submitter_can_do_nothing_but_submit(db: Database, sign_in: SignIn) -> None:
    session = await sign_in("pgq_submitter")
    task = await db.submit()
    await refused(
        db,
        session,
        "SELECT payload FROM pgq.tasks",
        "SELECT * FROM pgq.task_status",
        "SELECT * FROM pgq.idempotency_keys",
        "SELECT * FROM pgq.dead_tasks",
        "SELECT paused_at FROM pgq.queues",
        "INSERT INTO pgq.tasks (kind, state) VALUES ('echo', 'blocked')",
        "INSERT INTO pgq.tasks (kind, attempt) VALUES ('echo', 3)",
        "INSERT INTO pgq.tasks (kind, lease_epoch) VALUES ('echo', 9)",
        "INSERT INTO pgq.tasks (kind, created_at) VALUES ('echo', now())",
        "INSERT INTO pgq.tasks (kind) VALUES ('echo') RETURNING payload",
        "INSERT INTO pgq.kinds (kind) VALUES ('echo')",
        "UPDATE pgq.tasks SET priority = 9",
        "DELETE FROM pgq.tasks",
        f"SELECT pgq.cancel('{task}')",
        f"SELECT pgq.retry('{task}')",
        f"SELECT pgq.redrive('{task}')",
        f"SELECT pgq.is_live('{task}')",
        "SELECT pgq.make_partitions()",
        "SELECT pgq.take_turn('reaper', NULL, interval '1 s', NULL)",
        "CREATE TABLE pgq.mine ()",
    )
    assert await db.value("SELECT id FROM pgq.tasks", on=session) == task


async def test_a_viewer_reads_tasks_schedules_and_views_and_nothing_else(db: Database, sign_in: SignIn) -> None:
    session = await sign_in("pgq_viewer")
    task = await db.submit()
    views = await db.rows("SELECT viewname AS name FROM pg_views WHERE schemaname = 'pgq'")
    assert len(views) >= 6
    for view in views:
        await db.rows(f"SELECT * FROM pgq.{view['name']}", on=session)

    tasks = ("tasks", "task_history", "dead_tasks", "attempts", "workflow_tasks")
    open_ones = (*tasks, "schedules", "schedule_ticks", "kinds")
    for table in open_ones:
        await db.rows(f"SELECT * FROM pgq.{table}", on=session)
        await refused(db, session, f"DELETE FROM pgq.{table}", f"SELECT FROM pgq.{table} FOR UPDATE")
    tables = await db.rows(
        "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'pgq' AND tablename <> ALL (%s)", list(open_ones)
    )
    await refused(db, session, *(f"SELECT * FROM pgq.{table['name']}" for table in tables))
    await refused(db, session, "SELECT pgq.submit('echo')", f"SELECT pgq.cancel('{task}')", "SELECT pgq.uuid7()")


async def test_a_stranger_can_do_nothing(db: Database, sign_in: SignIn) -> None:
    session = await sign_in("")
    granted = await db.rows(
        "SELECT proname, has_function_privilege(oid, 'EXECUTE') AS granted FROM pg_proc "
        "WHERE pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'pgq')",
        on=session,
    )

    assert len(granted) > 15
    assert [row["proname"] for row in granted if row["granted"]] == []
    await refused(db, session, "SELECT * FROM pgq.queue_depth", "SELECT pgq.submit('echo')")


async def test_a_worker_can_do_all_that_a_worker_does(db: Database, sign_in: SignIn) -> None:
    session = await sign_in("pgq_worker")
    with psycopg.connect(make_conninfo(db.conninfo), autocommit=True) as connection:
        connection.execute(f"SET SESSION AUTHORIZATION {session.info.user}")
        refuse_foreign_schema(connection)
        assert current_revision(connection)
        row = workers.WorkerRow(
            id=A, name="w", hostname="h", pid=1, version="0", queues=["default"], kinds=["echo"], capacity=1
        )
        workers.register(connection, row, [])
        assert workers.beat(connection, A, "running", ["echo"])

        await workers.wait_for_tasks(session, A, ["default"])
        await session.execute("LISTEN pgq_ready")
        for outcome in (None, BuryNow(FAILED), CANCELLED, retry_later()):
            await db.submit(key=f"{outcome}", on=session)
            claimed = await db.claim_one(on=session)
            assert await (db.ends(claimed, outcome, on=session) if outcome else db.ends(claimed, on=session))
            assert await outcomes.settled(session, [claimed.lease]) == {claimed.id}
        await db.rows("SELECT * FROM pgq.task_status", on=session)
        await workers.stop_waiting(session, A)
        workers.leave(connection, A)


async def test_operators_write_schedules_and_submitters_do_not_even_see_them(db: Database, sign_in: SignIn) -> None:
    operator, submitter = await sign_in("pgq_admin"), await sign_in("pgq_submitter")
    insert = "INSERT INTO pgq.schedules (name, cron, kind) VALUES ('s', '@daily', 'echo')"
    await db.run(insert, on=operator)
    assert await db.run("UPDATE pgq.schedules SET cron = '@hourly', paused_at = now()", on=operator) == 1
    await refused(db, submitter, "SELECT * FROM pgq.schedules", insert, "SELECT * FROM pgq.schedule_ticks")
    assert await db.run("DELETE FROM pgq.schedules", on=operator) == 1


async def test_a_worker_can_do_every_duty(db: Database, sign_in: SignIn) -> None:
    session = await sign_in("pgq_worker")
    gone = await db.running()
    await db.expire_lease(gone.id)
    await db.run("UPDATE pgq.maintenance SET last_started_at = NULL")
    await db.drop_partition("attempts", days_ahead=5)
    assert await db.ends(await db.running())
    await db.run("UPDATE pgq.task_stats SET minute = minute - interval '10 min'")
    await db.run("INSERT INTO pgq.schedules (name, cron, kind) VALUES ('s', '@yearly', 'echo')")
    await db.run("UPDATE pgq.schedules SET next_tick_at = '2026-01-01Z', due_at = '2026-01-01Z'")
    await Flow.submit(db, node("a"))

    changed = {one.name: (await take_turn(session, one, B))[0] for one in duties(lease=60, kind_grace=86_400)}

    assert changed.pop("accountant") in (1, 2), "of the minute of this test too, when that is over by then"
    assert changed == {
        "reaper": 1,
        "expirer": 0,
        "pruner": 0,
        "forgetter": 0,
        "undertaker": 0,
        "unblocker": 0,
        "scheduler": 1,
        "partitioner": 1,
        "sampler": 1,
        "workflows": 1,
        "workflow_pruner": 0,
    }


async def test_a_worker_can_neither_pause_queues_nor_change_the_schema(db: Database, sign_in: SignIn) -> None:
    session = await sign_in("pgq_worker")

    await refused(
        db,
        session,
        "INSERT INTO pgq.queues (name) VALUES ('default')",
        "UPDATE pgq.alembic_version SET version_num = '9999'",
        "DELETE FROM pgq.maintenance",
        "DROP TABLE pgq.tasks",
        "CREATE TABLE pgq.mine ()",
    )


async def test_a_worker_adds_to_the_audit_log_and_speaks_there_for_no_token(db: Database, sign_in: SignIn) -> None:
    session = await sign_in("pgq_worker")

    await db.run("INSERT INTO pgq.audit_log (actor, action, target, details) VALUES ('a', 'b', 'c', '{}')", on=session)

    forged = {"id": 1, "at": "2026-01-01Z", "token_id": "t", "request_id": "r", "address": "::1"}
    await refused(
        db,
        session,
        "SELECT actor FROM pgq.audit_log",
        "UPDATE pgq.audit_log SET actor = 'x'",
        "DELETE FROM pgq.audit_log",
        "TRUNCATE pgq.audit_log",
        *(
            f"INSERT INTO pgq.audit_log (actor, action, target, {column}) OVERRIDING SYSTEM VALUE"
            f" VALUES ('a', 'b', 'c', '{value}')"
            for column, value in forged.items()
        ),
    )
    for role in ("pgq_submitter", "pgq_viewer"):
        await refused(
            db,
            await sign_in(role),
            "SELECT actor FROM pgq.audit_log",
            "INSERT INTO pgq.audit_log (actor, action, target) VALUES ('a', 'b', 'c')",
        )


async def test_an_admin_operates_and_leaves_the_revision_alone(db: Database, sign_in: SignIn) -> None:
    session = await sign_in("pgq_admin")
    dead, live = await db.bury(), await db.submit()

    assert await db.value("SELECT pgq.redrive(%s)", dead, on=session) == dead
    assert await db.cancel(live, on=session) == "cancelled"
    await db.run("INSERT INTO pgq.queues (name, paused_at) VALUES ('default', now())", on=session)
    await db.rows("SELECT * FROM pgq.task_status", on=session)

    await refused(db, session, "UPDATE pgq.alembic_version SET version_num = '9999'", "DROP TABLE pgq.tasks")


async def test_every_function_pins_its_search_path(db: Database) -> None:
    """A function that runs with its owner's rights must not be led to objects of the caller's making.

    A body that was parsed when the function was made (prosqlbody) names its objects for good.
    """
    loose = await db.rows(
        "SELECT proname AS name FROM pg_proc WHERE pronamespace = 'pgq'::regnamespace AND prokind <> 'a' "
        "AND prosqlbody IS NULL AND NOT coalesce(proconfig, '{}') && ARRAY['search_path=pg_catalog, pg_temp']"
    )

    assert loose == []


async def test_nothing_is_overloaded(db: Database) -> None:
    """A second signature of the same name makes calls with a NULL ambiguous."""
    names = [
        row["proname"] for row in await db.rows("SELECT proname FROM pg_proc WHERE pronamespace = 'pgq'::regnamespace")
    ]

    assert len(names) == len(set(names))
    assert all(re.fullmatch("[a-z0-9_]+", name) for name in names)
