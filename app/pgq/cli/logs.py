"""Where a process's log goes: to stderr, a line a record, for people or as JSON."""

import json
import logging
import sys
import time
from datetime import UTC, datetime

from pgq.values.task import json_value

MINUTE = 60.0
USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure(*, style: str, level: str) -> None:
    """Log to stderr, as `console` or `json`. For processes of pgq's own: importing pgq configures nothing."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if style == "json" else ForPeople())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("psycopg.pool").addFilter(OnceAMinute())
    if level != "debug":
        logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of its own inner life


class OnceAMinute(logging.Filter):
    """Lets a line a minute pass, without what follows its first line: a pool says so at each of its tries."""

    def __init__(self) -> None:
        super().__init__()
        self.said_at = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged."""
        now = time.monotonic()
        if now - self.said_at < MINUTE:
            return False
        self.said_at = now
        record.msg, record.args = record.getMessage().partition("\n")[0], ()
        return True


class ForPeople(logging.Formatter):
    """`2030-01-31 08:00:00Z INFO pgq.worker: …`, and the task's id when a record is about one."""

    def format(self, record: logging.LogRecord) -> str:
        record.at = f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%d %H:%M:%SZ}"
        record.about = f" [{task_id}]" if (task_id := getattr(record, "task_id", None)) else ""
        return super().format(record)

    def __init__(self) -> None:
        super().__init__("%(at)s %(levelname)s %(name)s%(about)s: %(message)s")


class JsonLines(logging.Formatter):
    """One JSON object a record, with what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "at": json_value(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in USUAL},
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, default=str, ensure_ascii=False)
