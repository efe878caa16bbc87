"""All routers, in the order of the documentation."""

from collections.abc import Sequence

from fastapi import APIRouter

from pgq.api.routes import (
    audit,
    batch,
    bulk,
    dlq,
    follow,
    kinds,
    logs,
    metrics,
    parents,
    queues,
    schedules,
    stats,
    submit,
    system,
    tasks,
    tokens,
    worker_presence,
    worker_tasks,
    workers,
    workflows,
)

# The first ones are found soonest, and these are asked most.
routers: Sequence[APIRouter] = (
    worker_tasks.router,
    submit.router,
    batch.router,
    tasks.router,
    follow.router,
    logs.router,
    parents.router,
    bulk.router,
    dlq.router,
    queues.router,
    schedules.router,
    workflows.router,
    workers.router,
    worker_presence.router,
    kinds.router,
    tokens.router,
    audit.router,
    stats.router,
    metrics.router,
    system.router,
)
