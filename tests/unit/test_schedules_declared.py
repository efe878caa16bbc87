"""`@app.schedule`: what it keeps, what it refuses, and that the handler stays what it was."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

import pgq
from pgq.values.task import Claimed


def report(ctx: pgq.Context, day: date | None = None) -> str:
    return f"{ctx.scheduled_for:%H:%M}" if ctx.scheduled_for else "by hand"


def test_the_decorators_stack_and_give_back_the_handler() -> None:
    app = pgq.App()
    plain = app.task(report)
    early = app.schedule(
        "0 9 * * 1-5", timezone="Europe/Paris", misfire="all", overlap="skip", jitter=timedelta(minutes=5)
    )
    late = app.schedule("@daily", name="late report", payload={"day": date(2026, 1, 31)})

    assert late(early(plain)) is plain

    first, second = app.schedules.values()
    assert (first.name, first.kind, first.cron, first.timezone) == ("report", "report", "0 9 * * 1-5", "Europe/Paris")
    assert (first.misfire, first.overlap, first.jitter_seconds, first.payload) == ("all", "skip", 300.0, "{}")
    assert (second.name, second.kind, second.payload) == ("late report", "report", '{"day":"2026-01-31"}')
    assert app.checked_schedules() == [first, second]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"cron": "61 * * * *"}, "cron"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"misfire": "twice"}, "misfire"),
        ({"overlap": "queue"}, "overlap"),
        ({"jitter": -1}, "jitter_seconds"),
        ({"jitter": 86_401}, "jitter_seconds"),
        ({"name": ""}, "name"),
        ({"payload": {"month": 1}}, "payload"),
        ({"payload": {"day": float("nan")}}, "payload"),
        ({"payload": [1]}, "payload"),
    ],
)
def test_what_cannot_be_is_refused_at_decoration(options: dict[str, Any], field: str) -> None:
    app = pgq.App()
    with pytest.raises(pgq.InvalidTask) as refused:
        app.schedule(options.pop("cron", "@daily"), **options)(app.task(report))
    assert refused.value.field == field
    assert app.schedules == {}


def test_an_argument_without_a_default_must_be_given() -> None:
    app = pgq.App()

    @app.task
    def greet(name: str) -> None: ...

    with pytest.raises(pgq.InvalidTask, match="lacks name"):
        app.schedule("@daily")(greet)


def test_an_argument_of_another_type_is_refused_when_a_worker_starts() -> None:
    app = pgq.App()
    app.schedule("@daily", name="odd", payload={"day": "soon"})(app.task(report))
    with pytest.raises(pgq.InvalidTask, match="of schedule 'odd'"):
        app.checked_schedules()


def test_a_second_schedule_of_the_same_name_needs_another_one() -> None:
    app = pgq.App()
    handler = app.schedule("@daily")(app.task(report))
    with pytest.raises(pgq.ScheduleExists, match="another name"):
        app.schedule("@hourly")(handler)


def test_below_the_task_decorator_it_says_where_it_belongs() -> None:
    with pytest.raises(TypeError, match="above @task"):
        pgq.App().schedule("@daily")(report)  # type: ignore[type-var]


class Never:
    def is_set(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("headers", "moment"),
    [
        ('{"schedule": "s", "scheduled_for": "2026-01-31T09:00:00.000000Z"}', datetime(2026, 1, 31, 9, tzinfo=UTC)),
        ("{}", None),
        ('{"scheduled_for": "soon"}', None),
        ('{"scheduled_for": 5}', None),
        ('{"scheduled_for": "2026-01-31"}', None),
        ('{"a": "scheduled_for"}', None),
    ],
)
def test_the_context_names_the_tick(headers: str, moment: datetime | None) -> None:
    now = datetime.now(UTC)
    task = Claimed(UUID(int=1), "report", "default", "{}", 2, 4, 7, 5, now, 300.0, 60.0, [], headers)
    assert pgq.Context(task, Never()).scheduled_for == moment
