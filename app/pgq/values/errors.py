"""Everything that pgq raises.

PgqError
├── SettingsError           a setting is missing or wrong
├── SchemaError             the database holds no schema, a foreign one, or another version's
├── DatabaseUnavailable     no answer from the database
│   └── AnswerLost          ... which may have done what it was asked
├── DuplicateKind           two handlers of one app claim the same kind
├── InvalidTask             a field of a submitted task is wrong (.field, .reason)
├── DuplicateTask           the task's id is in use already
├── UnknownParent           a task that another one is to depend on does not exist (.parent_id)
├── QueueFull               as many tasks wait in the queue as its max_depth allows (.queue, .max_depth)
├── IdempotencyConflict     the key belongs to another request
├── TaskNotFound            no such task
├── ScheduleNotFound        no such schedule
├── ScheduleExists          the schedule's name is taken
├── ScheduleInCode          an app's code declares the schedule: it is changed there
├── WorkflowNotFound        no such workflow
├── WrongState              the task's state, or the workflow's, does not allow this
└── TaskFailed              what result() raises (.task_id, .state, .error)
    ├── TaskDead
    ├── TaskCancelled
    └── TaskExpired
"""

from uuid import UUID

from pgq.values.task import TaskError


class PgqError(Exception):
    """The root of pgq's errors: `except pgq.PgqError` catches them all."""


class SettingsError(PgqError):
    """A setting is missing or wrong; the message names it and the remedy."""


class SchemaError(PgqError):
    """The database's schema does not fit this version of pgq; the message says which command mends it."""


class DatabaseUnavailable(PgqError):
    """The database did not answer."""


class AnswerLost(DatabaseUnavailable):
    """The connection broke, or was given up, before the answer came: what was asked may have been done, or not.

    A submit with a key can be repeated with the same key: if the first one was done, it answers that task's id.
    """


class NotAllowed(PgqError):
    """The database user may not do this; the message names the role that may."""


class DuplicateKind(PgqError):
    """A second handler was registered for a kind."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"kind {kind!r} has a handler already; give one of them another name with @task(kind=...)")
        self.kind = kind


class InvalidTask(PgqError):
    """A field of a task was refused at the door. `position` is the task's index in a bulk submit."""

    def __init__(self, field: str, reason: str, position: int | None = None) -> None:
        where = "" if position is None else f"task {position}: "
        super().__init__(f"{where}{field}: {reason}")
        self.field = field
        self.reason = reason
        self.position = position


class DuplicateTask(PgqError):
    """The id that the caller chose belongs to another task."""


class UnknownParent(PgqError):
    """No task has an id of `depends_on`, or its retention has ended. `position`: the task's index in a bulk submit."""

    def __init__(self, parent_id: UUID, position: int | None = None) -> None:
        where = "" if position is None else f"task {position}: "
        super().__init__(f"{where}depends_on: no task has the id {parent_id}, or its retention has ended")
        self.parent_id = parent_id
        self.position = position


class QueueFull(PgqError):
    """The queue holds as many waiting tasks as its `max_depth` allows; nothing was submitted. Try again later."""

    def __init__(self, message: str, queue: str, max_depth: int | None) -> None:
        super().__init__(message)
        self.queue = queue
        self.max_depth = max_depth


class IdempotencyConflict(PgqError):
    """The idempotency key was used for another request within its window."""


class InvalidPayload(PgqError):
    """A task's payload does not fit its handler, now that it is to run: no attempt can succeed."""


class InvalidResult(PgqError):
    """A task's result does not fit the return type of its handler."""


class TaskNotFound(PgqError):
    """No task has this id, or its retention has ended."""

    def __init__(self, task_id: UUID) -> None:
        super().__init__(f"no task has the id {task_id}")
        self.task_id = task_id


class WorkflowNotFound(PgqError):
    """No workflow has this id, or its retention has ended."""

    def __init__(self, workflow_id: UUID) -> None:
        super().__init__(f"no workflow has the id {workflow_id}")
        self.workflow_id = workflow_id


class WrongState(PgqError):
    """What was asked is not possible in the task's state, or the workflow's, whose id is `task_id` then."""

    def __init__(self, task_id: UUID, state: str, why: str, what: str = "task") -> None:
        super().__init__(f"{what} {task_id} is {state}: {why}")
        self.task_id = task_id
        self.state = state


class ScheduleNotFound(PgqError):
    """No schedule has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no schedule has the name {name!r}")
        self.name = name


class ScheduleExists(PgqError):
    """A schedule has this name already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"a schedule has the name {name!r} already; replace it, or give this one another name")
        self.name = name


class ScheduleInCode(PgqError):
    """The schedule is declared with `@app.schedule`, and workers that have it are alive."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"schedule {name!r} is declared in an app's code: change it there. It can be paused, resumed and run here"
        )
        self.name = name


class TaskFailed(PgqError):
    """The task ended without a result. `state` says how, `error` why (type, message, traceback), if known."""

    def __init__(self, task_id: UUID, state: str, error: TaskError | None) -> None:
        why = f": {error.type}: {error.message}" if error else ""
        super().__init__(f"task {task_id} is {state}{why}")
        self.task_id = task_id
        self.state = state
        self.error = error


class TaskDead(TaskFailed):
    """The task is in the dead letters."""


class TaskCancelled(TaskFailed):
    """The task was cancelled."""


class TaskExpired(TaskFailed):
    """The task was not started before its `expires_at`."""
