"""A workflow that was submitted, in the hands of its submitter."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, TypeVar, overload
from uuid import UUID

from pgq.client import flows
from pgq.client.access import Access
from pgq.client.handle import Handle, limit
from pgq.client.submission import NewTask
from pgq.client.workflow import Addition, Node, Parent
from pgq.values.workflow import WorkflowStatus

R = TypeVar("R")


class WorkflowRun:
    """Follows one workflow, and adds tasks to it while it runs.

    Everything but adding goes over the app's own connections: a workflow that was submitted inside a transaction is not
    found before its commit. All methods raise DatabaseUnavailable, and WorkflowNotFound for an id that nobody has (any
    more). A node may also be given by its name, its result is plain JSON then. `created` is False when a known key was
    answered with the first run.
    """

    def __init__(self, access: Access, id: UUID, ids: Mapping[str, UUID] | None = None, created: bool = False) -> None:
        self.id = id
        self.created = created
        self._access = access
        self._ids = dict(ids or {})

    def __repr__(self) -> str:
        return f"<pgq.WorkflowRun {self.id}>"

    def status(self) -> WorkflowStatus:
        """The workflow as it is now: its state, how many of its tasks have ended and how."""
        return self._access.run(flows.look(self.id))

    async def status_async(self) -> WorkflowStatus:
        """The same in async code."""
        return await self._access.run_async(flows.look(self.id))

    def wait(self, timeout: float | timedelta | None = None) -> WorkflowStatus:
        """Wait until all tasks have ended, at most `timeout` (seconds or timedelta; None waits for ever).

        Whether they succeeded is in the answer's `state`. Raises TimeoutError.
        """
        return self._access.run(flows.wait(self.id, limit(timeout)))

    async def wait_async(self, timeout: float | timedelta | None = None) -> WorkflowStatus:  # noqa: ASYNC109
        """The same in async code."""
        return await self._access.run_async(flows.wait(self.id, limit(timeout)))

    @overload
    def result(self, node: Node[R], timeout: float | timedelta | None = None) -> R: ...
    @overload
    def result(self, node: str, timeout: float | timedelta | None = None) -> Any: ...
    def result(self, node: Node[Any] | str, timeout: float | timedelta | None = None) -> Any:
        """Wait for one task and give its result, as `Handle.result` does."""
        return self.handle(node).result(timeout)

    @overload
    async def result_async(self, node: Node[R], timeout: float | timedelta | None = None) -> R: ...  # noqa: ASYNC109
    @overload
    async def result_async(self, node: str, timeout: float | timedelta | None = None) -> Any: ...  # noqa: ASYNC109
    async def result_async(self, node: Node[Any] | str, timeout: float | timedelta | None = None) -> Any:  # noqa: ASYNC109
        """The same in async code."""
        return await (await self.handle_async(node)).result_async(timeout)

    @overload
    def handle(self, node: Node[R]) -> Handle[R]: ...
    @overload
    def handle(self, node: str) -> Handle[Any]: ...
    def handle(self, node: Node[Any] | str) -> Handle[Any]:
        """Follow one task. Raises InvalidTask for a name that the workflow does not have."""
        name = name_of(node)
        if name not in self._ids:
            self._ids[name] = self._access.run(flows.task_id(self.id, name))
        return self._follow(node)

    @overload
    async def handle_async(self, node: Node[R]) -> Handle[R]: ...
    @overload
    async def handle_async(self, node: str) -> Handle[Any]: ...
    async def handle_async(self, node: Node[Any] | str) -> Handle[Any]:
        """The same in async code."""
        name = name_of(node)
        if name not in self._ids:
            self._ids[name] = await self._access.run_async(flows.task_id(self.id, name))
        return self._follow(node)

    def cancel(self) -> WorkflowStatus:
        """Cancel all tasks that have not ended; handlers that run are told. Raises WrongState when it does not run."""
        return self._access.run(flows.cancel(self.id))

    async def cancel_async(self) -> WorkflowStatus:
        """The same in async code."""
        return await self._access.run_async(flows.cancel(self.id))

    def retry(self) -> WorkflowStatus:
        """Run again what is dead, cancelled or expired, under the same ids; what has succeeded stays.

        Raises WrongState when there is nothing such, or while its tasks are being cancelled, and QueueFull when a queue
        is full that some of it would wait in: nothing has come back then.
        """
        return self._access.run(flows.retry(self.id))

    async def retry_async(self) -> WorkflowStatus:
        """The same in async code."""
        return await self._access.run_async(flows.retry(self.id))

    def more(self) -> Addition:
        """Put several tasks together that are added at once: `more = run.more(); more.add(...); more.submit()`."""
        return Addition(self._access, self.id, self._ids)

    def add(
        self,
        task: NewTask[R],
        *,
        name: str | None = None,
        depends_on: Sequence[Parent] = (),
        on_parent_failure: Literal["cancel", "run", "wait"] | None = None,
        connection: Any = None,
    ) -> Node[R]:
        """Add one task while the workflow runs, for instance from one of its handlers; see `Workflow.add`.

        name: default the kind and a random ending. Raises WrongState when the workflow does not run any more.
        """
        more = self.more()
        node = more.add(task, name=name, depends_on=depends_on, on_parent_failure=on_parent_failure)
        more.submit(connection=connection)
        return node

    async def add_async(
        self,
        task: NewTask[R],
        *,
        name: str | None = None,
        depends_on: Sequence[Parent] = (),
        on_parent_failure: Literal["cancel", "run", "wait"] | None = None,
        connection: Any = None,
    ) -> Node[R]:
        """The same in async code."""
        more = self.more()
        node = more.add(task, name=name, depends_on=depends_on, on_parent_failure=on_parent_failure)
        await more.submit_async(connection=connection)
        return node

    def _follow(self, node: Node[Any] | str) -> Handle[Any]:
        read = node.result if isinstance(node, Node) else None
        return Handle(self._access, self._ids[name_of(node)], True, read)


def name_of(node: Node[Any] | str) -> str:
    return node.name if isinstance(node, Node) else node
