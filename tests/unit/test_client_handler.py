"""What @app.task makes of a function, and what it refuses at once."""

import functools
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

import pgq
from pgq.values.task import Claimed

if TYPE_CHECKING:
    from pgq import Context

PLAIN = {"queue": "default", "priority": 5, "max_attempts": 4, "timeout_seconds": None}


@pytest.fixture
def app() -> pgq.App:
    return pgq.App("postgresql://nobody@127.0.0.1:1/nowhere")


def test_calling_a_handler_runs_the_plain_function(app: pgq.App) -> None:
    @app.task
    def double(n: int) -> int:
        """Twice n."""
        return 2 * n

    assert double(21) == 42
    assert (double.kind, double.__doc__) == ("double", "Twice n.")
    assert app.handlers == {"double": double}


async def test_calling_an_async_handler_gives_its_coroutine(app: pgq.App) -> None:
    @app.task(queue="math")
    async def double(n: int) -> int:
        return 2 * n

    assert await double(21) == 42


def test_the_decorator_says_what_holds_for_its_tasks(app: pgq.App) -> None:
    @app.task(kind="mail", queue="email", priority="high", max_attempts=2, timeout=timedelta(minutes=1), tags=["a"])
    def send_email(to: str) -> None: ...

    task = send_email.new("ada")

    assert task.kind == "mail"
    assert task.payload == '{"to":"ada"}'
    assert task.defaults == {"queue": "email", "priority": 8, "max_attempts": 2, "timeout_seconds": 60.0}
    assert task.fields == {"tags": ["a"]}


def test_options_say_it_for_one_submit_and_leave_the_handler_alone(app: pgq.App) -> None:
    @app.task(tags=["a"])
    def ping() -> None: ...

    moment = datetime(2030, 1, 1, tzinfo=UTC)
    special = ping.options(priority=9, key="k", key_window=60).options(
        queue="q", run_at=moment, tags=["b", "a"], priority="low", timeout=timedelta(seconds=2), headers={"at": moment}
    )

    assert special.new().fields == {
        "priority": 2,
        "idempotency_key": "k",
        "idempotency_window_seconds": 60.0,
        "queue": "q",
        "run_at": "2030-01-01T00:00:00.000000Z",
        "tags": ["a", "b"],
        "timeout_seconds": 2.0,
        "headers": {"at": "2030-01-01T00:00:00Z"},
    }
    assert ping.new().fields == {"tags": ["a"]}
    assert ping.new().defaults == PLAIN
    assert ping.options(priority=None, delay=None).new().fields == {"tags": ["a"]}


def test_hints_are_resolved_once_however_many_options_are_said(app: pgq.App) -> None:
    @app.task
    def ping() -> None: ...

    assert ping.options(priority=1).signature is ping.options(key="k").signature is ping.signature


def test_a_second_handler_of_a_kind_is_refused(app: pgq.App) -> None:
    @app.task
    def ping() -> None: ...

    with pytest.raises(pgq.DuplicateKind, match="'ping' has a handler already"):

        @app.task(kind="ping")
        def pong() -> None: ...


def test_the_context_is_the_first_parameter_whichever_way_it_is_annotated(app: pgq.App) -> None:
    @app.task
    def plainly(ctx: pgq.Context, n: int) -> None: ...
    @app.task
    def quoted(ctx: "pgq.Context", n: int) -> None: ...
    @app.task
    def for_the_type_checker_only(ctx: "Context", n: int) -> None: ...
    @app.task
    def by_place_only(ctx: pgq.Context, /, n: int) -> None: ...
    @app.task
    def without(n: int) -> None: ...

    assert [h.wants_context for h in app.handlers.values()] == [True, True, True, True, False]
    assert plainly.new(1).payload == quoted.new(n=1).payload == by_place_only.new(1).payload == '{"n":1}'


