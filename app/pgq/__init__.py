"""pgq: a distributed task queue that needs nothing but PostgreSQL.

import pgq

queue = pgq.App()

@queue.task(queue="email", timeout=30)
def send_email(to: str, subject: str) -> dict: ...

handle = send_email.submit(to="ada@example.com", subject="hi")
handle.result(timeout=10)
"""

from pgq.client.app import App
from pgq.client.context import Context
from pgq.client.handle import Handle
from pgq.client.handler import Handler
from pgq.client.submission import NewTask
from pgq.client.workflow import Node, Workflow
from pgq.client.workflow_run import WorkflowRun
from pgq.values.backoff import exponential
from pgq.values.errors import (
    AnswerLost,
    DatabaseUnavailable,
    DuplicateKind,
    DuplicateTask,
    IdempotencyConflict,
    InvalidPayload,
    InvalidResult,
    InvalidTask,
    NotAllowed,
    PgqError,
    QueueFull,
    ScheduleExists,
    ScheduleInCode,
    ScheduleNotFound,
    SchemaError,
    SettingsError,
    TaskCancelled,
    TaskDead,
    TaskExpired,
    TaskFailed,
    TaskNotFound,
    UnknownParent,
    WorkflowNotFound,
    WrongState,
)
from pgq.values.parents import Parents
from pgq.values.raised import Bury, Cancel, Retry, Snooze
from pgq.values.task import Progress, TaskError, TaskStatus
from pgq.values.workflow import WorkflowStatus

__all__ = [
    "AnswerLost",
    "App",
    "Bury",
    "Cancel",
    "Context",
    "DatabaseUnavailable",
    "DuplicateKind",
    "DuplicateTask",
    "Handle",
    "Handler",
    "IdempotencyConflict",
    "InvalidPayload",
    "InvalidResult",
    "InvalidTask",
    "NewTask",
    "Node",
    "NotAllowed",
    "Parents",
    "PgqError",
    "Progress",
    "QueueFull",
    "Retry",
    "ScheduleExists",
    "ScheduleInCode",
    "ScheduleNotFound",
    "SchemaError",
    "SettingsError",
    "Snooze",
    "TaskCancelled",
    "TaskDead",
    "TaskError",
    "TaskExpired",
    "TaskFailed",
    "TaskNotFound",
    "TaskStatus",
    "UnknownParent",
    "Workflow",
    "WorkflowNotFound",
    "WorkflowRun",
    "WorkflowStatus",
    "WrongState",
    "exponential",
]
