"""Random graphs of tasks, random ends, against the interpreter: after every step the database says the same."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from pgq.db.outcomes import Finished, record
from pgq.db.sql import sql
from pgq.values.task import Claimed
from tests.properties.desk import OUTCOMES, Desk
from tests.properties.interpreter import LIVE, Graph
from tests.verbs import A

BOUNDED = settings(
    settings.default,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
STEPS = (
    "submit", "submit", "submit", "submit by copy", "give up a submit", "batch", "batch", "lose", "cancel", "expire",
    "redrive", "purge", "retry", "prune", "end unnoticed",
)  # fmt: skip
POLICIES = st.sampled_from(["cancel", "cancel", "run", "wait"])
ENDS = st.sampled_from(["complete", "complete", "complete", "bury", "cancel", "retry"])
ENDED_AS = {"complete": "succeeded", "bury": "dead", "cancel": "cancelled"}
NOBODY_KNOWS = ("purged", "forgotten")


class Run:
    """One graph, in the database and in the interpreter."""

    def __init__(self, desk: Desk, data: st.DataObject) -> None:
        self.desk = desk
        self.data = data
        self.graph = Graph()
        self.ids: list[UUID] = []

    def some(self, among: Sequence[int], most: int) -> list[int]:
        return self.data.draw(st.lists(st.sampled_from(among), max_size=most, unique=True)) if among else []

    # Submitters

    def submit(self, step: str) -> None:
        """New tasks; sometimes in a transaction that stays open while something else happens."""
        parents = self.some([n for n, node in enumerate(self.graph.nodes) if node.state not in NOBODY_KNOWS], 3)
        policy = self.data.draw(POLICIES)
        task = uuid4()
        with psycopg.connect(self.desk.connection.info.dsn, row_factory=dict_row) as submitter:
            self.insert(submitter, task, [self.ids[n] for n in parents], policy, by_copy=step == "submit by copy")
            if self.data.draw(st.booleans()):
                self.step(self.data.draw(st.sampled_from([one for one in STEPS if "submit" not in one])))
            submitter.commit()
        self.ids.append(task)
        self.graph.submit(parents, policy)

    def give_up_a_submit(self) -> None:
        """From a savepoint on: what came before it stays, though it is told to nobody before the commit."""
        kept, given_up = uuid4(), uuid4()
        parents = self.some(self.graph.having(*LIVE), 2)
        with psycopg.connect(self.desk.connection.info.dsn, row_factory=dict_row) as submitter:
            self.insert(submitter, kept, [self.ids[n] for n in parents], "cancel", by_copy=False)
            with submitter.transaction(force_rollback=True):
                self.insert(submitter, given_up, [kept, *(self.ids[n] for n in parents)], "run", by_copy=False)
        self.ids.append(kept)
        self.graph.submit(parents, "cancel")

    def insert(self, on: Connection[DictRow], task: UUID, parents: list[UUID], policy: str, *, by_copy: bool) -> None:
        row = (task, "echo", 2, parents or None, policy if parents else None)
        columns = "id, kind, max_attempts, depends_on, on_parent_failure"
        if by_copy:
            with on.cursor().copy(f"COPY pgq.tasks ({columns}) FROM STDIN".encode()) as copy:
                copy.write_row(row)
        else:
            on.execute(f"INSERT INTO pgq.tasks ({columns}) VALUES (%s, %s, %s, %s, %s)".encode(), row)

    # Workers

    def claim(self, numbers: list[int]) -> list[Claimed]:
        """These tasks and no other."""
        self.desk.run("UPDATE pgq.tasks SET priority = 0")
        self.desk.run(
            "UPDATE pgq.tasks SET priority = 9, run_at = now() - interval '1 s' WHERE id = ANY (%s)",
            [self.ids[n] for n in numbers],
        )
        claimed = {one.id: one for one in self.desk.claim(A, len(numbers))} if numbers else {}
        assert set(claimed) == {self.ids[n] for n in numbers}
        for n in numbers:
            self.graph.nodes[n].attempt += 1
        return [claimed[self.ids[n]] for n in numbers]

    def batch(self) -> None:
        """Several attempts end together."""
        numbers = self.some(self.graph.having("pending"), 4)
        outcomes = [self.data.draw(ENDS) for _ in numbers]
        claimed = self.claim(numbers)
        told = self.tell(numbers)
        finished = [Finished(one.lease, OUTCOMES[how]) for one, how in zip(claimed, outcomes, strict=True)]
        self.desk.wait_for(record(self.desk.session, A, finished))
        for kinds in (("complete", "cancel"), ("bury",), ("retry",)):  # a statement each, and a transaction
            for n, how in zip(numbers, outcomes, strict=True):
                if how in kinds and (how in ENDED_AS or n in told):
                    self.graph.end(n, ENDED_AS.get(how, "cancelled"))

    def lose(self) -> None:
        """Workers die: their leases run out."""
        numbers = self.some(self.graph.having("pending"), 3)
        claimed = self.claim(numbers)
        told = self.tell(numbers)
        for one in claimed:
            self.desk.expire_lease(one.id)
        assert self.desk.reap() == len(numbers)
        for n in numbers:
            if n in told or self.graph.nodes[n].attempt >= 2:
                self.graph.end(n, "cancelled" if n in told else "dead")

    def tell(self, numbers: list[int]) -> list[int]:
        """Some of those that run are to be cancelled."""
        told = self.some(numbers, 1)
        for n in told:
            assert self.desk.cancel(self.ids[n]) == "requested"
        return told

    # Operators and duties

    def cancel(self) -> None:
        numbers = self.some(self.graph.having("blocked", "pending"), 3)
        self.desk.connection.execute(sql("cancel_many"), {"ids": [self.ids[n] for n in numbers]})
        self.graph.end_together(numbers, "cancelled")

    def expire(self) -> None:
        numbers = self.some(self.graph.having("blocked", "pending"), 3)
        ids = [self.ids[n] for n in numbers]
        self.desk.run("UPDATE pgq.tasks SET expires_at = clock_timestamp() WHERE id = ANY (%s)", ids)
        assert self.desk.duty("expirer") == len(numbers)
        self.graph.end_together(numbers, "expired")

    def redrive(self) -> None:
        numbers = self.some(self.graph.having("dead"), 2)
        verb = self.data.draw(st.sampled_from(["redrive_many", "retry_many"]))
        self.desk.connection.execute(sql(verb), {"ids": [self.ids[n] for n in numbers]})
        for n in numbers:
            self.graph.redrive(n)

    def purge(self) -> None:
        numbers = self.some(self.graph.having("dead"), 2)
        self.desk.connection.execute(sql("purge"), {"ids": [self.ids[n] for n in numbers]})
        self.graph.end_together(numbers, "purged")

    def prune(self) -> None:
        """The retention of some that have ended is over."""
        numbers = self.some(self.graph.having("succeeded", "cancelled", "expired"), 3)
        self.desk.run("DELETE FROM pgq.task_history WHERE id = ANY (%s)", [self.ids[n] for n in numbers])
        for n in numbers:
            self.graph.nodes[n].state = "forgotten"

    def retry(self) -> None:
        for n in self.some(self.graph.having("succeeded", "cancelled", "expired"), 1):
            [row] = self.desk.rows("SELECT pgq.retry(%s) AS id", self.ids[n])
            self.graph.retry(n)
            self.ids.append(row["id"])

    def end_unnoticed(self) -> None:
        """An older version ends tasks, and the backstop finds out."""
        numbers = self.some(self.graph.having("pending"), 3)
        self.desk.run(
            "WITH gone AS (DELETE FROM pgq.tasks WHERE id = ANY (%s) RETURNING *) "
            "INSERT INTO pgq.task_history (id, lease_epoch, created_at, run_at, timeout_seconds, priority, attempt,"
            " max_attempts, state, queue, kind, tags, headers, payload, depends_on, on_parent_failure) "
            "SELECT id, lease_epoch, created_at, run_at, timeout_seconds, priority, attempt,"
            " max_attempts, 'succeeded', queue, kind, tags, headers, payload, depends_on, on_parent_failure FROM gone",
            [self.ids[n] for n in numbers],
        )
        self.desk.duty("unblocker")
        for n in numbers:
            self.graph.end(n, "succeeded")

    def step(self, name: str) -> None:
        if name.startswith("submit"):
            self.submit(name)
        else:
            getattr(self, name.replace(" ", "_"))()

    def agree(self) -> None:
        """States, edges and counters."""
        found = self.desk.tasks()
        nodes = dict(zip(self.ids, self.graph.nodes, strict=True))
        assert {task: row["state"] for task, row in found.items()} == {
            task: node.state for task, node in nodes.items() if node.state not in NOBODY_KNOWS
        }
        edges = {(row["parent_id"], row["child_id"]) for row in self.desk.rows("SELECT * FROM pgq.task_dependencies")}
        assert edges == {(self.ids[parent], task) for task, node in nodes.items() for parent in node.waits}
        counted = self.desk.rows("SELECT id, waits_for FROM pgq.tasks WHERE state = 'blocked'")
        assert {row["id"]: row["waits_for"] for row in counted} == {
            task: len(node.waits) for task, node in nodes.items() if node.state == "blocked"
        }

    def all_end(self) -> None:
        """Whatever is left comes to an end: nothing waits for ever but for a dead letter."""
        while numbers := self.graph.having("pending"):
            finished = [Finished(one.lease, OUTCOMES["complete"]) for one in self.claim(numbers)]
            self.desk.wait_for(record(self.desk.session, A, finished))
            for n in numbers:
                self.graph.end(n, "succeeded")
            self.agree()
        for node in self.graph.nodes:
            assert node.state not in LIVE or any(self.graph.nodes[n].state in (*LIVE, "dead") for n in node.waits)


@BOUNDED
@given(data=st.data())
def test_random_graphs_with_random_ends_are_as_the_interpreter_says(dsn: str, data: st.DataObject) -> None:
    with Desk(dsn) as desk:
        desk.empty()
        desk.run("DELETE FROM pgq.task_dependencies")
        run = Run(desk, data)
        for _ in range(3):
            run.submit("submit")
        for _ in range(data.draw(st.integers(5, 25))):
            run.step(data.draw(st.sampled_from(STEPS)))
            run.agree()
        run.all_end()