def test_parameters_that_no_payload_can_fill_are_refused(app: pgq.App) -> None:
    def places(*numbers: int) -> None: ...
    def by_place(a: int, /) -> None: ...
    def context_second(n: int, ctx: pgq.Context) -> None: ...
    def many() -> Iterator[int]:
        yield 1

    with pytest.raises(TypeError, match=r"\*numbers"):
        app.task(places)
    with pytest.raises(TypeError, match="a is positional-only"):
        app.task(by_place)
    with pytest.raises(TypeError, match="must be the first parameter"):
        app.task(context_second)
    with pytest.raises(TypeError, match="generator"):
        app.task(many)
    assert app.handlers == {}


class Sender:
    def __init__(self, host: str) -> None:
        self.host = host

    async def __call__(self, to: str) -> str:
        return f"{to} by {self.host}"

    def plain(self, to: str) -> str:
        return f"{to} by {self.host}"


def test_where_a_function_runs_is_decided_when_it_is_registered(app: pgq.App) -> None:
    async def coroutine() -> None: ...
    def plain() -> None: ...

    def executor(function: Any, **said: Any) -> str:
        found: str = app.task(kind=f"kind-{len(app.handlers)}", **said)(function).declaration.executor
        return found

    assert executor(coroutine) == "async"
    assert executor(plain) == "thread"
    assert executor(functools.partial(coroutine)) == "async"
    assert executor(Sender("h")) == "async"
    assert executor(Sender("h").plain) == "thread"
    assert executor(lambda: coroutine(), executor="async") == "async"
    with pytest.raises(ValueError, match="runs on the event loop"):
        executor(coroutine, executor="thread")
    assert executor(plain, executor="process") == executor(coroutine, executor="process") == "process"
    with pytest.raises(ValueError, match="must be"):
        executor(plain, executor="fiber")


def test_methods_and_callable_objects_are_handlers_too(app: pgq.App) -> None:
    sender = Sender("h")
    handlers = app.task(kind="object")(sender), app.task(sender.plain)

    assert [handler.new(to="a").payload for handler in handlers] == ['{"to":"a"}'] * 2
    assert handlers[1]("a") == "a by h"
    with pytest.raises(TypeError, match="has no name"):
        app.task(sender)
    with pytest.raises(pgq.InvalidTask):
        handlers[0].new(to=1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "error", "about"),
    [
        ({"kind": ""}, pgq.InvalidTask, "kind"),
        ({"queue": "a\nb"}, pgq.InvalidTask, "queue"),
        ({"priority": 12}, pgq.InvalidTask, "priority"),
        ({"max_attempts": 0}, pgq.InvalidTask, "max_attempts"),
        ({"timeout": 0}, pgq.InvalidTask, "timeout"),
        ({"timeout": "5m"}, pgq.InvalidTask, "timeout"),
        ({"tags": "money"}, pgq.InvalidTask, "tags"),
        ({"retry": 5}, TypeError, "retry"),
        ({"bury_on": ("ValueError",)}, TypeError, "bury_on"),
    ],
)
def test_a_decorator_that_says_nonsense_is_refused(
    app: pgq.App, said: dict[str, Any], error: type[Exception], about: str
) -> None:
    def handler() -> None: ...

    with pytest.raises(error, match=about):
        app.task(**said)(handler)


def test_a_context_shows_the_attempt_and_whether_to_stop() -> None:
    task = Claimed(
        id=UUID(int=1), kind="k", queue="q", payload="{}", attempt=2, max_attempts=4, lease_epoch=1, priority=5,
        run_at=datetime.now(UTC), timeout_seconds=300, lease_seconds=60, tags=[], headers="{}",
    )  # fmt: skip
    stop = threading.Event()
    context = pgq.Context(task, stop)

    assert (context.attempt, context.task.id, context.cancelled) == (2, UUID(int=1), False)
    stop.set()
    assert context.cancelled
    assert context.log.extra == {"task_id": str(UUID(int=1)), "kind": "k", "queue": "q", "attempt": 2}
