"""EXPLAIN, as a tree that tests can ask."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pgq.db.sql import sql
from pgq.values.lanes import from_the_start
from tests.verbs import A, Connection, Database

Node = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """A plan with what happened when it ran."""

    root: Node

    def nodes(self, node: Node | None = None) -> Iterator[Node]:
        node = node or self.root
        yield node
        for child in node.get("Plans", ()):
            yield from self.nodes(child)

    def on(self, table: str) -> list[Node]:
        """The scans of a table."""
        return [node for node in self.nodes() if node.get("Relation Name") == table and "Scan" in node["Node Type"]]

    def scans(self, table: str) -> set[str]:
        """How a table is read: the kinds of scans, with their index."""
        return {" ".join(filter(None, (node["Node Type"], node.get("Index Name")))) for node in self.on(table)}

    def rows_read(self, table: str) -> int:
        """How many rows of a table were looked at, those that a filter removed included."""
        return sum(
            (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
            for node in self.on(table)
        )

    def rows_compared(self) -> int:
        """How many pairs of rows a join looked at in vain."""
        return sum(node.get("Rows Removed by Join Filter", 0) * node["Actual Loops"] for node in self.nodes())


async def explain(db: Database, name: str, parameters: Mapping[str, Any], on: Connection | None = None) -> Plan:
    """Run a shipped statement and tell how; what it does is rolled back."""
    connection = on or db.connection
    async with connection.transaction(force_rollback=True):
        cursor = await connection.execute(
            b"EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF, BUFFERS OFF) " + sql(name).encode(), parameters
        )
        row = await cursor.fetchone()
    assert row is not None
    return Plan(row[0][0]["Plan"])


async def explain_duty(db: Database, duty: str, name: str, parameters: Mapping[str, Any]) -> Plan:
    """The same for a statement of maintenance, under its turn."""
    session = await db.another()
    await db.value("SELECT set_config('pgq.turn', %s, false)", duty, on=session)
    return await explain(db, name, parameters, on=session)


def claim_of(
    room: int, queues: Sequence[str] = ("default",), kinds: Sequence[str] | None = ("echo",), durable: bool = True
) -> dict[str, Any]:
    """The parameters of a claim."""
    lanes = from_the_start(queues)
    return {
        "worker": A,
        "queues": list(queues),
        "budgets": [room] * len(queues),
        "kinds": None if kinds is None else list(kinds),
        "room": room,
        "lease": 60.0,
        "lanes": lanes.queues,
        "priorities": lanes.priorities,
        "since": [run_at for run_at, _ in lanes.positions],
        "since_ids": [task for _, task in lanes.positions],
        "durable": durable,
    }
