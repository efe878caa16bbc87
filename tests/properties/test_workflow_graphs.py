"""Random workflows, random ends, against the interpreter: after every step the database says the same."""

import json
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pgq.db.outcomes import Finished, record
from pgq.db.sql import sql
from pgq.values.task import Claimed
from tests.properties.desk import OUTCOMES, Desk
from tests.properties.interpreter import LIVE
from tests.properties.workflow_interpreter import Flow, FlowGraph, Refused
from tests.verbs import A

BOUNDED = settings(
    settings.default,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # what fails may not take long to shrink
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
STEPS = (
    "submit", "add", "add", "start", "start", "finish", "finish", "finish", "keep", "keep", "cancel", "cancel_flow",
    "retry_flow", "retry_flow", "redrive", "purge", "expire", "retry",
)  # fmt: skip
MEANWHILE = ("finish", "keep", "cancel", "cancel_flow", "retry_flow", "expire")
POLICIES = st.sampled_from(["cancel", "cancel", "run", "run", "wait"])
ENDS = st.sampled_from(["complete", "complete", "complete", "bury", "bury", "cancel", "retry"])
ENDED_AS = {"complete": "succeeded", "bury": "dead", "cancel": "cancelled"}
TABLES = ("task_dependencies", "workflow_tasks", "workflow_changes", "workflows")


class Run:
    """Some workflows, in the database and in the interpreter."""

    def __init__(self, desk: Desk, data: st.DataObject) -> None:
        self.desk = desk
        self.data = data
        self.graph = FlowGraph()
        self.ids: list[UUID] = []
        self.flow_ids: list[UUID] = []
        self.running: dict[int, Claimed] = {}

    def some(self, among: Sequence[int], most: int) -> list[int]:
        return self.data.draw(st.lists(st.sampled_from(among), max_size=most, unique=True)) if among else []

    def a_flow(self) -> int:
        return self.data.draw(st.integers(0, len(self.flow_ids) - 1))

    def agreed(self, ours: Callable[[], Any], theirs: Callable[[], Any]) -> bool:
        """Do it on both sides; either both refuse, or they answer the same."""
        try:
            expected = theirs()
        except Refused:
            with pytest.raises(psycopg.Error) as refused:
                ours()
            assert refused.value.sqlstate == "PQ006"
            return False
        answer = ours()
        assert expected is None or answer == expected
        return True

    # Submitters

    def drawn(self, flow: Flow, many: int, callback: bool) -> tuple[list[dict[str, Any]], list[tuple[list[int], str]]]:
        """New tasks of a workflow, for both sides: as they are submitted, and their parents with their policies.

        A parent is one of these tasks, or one that is in the workflow already, by its name; or any other, by its id.
        """
        known = [n for n, node in enumerate(self.graph.nodes) if node.state != "purged"]
        new = range(len(self.ids), len(self.ids) + many)
        tasks, drafts = [], []
        for n in new:
            before = range(new.start, n)
            last = callback and n == new[-1]
            parents = list(before) if last else [*self.some(before, 2), *self.some(known, 1)]
            policy = "run" if last else self.data.draw(POLICIES)
            task = {"name": f"n{n}", "kind": "echo", "max_attempts": 2}
            if parents:
                by_name = [*flow.members, *before]
                task["depends_on"] = [f"n{p}" if p in by_name else str(self.ids[p]) for p in parents]
                task["on_parent_failure"] = policy
            tasks.append(task)
            drafts.append((parents, policy))
        return tasks, drafts

    def joined(self, flow: Flow, drafts: Sequence[tuple[list[int], str]]) -> None:
        """They are there, on both sides."""
        place = self.graph.flows.index(flow)
        for parents, policy in drafts:
            n = self.graph.join(flow, parents, policy)
            [row] = self.desk.rows(
                "SELECT task_id FROM pgq.workflow_tasks WHERE workflow_id = %s AND name = %s",
                self.flow_ids[place], f"n{n}",
            )  # fmt: skip
            self.ids.append(row["task_id"])

    def submit(self) -> None:
        flow = Flow(self.data.draw(st.sampled_from(["cancel", "cancel", "continue"])))
        tasks, drafts = self.drawn(flow, self.data.draw(st.integers(1, 5)), self.data.draw(st.booleans()))
        self.flow_ids.append(uuid4())
        whole = {"id": str(self.flow_ids[-1]), "name": "w", "on_failure": flow.on_failure, "tasks": tasks}
        self.desk.run("SELECT pgq.submit_workflow(%s::jsonb)", json.dumps(whole))
        self.graph.flows.append(flow)
        self.joined(flow, drafts)

    def add(self) -> None:
        """In a transaction that stays open, sometimes, while something else happens."""
        place = self.a_flow()
        flow = self.graph.flows[place]
        tasks, drafts = self.drawn(flow, self.data.draw(st.integers(1, 2)), callback=False)
        with psycopg.connect(self.desk.connection.info.dsn) as adder:
            if self.agreed(
                lambda: adder.execute(
                    "SELECT pgq.add_workflow_tasks(%s, %s::jsonb)", [self.flow_ids[place], json.dumps(tasks)]
                ),
                lambda: self.graph.may_add(flow),
            ):
                for step in self.data.draw(st.lists(st.sampled_from(MEANWHILE), max_size=2)):
                    getattr(self, step)()
                adder.commit()
                flow.more = True
                self.joined(flow, drafts)

    # Workers

    def start(self) -> None:
        """Claim some, and no other."""
        numbers = self.some(self.graph.having("pending"), 4)
        self.desk.run("UPDATE pgq.tasks SET priority = 0 WHERE state <> 'running'")
        self.desk.run(
            "UPDATE pgq.tasks SET priority = 9, run_at = now() - interval '1 s' WHERE id = ANY (%s)",
            [self.ids[n] for n in numbers],
        )
        claimed = {one.id: one for one in self.desk.claim(A, len(numbers))} if numbers else {}
        assert set(claimed) == {self.ids[n] for n in numbers}
        for n in numbers:
            self.running[n] = claimed[self.ids[n]]
            self.graph.nodes[n].state = "running"
            self.graph.nodes[n].attempt += 1

    def finish(self) -> None:
        """Several attempts end together."""
        numbers = self.some(sorted(self.running), 4)
        self.end({n: self.data.draw(ENDS) for n in numbers})

    def end(self, outcomes: dict[int, str]) -> None:
        finished = [Finished(self.running.pop(n).lease, OUTCOMES[how]) for n, how in outcomes.items()]
        self.desk.wait_for(record(self.desk.session, A, finished))
        for n, how in outcomes.items():
            if how in ENDED_AS or n in self.graph.told:
                self.graph.end(n, ENDED_AS.get(how, "cancelled"))
            else:
                self.graph.nodes[n].state = "pending"

    # Operators and duties

    def keep(self) -> None:
        self.desk.duty("workflows")
        self.graph.keep()

    def cancel(self) -> None:
        for n in self.some(self.graph.having(*LIVE), 1):
            self.desk.cancel(self.ids[n])
            if n in self.running:
                self.graph.told.add(n)
            else:
                self.graph.end(n, "cancelled")

    def cancel_flow(self) -> None:
        place = self.a_flow()
        self.agreed(
            lambda: self.desk.run("SELECT pgq.cancel_workflow(%s)", self.flow_ids[place]),
            lambda: self.graph.cancel_flow(self.graph.flows[place]),
        )

    def retry_flow(self) -> None:
        place = self.a_flow()
        self.agreed(
            lambda: self.desk.rows("SELECT pgq.retry_workflow(%s) AS n", self.flow_ids[place])[0]["n"],
            lambda: self.graph.retry_flow(self.graph.flows[place]),
        )

    def redrive(self) -> None:
        for n in self.some(self.graph.having("dead"), 1):
            self.desk.redrive(self.ids[n])
            self.graph.redrive(n)

    def purge(self) -> None:
        for n in self.some(self.graph.having("dead"), 1):
            self.desk.connection.execute(sql("purge"), {"ids": [self.ids[n]]})
            self.graph.end(n, "purged")

    def expire(self) -> None:
        numbers = self.some(self.graph.having("blocked", "pending"), 2)
        ids = [self.ids[n] for n in numbers]
        self.desk.run("UPDATE pgq.tasks SET expires_at = clock_timestamp() WHERE id = ANY (%s)", ids)
        assert self.desk.duty("expirer") == len(numbers)
        for n in numbers:  # all at once: none of them is cancelled for another
            self.graph.nodes[n].state = "expired"
            self.graph.nodes[n].waits.clear()
        for n in numbers:
            self.graph.end(n, "expired")

    def retry(self) -> None:
        """A task on its own: what comes of it is of no workflow."""
        for n in self.some(self.graph.having("succeeded", "cancelled", "expired"), 1):
            [row] = self.desk.rows("SELECT pgq.retry(%s) AS id", self.ids[n])
            self.graph.retry(n)
            self.ids.append(row["id"])

    # What is

    def agree(self) -> None:
        """States, edges, counters and what workers are told; and what is shown of each workflow."""
        nodes = dict(zip(self.ids, self.graph.nodes, strict=True))
        found = self.desk.tasks()
        assert {task: row["state"] for task, row in found.items()} == {
            task: node.state for task, node in nodes.items() if node.state != "purged"
        }
        edges = {(row["parent_id"], row["child_id"]) for row in self.desk.rows("SELECT * FROM pgq.task_dependencies")}
        assert edges == {(self.ids[parent], task) for task, node in nodes.items() for parent in node.waits}
        live = self.desk.rows("SELECT id, state, waits_for, cancel_requested_at IS NOT NULL AS told FROM pgq.tasks")
        assert {row["id"]: row["waits_for"] for row in live if row["state"] == "blocked"} == {
            task: len(node.waits) for task, node in nodes.items() if node.state == "blocked"
        }
        assert {row["id"] for row in live if row["told"]} == {self.ids[n] for n in self.graph.told}
        shown = self.desk.rows(
            "SELECT id, state, total, live, succeeded, cancelled, expired, dead FROM pgq.workflow_status"
        )
        assert {row.pop("id"): row for row in shown} == {
            id: {"state": self.graph.state(flow), **self.graph.counts(flow)}
            for id, flow in zip(self.flow_ids, self.graph.flows, strict=True)
        }

    def all_end(self) -> None:
        """Whatever is left comes to an end: nothing waits for ever but for a dead letter."""
        while self.running or self.graph.having("pending"):
            self.start_all()
            self.end(dict.fromkeys(self.running, "complete"))
            self.agree()
        for node in self.graph.nodes:
            assert node.state not in LIVE or any(self.graph.nodes[n].state in (*LIVE, "dead") for n in node.waits)

    def start_all(self) -> None:
        claimed = {one.id: one for one in self.desk.claim(A, 100)}
        for n in self.graph.having("pending"):
            self.running[n] = claimed.pop(self.ids[n])
            self.graph.nodes[n].state = "running"
        assert not claimed


@BOUNDED
@given(data=st.data())
def test_random_workflows_with_random_ends_are_as_the_interpreter_says(dsn: str, data: st.DataObject) -> None:
    with Desk(dsn) as desk:
        desk.empty()
        for table in TABLES:
            desk.run(f"DELETE FROM pgq.{table}")
        run = Run(desk, data)
        run.submit()
        for _ in range(data.draw(st.integers(5, 30))):
            getattr(run, data.draw(st.sampled_from(STEPS)))()
            run.agree()
        run.all_end()
