"""The single submits of one process."""

from typing import Any
from uuid import UUID

from pgq.api.lanes import Accepted, Contended, KeyedLane, Lane, Wanted
from pgq.api.services import Services
from pgq.client.submission import NewTask


class Submitter:
    """Submits that come together share a statement and a commit; a lone one waits for nobody."""

    def __init__(self, services: Services) -> None:
        self.plain = Lane(services.conninfo)
        self.keyed = KeyedLane(services.conninfo, services.pools)

    async def submit(self, id: UUID, task: NewTask[Any], payload: dict[str, Any]) -> Accepted:
        """Store a task, whose fields hold the id too; returns after its commit.

        Raises InvalidTask, IdempotencyConflict, QueueFull, DatabaseUnavailable, and the problem `commit_unknown`.
        """
        wanted = Wanted(id, task, payload, task.to_json())
        lane = self.plain if task.key is None else self.keyed
        try:
            return await lane.gather.ask(wanted)
        except Contended:
            return await self.keyed.alone(wanted)

    async def close(self) -> None:
        """Finish what has gathered, then close the connections."""
        await self.plain.close()
        await self.keyed.close()
