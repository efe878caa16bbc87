"""A task that was submitted, in the hands of its submitter."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Generic, NoReturn, TypeVar, cast
from uuid import UUID

from pgq.client import follow
from pgq.client.access import Access
from pgq.values.duration import seconds
from pgq.values.errors import TaskCancelled, TaskDead, TaskExpired, TaskFailed
from pgq.values.task import TaskStatus

R = TypeVar("R")

FAILED: dict[str, type[TaskFailed]] = {"dead": TaskDead, "cancelled": TaskCancelled, "expired": TaskExpired}


class Handle(Generic[R]):
    """Follows one task. `created` is False when a known key was answered with the first task.

    Everything goes over the app's own connections: a task that was submitted inside a transaction is not found before
    its commit. All methods raise DatabaseUnavailable, and TaskNotFound for an id that nobody has (any more).
    """

    def __init__(
        self, access: Access, id: UUID, created: bool = False, result: Callable[[Any], R] | None = None
    ) -> None:
        self.id = id
        self.created = created
        self._access = access
        self._result = result

    def __repr__(self) -> str:
        return f"<pgq.Handle {self.id}>"

    def status(self) -> TaskStatus:
        """The task as it is now."""
        return self._access.run(follow.look(self.id))

    async def status_async(self) -> TaskStatus:
        """The task as it is now."""
        return await self._access.run_async(follow.look(self.id))

    def result(self, timeout: float | timedelta | None = None) -> R:
        """Wait for the end, at most `timeout` (seconds or timedelta; None waits for ever), and give the result.

        The result has the handler's return type; through a handle without a handler it is plain JSON. Raises TaskDead,
        TaskCancelled or TaskExpired (all TaskFailed), or TimeoutError.
        """
        return self._result_of(self._access.run(follow.wait(self.id, limit(timeout))))

    async def result_async(self, timeout: float | timedelta | None = None) -> R:  # noqa: ASYNC109
        """The same in async code."""
        return self._result_of(await self._access.run_async(follow.wait(self.id, limit(timeout))))

    def cancel(self) -> str:
        """Cancel the task: `cancelled`, or `requested` when it runs and its handler was told.

        Raises WrongState when it has ended.
        """
        return self._access.run(follow.cancel(self.id))

    async def cancel_async(self) -> str:
        """The same in async code."""
        return await self._access.run_async(follow.cancel(self.id))

    def retry(self) -> "Handle[R]":
        """Run the task again and follow that: a dead one is redriven, a scheduled or retrying one runs now, one that
        succeeded or was cancelled is submitted anew, under a new id.

        Raises WrongState when it runs.
        """
        return self._again(self._access.run(follow.retry(self.id)))

    async def retry_async(self) -> "Handle[R]":
        """The same in async code."""
        return self._again(await self._access.run_async(follow.retry(self.id)))

    def _again(self, id: UUID) -> "Handle[R]":
        return Handle(self._access, id, id != self.id, self._result)

    def _result_of(self, status: TaskStatus) -> R:
        if status.state != "succeeded":
            fail(status)
        return cast(R, status.result) if self._result is None else self._result(status.result)


def fail(status: TaskStatus) -> NoReturn:
    raise FAILED[status.state](status.id, status.state, status.error)


def limit(timeout: float | timedelta | None) -> float | None:
    return None if timeout is None else seconds(timeout, "timeout")
