"""What `@app.schedule(...)` says of a handler."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pgq.client.handler import Handler
from pgq.values.errors import InvalidTask

if TYPE_CHECKING:
    from pgq.values.new_schedule import NewSchedule

AnyHandler = Handler[..., Any, ..., Any]


def schedule_of(
    handler: AnyHandler,
    cron: str,
    *,
    name: str | None,
    payload: Mapping[str, Any] | None,
    timezone: str,
    misfire: str,
    overlap: str,
    jitter: float | timedelta,
) -> "NewSchedule":
    """Check what the decorator was given; types of arguments are checked when a worker starts.

    Raises InvalidTask, and TypeError for something that is no handler.
    """
    if not isinstance(handler, Handler):
        raise TypeError("@schedule stands above @task: it takes a handler, not a plain function")
    from pgq.values.new_schedule import new_schedule  # programs without schedules need no time zones

    given = {} if payload is None else payload
    schedule = new_schedule(
        handler.kind if name is None else name,
        cron,
        handler.kind,
        given,
        timezone=timezone,
        misfire=misfire,
        overlap=overlap,
        jitter_seconds=jitter,
    )
    parameters = handler.parameters
    if missing := [each for each in parameters.required if each not in given]:
        raise InvalidTask("payload", f"lacks {', '.join(missing)}: say it with @schedule(..., payload={{...}})")
    if parameters.extra is None and (unknown := [each for each in given if each not in parameters.names]):
        raise InvalidTask("payload", f"{', '.join(unknown)}: {handler.kind} has no such parameter")
    return schedule


def check_payload(schedule: "NewSchedule", handlers: Mapping[str, AnyHandler]) -> None:
    """Raises InvalidTask, naming the schedule, when its payload does not fit its handler."""
    try:
        handlers[schedule.kind].from_payload(json.loads(schedule.payload), {})
    except InvalidTask as error:
        raise InvalidTask(error.field, f"{error.reason} (of schedule {schedule.name!r})") from None
