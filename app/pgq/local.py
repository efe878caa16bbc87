"""A worker inside the running program, for scripts, notebooks and first steps: `with local.worker(app): ...`."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

from pgq.client.app import App
from pgq.db.local import local_database
from pgq.db.url import conninfo
from pgq.service import worker_plan, worker_with_ticker
from pgq.values.settings import Settings, load_settings
from pgq.worker.plan import WorkerPlan


@contextmanager
def worker(app: App) -> Iterator[None]:
    """Run a worker for `app` in a thread of this process until the block ends; it then finishes what it has begun.

    Where neither the app nor PGQ_DATABASE_URL names a database, the local server of `pgq up` is started, or joined
    when it runs already, and migrated; at the end it is stopped, if it was started here and nobody else uses it.
    Raises SettingsError, SchemaError, DatabaseUnavailable, and at the block's end whatever the worker failed with.
    """
    settings = load_settings(database_url=app.database_url)
    with database(settings, app) as address:
        plan = worker_plan(settings, app, None, address)
        stop = threading.Event()
        with ThreadPoolExecutor(1, thread_name_prefix="pgq-worker") as threads:
            work = threads.submit(lambda: asyncio.run(work_until(stop, plan)))
            try:
                yield
            finally:
                stop.set()
                work.result()


@contextmanager
def database(settings: Settings, app: App) -> Iterator[str]:
    """The conninfo of the database that is named, else of a local server for as long as the block lasts."""
    if settings.database_url is not None:
        yield conninfo(settings.database_url.get_secret_value())
        return
    with local_database(settings.data_dir) as local, closing(app):
        yield local.conninfo


async def work_until(stop: threading.Event, plan: WorkerPlan) -> None:
    """Run a worker until another thread sets `stop`."""
    worker = worker_with_ticker(plan)
    asked = asyncio.create_task(asyncio.to_thread(stop.wait))
    asked.add_done_callback(lambda _: worker.stop())
    await worker.run()
