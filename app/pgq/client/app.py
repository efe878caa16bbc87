"""The App: where handlers are registered and tasks submitted."""

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, Self, TypeVar, Unpack, overload
from uuid import UUID

from pgq.client.access import Access
from pgq.client.context import Context
from pgq.client.declaration import declare
from pgq.client.handle import Handle
from pgq.client.handler import Handler
from pgq.client.options import Options
from pgq.client.register import Register
from pgq.client.schedule import check_payload, schedule_of
from pgq.client.submission import NewTask, new_task
from pgq.client.submit import Submitted, submit, submit_many
from pgq.client.workflow import Workflow
from pgq.client.workflow_run import WorkflowRun
from pgq.values.backoff import Backoff, exponential
from pgq.values.errors import DuplicateKind, InvalidTask, ScheduleExists

if TYPE_CHECKING:
    from pgq.values.new_schedule import NewSchedule

P = ParamSpec("P")
R = TypeVar("R")
H = TypeVar("H", bound=Handler[..., Any, ..., Any])


class App:
    """Handlers, and the database that their tasks go to.

    database_url: libpq URI or DSN; default PGQ_DATABASE_URL, else the local server that `pgq up` runs.
    pool_size: how many connections a process (and each of its event loops) opens at most.

    Connects at the first use, never at import, and may be used from any thread, event loop and forked process. As a
    context manager, or an async one, it closes its connections at the end; without that they are closed at exit.
    """

    def __init__(self, database_url: str | None = None, *, pool_size: int = 4) -> None:
        self.database_url = database_url
        self.handlers: dict[str, Handler[..., Any, ..., Any]] = {}
        self.schedules: dict[str, NewSchedule] = {}
        self._access = Access(database_url, pool_size)

    def use_database(self, database_url: str) -> None:
        """Where an app that was given no URL finds its database from its next connection on: what its worker uses."""
        if self.database_url is None:
            self._access.database_url = database_url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close_async()

    def close(self) -> None:
        """Close the connections of this process. The next use opens new ones."""
        self._access.close()

    async def close_async(self) -> None:
        """Close the connections of this event loop and of this process. The next use opens new ones."""
        await self._access.close_async()

    @overload
    def task(
        self, function: Callable[Concatenate[Context, P], Coroutine[Any, Any, R]], /
    ) -> Handler[P, R, Concatenate[Context, P], Coroutine[Any, Any, R]]: ...
    @overload
    def task(self, function: Callable[Concatenate[Context, P], R], /) -> Handler[P, R, Concatenate[Context, P], R]: ...
    @overload
    def task(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> Handler[P, R, P, Coroutine[Any, Any, R]]: ...
    @overload
    def task(self, function: Callable[P, R], /) -> Handler[P, R, P, R]: ...
    @overload
    def task(
        self,
        *,
        kind: str | None = None,
        queue: str = "default",
        priority: int | Literal["low", "normal", "high"] = 5,
        max_attempts: int = 4,
        timeout: float | timedelta | None = None,
        retry: Backoff = ...,
        bury_on: Sequence[type[BaseException]] = (),
        executor: Literal["async", "thread", "process"] | None = None,
        tags: Sequence[str] = (),
    ) -> Register: ...
    def task(
        self,
        function: Callable[..., Any] | None = None,
        *,
        kind: str | None = None,
        queue: str = "default",
        priority: int | str = 5,
        max_attempts: int = 4,
        timeout: float | timedelta | None = None,
        retry: Backoff = exponential(),  # noqa: B008 (a pure function)
        bury_on: Sequence[type[BaseException]] = (),
        executor: Literal["async", "thread", "process"] | None = None,
        tags: Sequence[str] = (),
    ) -> Any:
        """Register a function as the handler of a kind: `@app.task` or `@app.task(queue="email", ...)`.

        kind: default the function's name. queue, priority (0 to 9, 9 is the most urgent; low, normal, high),
        max_attempts and timeout (seconds or timedelta per attempt; default the queue's, else 300 s) hold for tasks that
        say nothing else. retry: from the number of the attempt that failed to the seconds until the next. bury_on:
        exceptions that no retry can mend. executor: "async" (the event loop, default for async def), "thread"
        (default for def) or "process" (one that is killed when the time is over, the task is cancelled or its lease is
        lost; the function must stand at the top of an importable module). tags: for every task.

        A first parameter annotated pgq.Context is the context. Raises DuplicateKind, InvalidTask for a wrong value, and
        TypeError for a function that no payload can fill (*args, positional-only parameters).
        """

        def register(function: Callable[..., Any]) -> Handler[..., Any, ..., Any]:
            declaration = declare(
                function,
                kind=kind,
                queue=queue,
                priority=priority,
                max_attempts=max_attempts,
                timeout=timeout,
                retry=retry,
                bury_on=bury_on,
                executor=executor,
                tags=tags,
            )
            if declaration.kind in self.handlers:
                raise DuplicateKind(declaration.kind)
            handler: Handler[..., Any, ..., Any] = Handler(function, declaration, self._access)
            self.handlers[declaration.kind] = handler
            return handler

        return register if function is None else register(function)

    def schedule(
        self,
        cron: str,
        *,
        name: str | None = None,
        payload: Mapping[str, Any] | None = None,
        timezone: str = "UTC",
        misfire: Literal["skip", "once", "all"] = "once",
        overlap: Literal["allow", "skip"] = "allow",
        jitter: float | timedelta = 0,
    ) -> Callable[[H], H]:
        """Have a task submitted whenever `cron` says so: above `@app.task`, as often as one likes.

        cron: five fields, six with seconds first, or @hourly, @daily, @weekly, @monthly, @yearly; read in `timezone`,
        such as Europe/Paris. name: default the kind. payload: the arguments. misfire: what becomes of ticks at which no
        worker ran: "skip" none, "once" the newest, "all" each. overlap: "skip" makes no task while that of the last
        tick has not ended. jitter: fire up to so much later, at random; at most a day.

        Workers tell the database, and a schedule fires for as long as one of them has it. Raises InvalidTask for what
        cannot be, ScheduleExists for a second one of the same name.
        """

        def declare(handler: H) -> H:
            schedule = schedule_of(
                handler, cron, name=name, payload=payload, timezone=timezone, misfire=misfire, overlap=overlap,
                jitter=jitter,
            )  # fmt: skip
            if schedule.name in self.schedules:
                raise ScheduleExists(schedule.name)
            self.schedules[schedule.name] = schedule
            return handler

        return declare

    def checked_schedules(self) -> "list[NewSchedule]":
        """The schedules, whose payloads fit their handlers. Raises InvalidTask for one that does not."""
        for schedule in self.schedules.values():
            check_payload(schedule, self.handlers)
        return list(self.schedules.values())

    def submit(self, kind: str, payload: Mapping[str, Any] | None = None, **options: Unpack[Options]) -> Handle[Any]:
        """Submit a task of any kind, also of one whose handler lives elsewhere; see Options for what may be said of it.

        For a kind of this app the payload is checked and the handler's defaults hold, as in `handler.submit`. Raises
        InvalidTask, UnknownParent, IdempotencyConflict, QueueFull, DatabaseUnavailable.
        """
        task = self._new(kind, payload, options)
        return self._follow(task, self._access.run(submit(task), options.get("connection")))

    async def submit_async(
        self, kind: str, payload: Mapping[str, Any] | None = None, **options: Unpack[Options]
    ) -> Handle[Any]:
        """The same in async code."""
        task = self._new(kind, payload, options)
        return self._follow(task, await self._access.run_async(submit(task), options.get("connection")))

    def submit_many(self, tasks: Iterable[NewTask[Any]], *, connection: Any = None) -> list[Handle[Any]]:
        """Submit what `handler.new(...)` made, all or none, in one transaction; the handles are in the same order.

        More than a hundred tasks that have neither a key nor parents go by COPY. Of tasks with the same key the first
        one counts.
        """
        many = new_tasks(tasks)
        answers = self._access.run(submit_many(many), connection, atomic=True)
        return [self._follow(task, answer) for task, answer in zip(many, answers, strict=True)]

    async def submit_many_async(self, tasks: Iterable[NewTask[Any]], *, connection: Any = None) -> list[Handle[Any]]:
        """The same in async code."""
        many = new_tasks(tasks)
        answers = await self._access.run_async(submit_many(many), connection, atomic=True)
        return [self._follow(task, answer) for task, answer in zip(many, answers, strict=True)]

    def workflow(
        self, name: str, on_failure: Literal["cancel", "continue"] = "cancel", *, key: str | None = None
    ) -> Workflow:
        """Begin a workflow: add tasks that depend on one another, then submit them together.

        name: what people see; several may have the same. on_failure: what the first task that is dead or expired does,
        besides what it means for those that depend on it: "cancel" all others, or let them "continue". key: submitted
        again with the same key and content, it answers with the first run, as long as that one is kept. Raises
        InvalidTask.
        """
        return Workflow(self._access, name, on_failure, key)

    def workflow_run(self, workflow_id: UUID) -> WorkflowRun:
        """Follow a workflow that was submitted before, or add tasks to it."""
        return WorkflowRun(self._access, workflow_id)

    def handle(self, task_id: UUID) -> Handle[Any]:
        """Follow a task that was submitted before; its result is plain JSON."""
        return Handle(self._access, task_id)

    def _new(self, kind: str, payload: Mapping[str, Any] | None, options: Mapping[str, Any]) -> NewTask[Any]:
        payload = {} if payload is None else payload
        if handler := self.handlers.get(kind):
            return handler.from_payload(payload, options)
        return new_task(kind, payload, options)

    def _follow(self, task: NewTask[R], submitted: Submitted) -> Handle[R]:
        return Handle(self._access, submitted.id, submitted.created, task.result)


def new_tasks(tasks: Iterable[NewTask[Any]]) -> list[NewTask[Any]]:
    many = list(tasks)
    for task in many:
        if not isinstance(task, NewTask):
            raise InvalidTask("tasks", f"must be what handler.new(...) returns, not {type(task).__name__}")
    return many
