"""The composition root: from settings to a running worker."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence

from pgq.client.app import App
from pgq.db.embedded import EmbeddedServer
from pgq.db.migrate import upgrade
from pgq.db.url import conninfo
from pgq.maintenance.duties import duties
from pgq.maintenance.ticker import Ticker
from pgq.values.errors import SettingsError
from pgq.values.settings import Settings
from pgq.worker.plan import ServedQueue, WorkerPlan, queues_of
from pgq.worker.worker import Worker

log = logging.getLogger("pgq.worker")


def run_worker(settings: Settings, app: App, *, queues: Sequence[tuple[str, int]] | None, conninfo: str) -> int:
    """Run a worker until SIGTERM or SIGINT; a second signal hands the running tasks back at once.

    Answers the exit code. `queues` are names with weights; None serves the queues of the app's handlers and `default`.
    """
    app.use_database(conninfo)
    plan = worker_plan(settings, app, queues, conninfo)
    worker = asyncio.run(until_stopped(plan))
    if worker.executor.busy:
        # A handler's thread that ignores its cancellation cannot be stopped; its task was handed back already.
        log.warning("%d handlers have not returned; leaving without them", worker.executor.busy)
        leave_now()
    return 0


def up(settings: Settings, app: App, *, migrate: bool, say: Callable[[str], None]) -> int:
    """Everything in one command: a local server when no database is named, its schema, and a worker.

    A database that PGQ_DATABASE_URL names is migrated only when asked to. Blocks until SIGTERM or SIGINT; then a local
    server that was started here is stopped again, unless another process uses it. Answers the exit code.
    """
    if settings.database_url is not None:
        database = conninfo(settings.database_url.get_secret_value())
        if migrate:
            say(f"schema at revision {upgrade(database)}")
        return run_worker(settings, app, queues=None, conninfo=database)

    server = EmbeddedServer(settings.data_dir)
    local = server.start()
    try:
        upgrade(local.conninfo)
        say(f"{'Started' if local.started else 'Using'} the local PostgreSQL in {settings.data_dir}.")
        say("""A worker is running. In another terminal: pgq submit echo '{"hello": "world"}' --wait""")
        say("Ctrl-C stops it.")
        return run_worker(settings, app, queues=None, conninfo=local.conninfo)
    finally:
        app.close()
        if local.started and not server.stop_if_unused():
            say("The local PostgreSQL stays up: another process uses it.")


def worker_plan(settings: Settings, app: App, queues: Sequence[tuple[str, int]] | None, conninfo: str) -> WorkerPlan:
    """The settings of a worker, resolved."""
    if not app.handlers:
        raise SettingsError("the app has no handlers; decorate functions with @app.task")
    direct = settings.direct_url.get_secret_value() if settings.direct_url else None
    return WorkerPlan(
        conninfo=conninfo,
        listen_conninfo=direct or conninfo,
        handlers=app.handlers,
        queues=[ServedQueue(name, weight) for name, weight in queues] if queues else queues_of(app.handlers),
        concurrency=settings.concurrency,
        lease=settings.lease_seconds,
        poll=settings.poll_seconds,
        grace=settings.grace_seconds,
        kind_grace=settings.kind_grace_seconds,
        retention=settings.retention,
        name=settings.worker_name or socket.gethostname(),
    )


async def until_stopped(plan: WorkerPlan) -> Worker:
    """Run a worker; SIGTERM and SIGINT stop it."""
    worker = worker_with_ticker(plan)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    await worker.run()
    return worker


def worker_with_ticker(plan: WorkerPlan) -> Worker:
    """A worker that also takes its turns at maintenance."""
    work = duties(lease=plan.lease, kind_grace=plan.kind_grace)
    return Worker(plan, beside=[Ticker(plan.listen_conninfo, plan.id, work, plan.retention).run])


def leave_now() -> None:
    """End the process although threads still run."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
