"""What Prometheus is told: the queue as the database counts it, and the requests of this process."""

import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from pgq.api.access import Caller
from pgq.api.services import Services
from pgq.db import overview, statistics

FRESH_SECONDS = 3.0
"""However often it is scraped, the database is asked no more often."""

STATES = ("ready", "scheduled", "retrying", "blocked", "waiting", "running", "dead")
"""Disjoint: a task is in one of them."""
OUTCOMES = ("succeeded", "failed", "dead", "cancelled", "expired")
WORKER_STATES = ("running", "draining")


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the database said."""

    queues: Sequence[statistics.Row]
    counts: Sequence[statistics.Row]
    workers: Sequence[statistics.Row]
    at: float

    def seen_by(self, caller: Caller) -> "Numbers":
        """Those of the queues that the caller may see."""
        return Numbers(
            [one for one in self.queues if caller.may_see(one["queue"])],
            [one for one in self.counts if caller.may_see(one["queue"])],
            [one for one in self.workers if any(map(caller.may_see, one["queues"]))],
            self.at,
        )


class Metrics:
    """The metrics of one process."""

    def __init__(self, services: Services) -> None:
        self.pools = services.pools
        self.own = CollectorRegistry()
        ProcessCollector(registry=self.own)
        # Each process has its own, and a scrape reaches any of them: the label keeps them apart.
        self.requests = Histogram(
            "pgq_http_request_duration_seconds",
            "How long requests took that this process has answered.",
            ("method", "route", "status", "process"),
            registry=self.own,
        )
        self.process = str(os.getpid())
        self.child = cache(self.child_of)
        self.last: Numbers | None = None
        self.asking = threading.Lock()

    async def close(self) -> None:
        """Holds nothing."""

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self.child(method, route, status).observe(seconds)

    def child_of(self, method: str, route: str, status: int) -> Histogram:
        """The histogram of such requests: there are as many as there are routes and statuses."""
        return self.requests.labels(method, route, str(status), self.process)

    def numbers(self) -> Numbers:
        """The database's numbers, some seconds old at most. One thread asks, the others wait for it."""
        with self.asking:
            if self.last is None or time.monotonic() - self.last.at > FRESH_SECONDS:
                with self.pools.connection() as connection:
                    self.last = Numbers(
                        overview.queue_depth(connection),
                        statistics.task_counts(connection),
                        overview.worker_utilization(connection),
                        time.monotonic(),
                    )
            return self.last

    def registry(self, caller: Caller) -> CollectorRegistry:
        """All that the caller may see, to be written out."""
        registry = CollectorRegistry()
        registry.register(Collected(list(self.own.collect())))
        registry.register(Collected(list(families(self.numbers().seen_by(caller)))))
        return registry


class Collected(Collector):
    """Metrics that are there already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self.metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """All of them."""
        return self.metrics


def families(numbers: Numbers) -> Iterator[Metric]:
    """The metrics that are made of the database's numbers."""
    depth = GaugeMetricFamily("pgq_queue_depth", "Tasks in a queue, by disjoint states.", labels=["queue", "state"])
    oldest = GaugeMetricFamily(
        "pgq_queue_oldest_ready_seconds", "How long the oldest ready task has waited.", labels=["queue"]
    )
    paused = GaugeMetricFamily("pgq_queue_paused", "1 while the queue is paused.", labels=["queue"])
    for queue in numbers.queues:
        for state in STATES:
            depth.add_metric([queue["queue"], state], queue[state])
        oldest.add_metric([queue["queue"]], queue["oldest_ready_seconds"])
        paused.add_metric([queue["queue"]], float(queue["paused"]))
    yield from (depth, oldest, paused)
    yield from outcomes(numbers.counts)
    yield from of_workers(numbers.workers)


def outcomes(counts: Sequence[statistics.Row]) -> Iterator[Metric]:
    ended = CounterMetricFamily(
        "pgq_tasks", "Attempts and tasks that ended, by outcome; failed ones are tried again.",
        labels=["queue", "kind", "outcome"],
    )  # fmt: skip
    wait = HistogramMetricFamily(
        "pgq_task_wait_seconds", "From the time a task was due to the start of its attempt.", labels=["queue", "kind"]
    )
    run = HistogramMetricFamily(
        "pgq_task_duration_seconds", "From the start of an attempt to its end.", labels=["queue", "kind"]
    )
    for one in counts:
        labels = [one["queue"], one["kind"]]
        for outcome in OUTCOMES:
            ended.add_metric([*labels, outcome], one[outcome])
        wait.add_metric(labels, buckets(one["bounds"], one["wait"]), one["wait_seconds"])
        run.add_metric(labels, buckets(one["bounds"], one["run"]), one["run_seconds"])
    yield from (ended, wait, run)


def of_workers(workers: Sequence[statistics.Row]) -> Iterator[Metric]:
    alive = GaugeMetricFamily("pgq_workers", "Live workers.", labels=["state"])
    for state in WORKER_STATES:
        alive.add_metric([state], sum(one["state"] == state for one in workers))
    busy = GaugeMetricFamily(
        "pgq_worker_utilization", "How much of a worker's capacity is taken, from 0 to 1.", labels=["worker", "name"]
    )
    for one in workers:
        busy.add_metric([str(one["worker_id"]), one["name"]], one["utilization"])
    yield from (alive, busy)


def buckets(bounds: Sequence[float], counts: Sequence[Any]) -> list[tuple[str, float]]:
    """A histogram as Prometheus has it: each bucket also counts those before it."""
    ends = [*(f"{bound:g}" for bound in bounds), "+Inf"]
    return list(zip(ends, accumulate(counts), strict=True))
