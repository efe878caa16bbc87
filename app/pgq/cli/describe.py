"""A task in words, for people."""

import json
from collections.abc import Sequence
from typing import Any

from pgq.cli.output import cell, first_line, show, show_table
from pgq.values.task import Progress, TaskError, TaskStatus

SHOWN_PARENTS = 100
"""So many parents of a task are shown one by one."""


def in_a_line(task: TaskStatus) -> str:
    """The state, and what there is to say of it."""
    match task.state:
        case "running" if task.cancel_requested_at:
            more = f"attempt {task.attempt} of {task.max_attempts}, told to stop at {cell(task.cancel_requested_at)}"
        case "running":
            more = f"attempt {task.attempt} of {task.max_attempts} on worker {task.worker_id}"
            more += f", {how_far(task.progress)}" if task.progress else ""
        case "scheduled" | "retrying":
            more = f"runs at {cell(task.run_at)}" + (f", after {why(task)}" if task.error else "")
        case "blocked":
            more = f"waits for {len(task.depends_on)} tasks" if len(task.depends_on) > 1 else "waits for another task"
        case "pending":
            more = f"in queue {task.queue}"
        case "succeeded":
            more = f"at attempt {task.attempt}"
        case _:
            more = why(task)
    return f"{task.state}: {more}" if more else task.state


def how_far(progress: Progress) -> str:
    """A progress in a few words."""
    return f"{progress.value:.0%}" + (f" ({first_line(progress.message)})" if progress.message else "")


def why(task: TaskStatus, longest: int = 300) -> str:
    """The last error in a line, or nothing."""
    return error_line(task.error, longest) if task.error else ""


def error_line(error: TaskError, longest: int = 120) -> str:
    return first_line(f"{error.type}: {error.message}", longest)


def show_tasks(tasks: Sequence[TaskStatus]) -> None:
    """A list of tasks."""
    show_table(
        ["id", "state", "kind", "queue", "priority", "attempt", "created", "runs at"],
        (
            (t.id, t.state, t.kind, t.queue, t.priority, f"{t.attempt}/{t.max_attempts}", t.created_at, t.run_at)
            for t in tasks
        ),
    )


def show_dead_letters(tasks: Sequence[TaskStatus]) -> None:
    """A list of dead letters."""
    show_table(
        ["id", "kind", "queue", "attempts", "dead since", "error"],
        ((t.id, t.kind, t.queue, t.attempt, t.finished_at, why(t, 120)) for t in tasks),
    )


def show_summary(task: TaskStatus) -> None:
    """What is worth knowing of one task; what is not set is left out."""
    facts: dict[str, object] = {
        "id": task.id,
        "kind": task.kind,
        "queue": task.queue,
        "state": in_a_line(task),
        "priority": task.priority,
        "attempts": f"{task.attempt} of {task.max_attempts}",
        "created": task.created_at,
        "run at": task.run_at,
        "expires": task.expires_at,
        "started": task.started_at,
        "finished": task.finished_at,
        "progress": f"{how_far(task.progress)} at {cell(task.progress.at)}" if task.progress else None,
        "key": task.idempotency_key,
        "workflow": task.workflow_id,
        "schedule": task.schedule,
        "parents": parents_in_a_line(task) if task.depends_on else None,
        "tags": task.tags or None,
        "headers": json.dumps(task.headers, ensure_ascii=False) if task.headers else None,
    }
    for name, value in facts.items():
        if value is not None:
            show(f"{name + ':':<11}{cell(value)}")


def parents_in_a_line(task: TaskStatus) -> str:
    """How many tasks it depends on, and what becomes of it when one fails."""
    return f"{len(task.depends_on)}; when one fails: {task.on_parent_failure or 'cancel'}"


def show_everything(task: TaskStatus, parents: Sequence[TaskStatus], failed: Sequence[dict[str, Any]]) -> None:
    """One task with its payload, its result or error, its parents, and the attempts that failed."""
    show_summary(task)
    show(f"{'timeout:':<11}{task.timeout_seconds:g} s")
    show(f"{'payload:':<11}{json.dumps(task.payload, ensure_ascii=False)}")
    if task.state == "succeeded":
        show(f"{'result:':<11}{json.dumps(task.result, ensure_ascii=False)}")
    for parent in parents:
        show(f"parent {parent.id} ({parent.kind}) is {in_a_line(parent)}")
    if left := len(task.depends_on) - len(parents):
        show(f"parents {'forgotten' if len(task.depends_on) <= SHOWN_PARENTS else 'forgotten or not shown'}: {left:,}")
    for attempt in failed:
        why_it_failed = error_line(TaskError.of(attempt["error"]), 300)
        show(f"attempt {attempt['attempt']} failed at {cell(attempt['failed_at'])}: {why_it_failed}")
    if task.error and task.error.traceback:
        show(f"\n{task.error.traceback.rstrip()}\n{task.error.type}: {task.error.message}")
