"""What pgq promises of workflows, in plain Python, on top of what it promises of tasks that wait for others."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.properties.interpreter import LIVE, Graph


class Refused(Exception):
    """The workflow is not in a state for that."""


@dataclass
class Flow:
    """A workflow: its tasks by their numbers, and what has been decided about it.

    failed, more: one of them has failed, some were added, and the duty that keeps workflows has not seen it yet.
    """

    on_failure: str
    members: list[int] = field(default_factory=list)
    requested: bool = False
    stopped: bool = False
    failed: bool = False
    more: bool = False


@dataclass
class FlowGraph(Graph):
    """All tasks, those of workflows among them. `told`: running tasks that are asked to stop."""

    flows: list[Flow] = field(default_factory=list)
    told: set[int] = field(default_factory=set)
    ended_as: dict[int, str] = field(default_factory=dict)

    def flow_of(self, number: int) -> Flow | None:
        return next((flow for flow in self.flows if number in flow.members), None)

    # What is shown

    def counts(self, flow: Flow) -> dict[str, int]:
        """A purged dead letter stays counted."""
        ends = [self.nodes[n].state for n in flow.members]
        return {
            "total": len(ends),
            "live": sum(one in LIVE for one in ends),
            "succeeded": ends.count("succeeded"),
            "cancelled": ends.count("cancelled"),
            "expired": ends.count("expired"),
            "dead": ends.count("dead") + ends.count("purged"),
        }

    def state(self, flow: Flow) -> str:
        counts = self.counts(flow)
        if counts["live"]:
            return "running"
        if flow.requested and counts["cancelled"]:
            return "cancelled"
        if counts["dead"] or counts["expired"]:
            return "failed"
        return "cancelled" if counts["cancelled"] else "succeeded"

    # What happens

    def join(self, flow: Flow, parents: Sequence[int], policy: str) -> int:
        """A new task of a workflow."""
        flow.members.append(len(self.nodes))  # before it hears of its parents, which may end it
        return self.submit(parents, policy if parents else "cancel")

    def may_add(self, flow: Flow) -> None:
        if self.state(flow) != "running" or flow.stopped:
            raise Refused

    def end(self, number: int, state: str) -> None:
        self.told.discard(number)
        flow = self.flow_of(number)
        if flow and state in ("dead", "expired"):
            flow.failed = True
        super().end(number, state)

    def keep(self) -> None:
        """The duty finds out who has failed."""
        for flow in self.flows:
            if (flow.failed and flow.on_failure == "cancel") or (flow.more and flow.stopped):
                flow.stopped = True
                self.stop(flow)
            flow.failed = flow.more = False

    def cancel_flow(self, flow: Flow) -> None:
        if self.state(flow) != "running":
            raise Refused
        flow.requested = flow.stopped = True
        self.stop(flow)

    def stop(self, flow: Flow) -> None:
        """What waits ends, what runs is told; after a failure, what is to run all the same is spared."""
        concerned = [n for n in flow.members if flow.requested or self.nodes[n].policy != "run"]
        self.told.update(n for n in concerned if self.nodes[n].state == "running")
        waiting = [n for n in concerned if self.nodes[n].state in ("blocked", "pending")]
        for n in waiting:  # all at once: none of them is cancelled for another
            self.nodes[n].state = "cancelled"
            self.nodes[n].waits.clear()
        for n in waiting:
            self.end(n, "cancelled")

    def reopen(self, flow: Flow) -> None:
        flow.requested = flow.stopped = flow.failed = False

    def redrive(self, number: int) -> None:
        super().redrive(number)
        if flow := self.flow_of(number):
            self.reopen(flow)

    def retry_flow(self, flow: Flow) -> int:
        """What has not succeeded runs again and waits again, and so does what runs anyway and has not begun."""
        back = [n for n in flow.members if self.nodes[n].state in ("dead", "cancelled", "expired")]
        if not back or self.told & set(flow.members):
            raise Refused
        for n in back:
            self.nodes[n].state, self.nodes[n].attempt = "pending", 0
        others = [
            n
            for n in flow.members
            if (node := self.nodes[n]).state in ("blocked", "pending") and node.policy == "run" and node.attempt == 0
        ]
        for n in {*back, *others}:
            node = self.nodes[n]
            node.waits |= {parent for parent in node.parents if self.nodes[parent].state in LIVE}
            node.state = "blocked" if node.waits else "pending"
        self.reopen(flow)
        return len(back)
