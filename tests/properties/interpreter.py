"""What pgq promises of tasks that wait for others, in plain Python: no table, no lock, one thing after the other."""

from collections.abc import Sequence
from dataclasses import dataclass, field

LIVE = ("blocked", "pending", "running")


@dataclass
class Node:
    """A task, its parents, and for which of them it still waits."""

    parents: list[int] = field(default_factory=list)
    policy: str = "cancel"
    state: str = "pending"
    attempt: int = 0
    waits: set[int] = field(default_factory=set)


@dataclass
class Graph:
    """All tasks, in the order in which they came."""

    nodes: list[Node] = field(default_factory=list)

    def having(self, *states: str) -> list[int]:
        """The numbers of the tasks in one of these states."""
        return [n for n, node in enumerate(self.nodes) if node.state in states]

    def submit(self, parents: Sequence[int], policy: str) -> int:
        """A new task; what its parents are like already, it is told at once."""
        node = Node(list(parents), policy)
        self.nodes.append(node)
        number = len(self.nodes) - 1
        for parent in parents:
            state = self.nodes[parent].state
            if state in LIVE or (state == "dead" and policy == "wait"):
                node.waits.add(parent)
                node.state = "blocked"
        for parent in parents:
            if node.state in LIVE and self.nodes[parent].state not in LIVE:
                self.hear(number, parent)
        return number

    def end(self, number: int, state: str) -> None:
        """A task ends, and all that wait for it hear of it."""
        node = self.nodes[number]
        node.state = state
        node.waits.clear()
        for child, other in enumerate(self.nodes):
            if number in other.waits:
                self.hear(child, number)

    def end_together(self, numbers: Sequence[int], state: str) -> None:
        """Several end at once: none of them is cancelled for another."""
        for number in numbers:
            self.nodes[number].state = state
            self.nodes[number].waits.clear()
        for number in numbers:
            self.end(number, state)

    def hear(self, number: int, parent: int) -> None:
        """What the end of one parent means for a task."""
        node, state = self.nodes[number], self.nodes[parent].state
        if state == "succeeded" or node.policy == "run":
            node.waits.discard(parent)
            if not node.waits:
                node.state = "pending"
        elif not (state == "dead" and node.policy == "wait"):
            self.end(number, "cancelled")

    def redrive(self, number: int) -> None:
        """A dead letter comes back, and does not wait for its own parents again."""
        self.nodes[number].state, self.nodes[number].attempt = "pending", 0

    def retry(self, number: int) -> int:
        """A new task like one that has ended; one that never began waits for those of its parents that live."""
        old = self.nodes[number]
        live = [parent for parent in old.parents if self.nodes[parent].state in LIVE] if old.attempt == 0 else []
        self.nodes.append(Node(old.parents, old.policy, "blocked" if live else "pending", waits=set(live)))
        return len(self.nodes) - 1
