"""The schedules that a worker's code declares: in the table, and shown to be alive."""

import logging
from collections.abc import Iterable
from typing import Any

from psycopg import Connection

from pgq.db import scheduler as db
from pgq.values.new_schedule import NewSchedule

log = logging.getLogger("pgq.worker")


class Declared:
    """A schedule of code fires while a live worker shows it."""

    def __init__(self, schedules: Iterable[NewSchedule]) -> None:
        self.schedules = {schedule.name: schedule for schedule in schedules}
        self.told: set[str] = set()

    def publish(self, connection: Connection[Any]) -> None:
        """Enter them as the code has them now, and show them."""
        if self.schedules:
            db.publish_schedules(connection, self.schedules.values())
            self.show(connection)

    def show(self, connection: Connection[Any]) -> None:
        """They are still here. One that is not in the table, or as a version has it that is gone, is entered again."""
        if not self.schedules:
            return
        there = db.see_schedules(connection, self.schedules.values())
        if gone := [schedule for name, schedule in self.schedules.items() if name not in there]:
            db.publish_schedules(connection, gone)
        for name in sorted(name for name, source in there.items() if source == "user" and name not in self.told):
            self.told.add(name)
            log.warning("schedule %s is a user's: what this worker's code says of it does not count", name)
