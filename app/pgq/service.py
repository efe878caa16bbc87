"""The composition root: from settings to a running worker."""

import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from pgq.client.app import App
from pgq.maintenance.duties import duties
from pgq.maintenance.ticker import Ticker
from pgq.supervisor.link import SupervisorLink
from pgq.values.errors import SettingsError
from pgq.values.settings import Settings
from pgq.worker.plan import ServedQueue, WorkerPlan, queues_of
from pgq.worker.process import Ended, leave_now, run
from pgq.worker.reference import reference_to
from pgq.worker.watchdog import Watchdog
from pgq.worker.worker import Worker


def run_worker(
    settings: Settings,
    app: App,
    *,
    queues: Sequence[tuple[str, int]] | None,
    conninfo: str,
    drain: bool = False,
    supervisor: SupervisorLink | None = None,
) -> int:
    """Run a worker until SIGTERM or SIGINT; a second signal hands the running tasks back at once.

    Answers the exit code. `queues` are names with weights; None serves the queues of the app's handlers and `default`.
    With `drain` it also stops when nothing is ready, running or retrying in them; with a `supervisor`, when that ends.
    """
    ended = serve(settings, app, queues, conninfo, drain=drain, supervisor=supervisor)
    if not ended.clean:
        leave_now(ended.code)
    return ended.code


def serve(
    settings: Settings,
    app: App,
    queues: Sequence[tuple[str, int]] | None,
    conninfo: str,
    *,
    drain: bool = False,
    supervisor: SupervisorLink | None = None,
) -> Ended:
    """Run a worker until it is stopped."""
    app.use_database(conninfo)
    plan = replace(worker_plan(settings, app, queues, conninfo), drain=drain)
    return run(until_stopped(plan, supervisor))


def worker_plan(settings: Settings, app: App, queues: Sequence[tuple[str, int]] | None, conninfo: str) -> WorkerPlan:
    """The settings of a worker, resolved."""
    if not app.handlers:
        raise SettingsError("the app has no handlers; decorate functions with @app.task")
    for handler in app.handlers.values():
        if handler.declaration.executor == "process":
            reference_to(handler)  # another process has to find it
    direct = settings.direct_url.get_secret_value() if settings.direct_url else None
    return WorkerPlan(
        conninfo=conninfo,
        listen_conninfo=direct or conninfo,
        handlers=app.handlers,
        schedules=app.checked_schedules(),
        queues=[ServedQueue(name, weight) for name, weight in queues] if queues else queues_of(app.handlers),
        concurrency=settings.concurrency,
        lease=settings.lease_seconds,
        poll=settings.poll_seconds,
        grace=settings.grace_seconds,
        kind_grace=settings.kind_grace_seconds,
        retention=settings.retention,
        name=settings.worker_name or socket.gethostname(),
    )


async def until_stopped(plan: WorkerPlan, supervisor: SupervisorLink | None) -> None:
    """Run a worker; SIGTERM, SIGINT, SIGHUP and the supervisor's end stop it. Raises WorkerStuck."""
    worker = worker_with_ticker(plan)
    with Watchdog(worker) as watchdog, signals_to(watchdog.stop_worker):
        if supervisor is not None:
            supervisor.ready()
            supervisor.watch(watchdog.stop_worker)
        await worker.run()
    watchdog.judge()


@contextmanager
def signals_to(stop: Callable[[], None]) -> Iterator[None]:
    """Let the signals that end a process call `stop`. Not by the event loop, which a handler may block."""
    numbers = [n for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, lambda *_: stop()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def worker_with_ticker(plan: WorkerPlan) -> Worker:
    """A worker that also takes its turns at maintenance."""
    work = duties(lease=plan.lease, kind_grace=plan.kind_grace, retention=plan.retention)
    return Worker(plan, beside=[Ticker(plan.listen_conninfo, plan.id, work, plan.retention).run])
