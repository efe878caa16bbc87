"""What handlers say is kept with their task: in every executor, complete when it ends, harmless when it is much."""

import json
import subprocess
import sys
from typing import Any
from uuid import UUID

import psycopg
import pytest

import pgq
from pgq.db.task_logs import LogEntry, task_logs
from pgq.values.report import MOST_LINES, NO_MORE
from tests.tasks import Tasks, tasks_of
from tests.until import until
from tests.workers import LONG_LEASE, Fleet

APP = "tests.process.report_app"


def log_of(fleet: Fleet, task: UUID) -> list[LogEntry]:
    """All of it."""
    with psycopg.connect(fleet.conninfo, autocommit=True) as connection:
        return task_logs(connection, task, limit=100_000)


def messages(fleet: Fleet, task: UUID) -> list[str]:
    return [entry.message for entry in log_of(fleet, task)]


def progress(tasks: Tasks, task: UUID) -> Any:
    return tasks.value("SELECT progress FROM pgq.task_status WHERE id = %s", task)


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        ("on_the_loop", "on the loop"),
        ("in_a_thread", "in a thread"),
        ("in_a_process", "in a process"),
        ("coroutine_in_a_process", "in a process"),
    ],
)
def test_the_log_of_a_task_is_complete_when_it_has_ended(fleet: Fleet, kind: str, where: str) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        worker = fleet.start(APP)
        task = tasks.submit(kind)

        assert tasks.ended(task).state == "succeeded"

        log = log_of(fleet, task)
        assert [(entry.n, entry.attempt, entry.level, entry.logger, entry.message) for entry in log] == [
            (1, 1, "info", "shop.images", f"logged {where}"),
            (2, 1, "info", "print", f"printed {where}"),
            (3, 1, "warning", "pgq.task", "its own log, attempt 1"),
        ]
        assert tasks.value(
            "SELECT bool_and(l.logged_at BETWEEN s.started_at AND s.finished_at)"
            " FROM pgq.task_logs AS l JOIN pgq.task_status AS s ON s.id = l.task_id"
        )
        said = progress(tasks, task)
        assert (said["value"], said["message"]) == (0.4, f"resizing {where}")
        worker.wait_to_hear(f"printed {where}")  # it is printed and logged all the same, once
        assert worker.said().count(f"logged {where}") == 1
        assert worker.said().count("its own log, attempt 1") == 1


def test_nothing_but_what_handlers_say_is_kept(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        worker = fleet.start(APP, log_level="debug")
        for _ in range(20):
            tasks.ended(tasks.submit("quiet"))
        failed = tasks.submit("no_such_argument", attempts=1)
        tasks.connection.execute("UPDATE pgq.tasks SET kind = 'chatter' WHERE id = %s", [failed])
        assert tasks.ended(failed).state == "dead"
        worker.tell_to_stop()
        assert worker.exit_code() == 0

        assert tasks.value("SELECT count(*) FROM pgq.task_logs") == 0


def test_a_running_tasks_progress_and_log_are_shown_and_survive_its_workers_death(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks, pgq.App(fleet.conninfo) as app:
        worker = fleet.start(APP)
        task = tasks.submit("speak_and_wait", attempts=1)
        handle = app.handle(task)
        said = until(lambda: handle.status().progress, "progress while it runs")
        assert said is not None
        assert (said.value, said.message) == (0.4, "resizing and waits")
        until(lambda: len(messages(fleet, task)) == 3, "its log")

        worker.kill()
        fleet.start(APP)

        assert tasks.ended(task).state == "dead"
        assert messages(fleet, task) == ["logged and waits", "printed and waits", "its own log, attempt 1"]
        assert handle.status().progress == said


def test_the_last_words_of_a_handlers_process_are_kept(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        fleet.start(APP)
        task = tasks.submit("speak_and_die", attempts=1)

        assert tasks.ended(task).error["type"] == "ProcessDied"

        assert messages(fleet, task) == ["logged and dies", "printed and dies", "its own log, attempt 1"]
        assert progress(tasks, task)["value"] == 0.4


@pytest.mark.parametrize("kind", ["speak_and_wait", "speak_and_block"])
def test_a_stopping_worker_writes_what_interrupted_handlers_have_said(fleet: Fleet, kind: str) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        worker = fleet.start(APP, grace_seconds=0, lease_seconds=LONG_LEASE)
        task = tasks.submit(kind)
        worker.wait_to_hear("its own log, attempt 1")

        worker.tell_to_stop()
        worker.exit_code()

        assert len(messages(fleet, task)) == 3
        assert tasks.row(task).state == "pending"
        assert progress(tasks, task) is None


def test_each_attempt_has_its_lines_and_its_own_progress(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        fleet.start(APP)
        task = tasks.submit("fails_once")

        assert tasks.ended(task).attempt == 2

        assert [(entry.attempt, entry.n, entry.message) for entry in log_of(fleet, task)] == [
            (1, 1, "attempt 1"),
            (2, 1, "attempt 2"),
        ]
        assert progress(tasks, task) is None


@pytest.mark.parametrize("kind", ["chatter", "chatter_in_a_process"])
def test_100000_lines_do_no_harm(fleet: Fleet, kind: str) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        worker = fleet.start(APP, log_level="info", lease_seconds=LONG_LEASE)
        chatty = [tasks.submit(kind, lines=100_000) for _ in range(2)]
        others = tasks.submit_many("quiet", 50)

        for task in (*others, *chatty):
            assert tasks.ended(task).state == "succeeded"

        for task in chatty:
            log = messages(fleet, task)
            assert len(log) == MOST_LINES + 1
            assert log[-1] == NO_MORE
        if kind == "chatter_in_a_process":
            assert progress(tasks, chatty[0])["message"] == "all said"
        assert worker.lives
        assert "lease lost" not in worker.said()


def test_a_log_that_cannot_be_written_holds_up_no_outcome_for_long(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        worker = fleet.start(APP).wait_until_ready()
        tasks.connection.execute("ALTER TABLE pgq.task_logs RENAME TO not_now")
        task = tasks.submit("on_the_loop")

        assert tasks.ended(task).state == "succeeded"

        worker.wait_to_hear("reporter: trying again")
        tasks.connection.execute("ALTER TABLE pgq.not_now RENAME TO task_logs")
        until(lambda: len(messages(fleet, task)) == 3, "the log, once it can be written")


def test_the_log_is_followed_on_the_command_line_until_the_task_has_ended(fleet: Fleet) -> None:
    go = fleet.folder / "go"
    with tasks_of(fleet.conninfo) as tasks:
        fleet.start(APP)
        task = tasks.submit("speak_then_hold", until_exists=str(go))
        words = [sys.executable, "-m", "pgq", "tasks", "logs", str(task), "-f", "--json"]
        following = subprocess.Popen(
            [*words, "--database-url", fleet.conninfo], stdout=subprocess.PIPE, text=True, stderr=subprocess.STDOUT
        )
        with following:
            assert following.stdout is not None
            first = [json.loads(following.stdout.readline()) for _ in range(3)]
            assert following.poll() is None
            go.touch()
            rest = [json.loads(line) for line in following.stdout]

        assert following.returncode == 0
        assert [line["n"] for line in first + rest] == [1, 2, 3, 4]
        assert rest[0]["message"] == "went on"
        assert (rest[0]["task_id"], rest[0]["attempt"], rest[0]["level"]) == (str(task), 1, "info")
