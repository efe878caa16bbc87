"""Which measurements there are."""

from collections.abc import Callable, Iterator, Mapping

from pgq.bench import api, drain, fan_in, footprint, latency, order, protocol, schedules, snapshot, submit
from pgq.bench.figure import Figure

Measurement = Callable[[str, int], Iterator[Figure]]
"""From the conninfo of a server's administrator and a number of rounds to figures, each as soon as it is known."""

MEASUREMENTS: Mapping[str, Measurement] = {
    "drain": drain.figures,
    "submit": submit.figures,
    "latency": latency.figures,
    "snapshot": snapshot.figures,
    "idle": footprint.idle,
    "running": footprint.running,
    "fairness": order.fairness,
    "urgency": order.urgency,
    "fan-in": fan_in.figures,
    "api": api.figures,
    "protocol": protocol.figures,
    "schedules": schedules.figures,
}
