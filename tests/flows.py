"""Workflows as the tests speak of them, in SQL."""

import json
from typing import Any
from uuid import UUID

from pgq.values.outcome import BuryNow
from tests.verbs import DONE, FAILED, Connection, Database

DEAD = BuryNow(FAILED)


def node(name: str, *parents: str, **more: Any) -> dict[str, Any]:
    """A task of a workflow that depends on these others."""
    return {"kind": "echo", "name": name, "depends_on": list(parents), **more}


class Flow:
    """One workflow: its tasks by their names, a worker for them, and what is shown of it."""

    def __init__(self, db: Database, id: UUID) -> None:
        self.db = db
        self.id = id

    @classmethod
    async def submit(
        cls, db: Database, *tasks: dict[str, Any], on_failure: str = "cancel", on: Connection | None = None
    ) -> "Flow":
        whole = json.dumps({"name": "a flow", "on_failure": on_failure, "tasks": tasks})
        return cls(db, await db.value("SELECT pgq.submit_workflow(%s::jsonb)", whole, on=on))

    async def add(self, *tasks: dict[str, Any], on: Connection | None = None) -> None:
        await self.db.run("SELECT pgq.add_workflow_tasks(%s, %s::jsonb)", self.id, json.dumps(tasks), on=on)

    async def cancel(self, on: Connection | None = None) -> int:
        return int(await self.db.value("SELECT pgq.cancel_workflow(%s)", self.id, on=on))

    async def retry(self, on: Connection | None = None) -> int:
        return int(await self.db.value("SELECT pgq.retry_workflow(%s)", self.id, on=on))

    async def ids(self) -> dict[str, UUID]:
        rows = await self.db.rows("SELECT name, task_id FROM pgq.workflow_tasks WHERE workflow_id = %s", self.id)
        return {row["name"]: row["task_id"] for row in rows}

    async def states(self) -> dict[str, str]:
        """The state of each task."""
        return {name: await self.db.state(id) for name, id in (await self.ids()).items()}

    async def error_of(self, name: str) -> Any:
        return (await self.db.task((await self.ids())[name]))["error"]

    async def work(self, **outcomes: Any) -> list[str]:
        """Claim what is ready and end it: as asked, else well. The names of what was claimed."""
        names = {id: name for name, id in (await self.ids()).items()}
        claimed = {names[one.id]: one for one in await self.db.claim()}
        for name, one in claimed.items():
            assert await self.db.ends(one, outcomes.get(name, DONE))
        return sorted(claimed)

    async def keep(self) -> None:
        """A turn of the duty that keeps workflows, which changes nothing of what is counted by itself."""
        await self.db.tick("workflows")

    async def shown(self) -> dict[str, Any]:
        (row,) = await self.db.rows("SELECT * FROM pgq.workflow_status WHERE id = %s", self.id)
        return row

    async def state(self) -> str:
        return str((await self.shown())["state"])

    async def counts(self) -> dict[str, int]:
        """How many tasks are live, and how many ended in each way; nothing that is 0."""
        row = await self.shown()
        assert row["total"] == row["live"] + row["ended"]
        assert row["ended"] == row["succeeded"] + row["cancelled"] + row["expired"] + row["dead"]
        return {name: row[name] for name in ("live", "succeeded", "cancelled", "expired", "dead") if row[name]}

    async def counted(self) -> dict[str, int]:
        """The same, counted anew from the tasks' own rows."""
        found: dict[str, int] = {}
        for state in (await self.states()).values():
            name = state if state in ("succeeded", "cancelled", "expired", "dead") else "live"
            found[name] = found.get(name, 0) + 1
        return found
