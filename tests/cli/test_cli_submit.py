"""`pgq submit` and `pgq status`."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from tests.cli import rows
from tests.cli.conftest import Pgq


def test_submit_prints_the_id_and_nothing_else(pgq: Pgq, connection: Connection[Any]) -> None:
    ended = pgq("submit", "echo", '{"to": "ada"}')
    assert (ended.code, ended.err) == (0, "")
    found = connection.execute("SELECT id::text, kind, payload FROM pgq.tasks").fetchone()
    assert found == (ended.out.strip(), "echo", {"to": "ada"})


def test_every_option_reaches_the_task(pgq: Pgq) -> None:
    words = [
        "echo",
        "--queue",
        "email",
        "--priority",
        "high",
        "--delay",
        "5m",
        "--max-attempts",
        "7",
        "--timeout",
        "2m",
    ]
    words += ["--key", "k", "--key-window", "1d", "--tag", "a", "--tag", "b", "--header", "trace=x=1"]
    task = pgq("submit", *words, "--expires-at", "2999-01-01T00:00:00+01:00", "--json").json
    assert task["created"] is True
    expected = {
        "queue": "email",
        "priority": 8,
        "state": "scheduled",
        "max_attempts": 7,
        "timeout_seconds": 120,
        "idempotency_key": "k",
        "tags": ["a", "b"],
        "headers": {"trace": "x=1"},
        "payload": {},
        "expires_at": "2998-12-31T23:00:00.000000Z",
    }
    assert {name: task[name] for name in expected} == expected


def test_run_at_is_a_time_with_its_offset(pgq: Pgq) -> None:
    assert (
        pgq("submit", "echo", "--run-at", "2999-01-01T00:00:00Z", "--json").json["run_at"].startswith("2999-01-01T00")
    )
    naive = pgq("submit", "echo", "--run-at", "2999-01-01T00:00:00")
    assert (naive.code, naive.out) == (2, "")
    assert "offset" in naive.err


def test_the_payload_comes_from_stdin_or_a_file(pgq: Pgq, tmp_path: Path) -> None:
    assert pgq("submit", "echo", "-", "--json", input='{"a": "ü"}').json["payload"] == {"a": "ü"}
    (tmp_path / "payload.json").write_text('{"b": 2}')
    assert pgq("submit", "echo", f"@{tmp_path}/payload.json", "--json").json["payload"] == {"b": 2}
    missing = pgq("submit", "echo", f"@{tmp_path}/nothing.json")
    assert missing.code == 2
    assert "No such file" in missing.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["echo", "{to: ada}"], "not JSON"),
        (["echo", '{"to": "ada", "to": "bob"}'], "the key 'to' stands twice in one object (#)"),
        (["echo", "[1]"], "payload"),
        (["echo", '{"n": NaN}'], "payload"),
        (["echo", '{"n": ' + "1" * 5000 + "}"], "4,300 digits"),
        (["echo", '{"n": "\\u0000"}'], "NUL"),
        (["echo", '{"n": "\\ud800"}'], "surrogate"),
        (["echo", '{"n": "' + "x" * 100_000 + '"}'] * 1 + ["--header", "novalue"], "NAME=VALUE"),
        (["", "{}"], "kind"),
        (["echo", "--priority", "12"], "0 to 9"),
        (["echo", "--priority", "urgent"], "low, normal"),
        (["echo", "--delay", "-5"], "90s"),
        (["echo", "--delay", "soon"], "90s"),
        (["echo", "--delay", "1m", "--run-at", "2999-01-01T00:00:00Z"], "together"),
        (["echo", "--run-at", "infinity"], "2030-01-31"),
        (["echo", "--run-at", "9999-01-01T00:00:00Z"], "2000 and 3000"),
        (["echo", "--expires-at", "2001-01-01T00:00:00Z"], "expires_at"),
        (["echo", "--max-attempts", "0"], "max_attempts"),
        (["echo", "--timeout", "0"], "timeout"),
        (["echo", "--key-window", "1d"], "key"),
        (["echo", "--wait-timeout", "1"], "--wait"),
        (["echo", "--depends-on", "x"], "--depends-on"),
    ],
)
def test_bad_input_is_wrong_usage_in_a_line_or_two(
    pgq: Pgq, connection: Connection[Any], words: Any, said: str
) -> None:
    ended = pgq("submit", *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert len(ended.err.splitlines()) <= 2
    assert connection.execute("SELECT count(*) FROM pgq.tasks").fetchone() == (0,)


def test_a_payload_of_two_megabytes_is_refused(pgq: Pgq) -> None:
    ended = pgq("submit", "echo", "-", input='{"x": "' + "x" * 2_000_000 + '"}')
    assert ended.code == 2
    assert "1,000,000" in ended.err


def test_a_known_key_gives_the_first_task_and_says_so(pgq: Pgq) -> None:
    first, again = pgq("submit", "echo", "--key", "k"), pgq("submit", "echo", "--key", "k")
    assert (again.code, again.out) == (0, first.out)
    assert "known" in again.err
    assert pgq("submit", "echo", "--key", "k", "--json").json["created"] is False
    conflict = pgq("submit", "other", "--key", "k")
    assert (conflict.code, conflict.out) == (1, "")
    assert "k was used for another kind" in conflict.err


def later(dsn: str, act: Any) -> threading.Thread:
    """Do something to the only task, once it is there."""

    def run() -> None:
        with rows.connected(dsn) as connection:
            while not (row := connection.execute("SELECT id FROM pgq.tasks").fetchone()):
                time.sleep(0.02)
            act(connection, row[0])

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def finish(connection: Connection[Any], task_id: Any) -> None:
    rows.move_to_history(connection, task_id, "succeeded", {"words": [1, None]})


def test_wait_prints_the_result(pgq: Pgq, dsn: str) -> None:
    thread = later(dsn, finish)
    ended = pgq("submit", "echo", "--wait")
    thread.join()
    assert (ended.code, ended.json) == (0, {"words": [1, None]})


def test_wait_with_json_prints_the_task(pgq: Pgq, dsn: str) -> None:
    thread = later(dsn, finish)
    task = pgq("submit", "echo", "--wait", "--json").json
    thread.join()
    assert (task["state"], task["result"], task["created"]) == ("succeeded", {"words": [1, None]}, True)


def test_wait_fails_with_the_reason_when_the_task_does(pgq: Pgq, dsn: str) -> None:
    thread = later(dsn, rows.bury)
    ended = pgq("submit", "echo", "--wait")
    thread.join()
    assert (ended.code, ended.out) == (1, "")
    assert "is dead: ValueError: no such file" in ended.err


def test_wait_runs_out_with_code_3(pgq: Pgq) -> None:
    ended = pgq("submit", "echo", "--wait", "--wait-timeout", "0.1s")
    assert (ended.code, ended.out) == (3, "")
    assert "still pending" in ended.err


def test_status_shows_a_task(pgq: Pgq, connection: Connection[Any]) -> None:
    task_id = rows.dead(connection)
    assert pgq("status", task_id, "--json").json["state"] == "dead"
    words = pgq("status", task_id)
    assert words.code == 0
    assert "dead: ValueError: no such file" in words.out


def test_status_of_an_unknown_task_fails_and_of_no_id_is_wrong_usage(pgq: Pgq) -> None:
    unknown = pgq("status", "00000000-0000-0000-0000-000000000001")
    assert (unknown.code, unknown.out) == (1, "")
    assert "no task has the id" in unknown.err
    assert pgq("status", "nonsense").code == 2


def test_watch_of_a_dead_task_ends_at_once_with_code_1(pgq: Pgq, connection: Connection[Any]) -> None:
    ended = pgq("status", rows.dead(connection), "--watch")
    assert ended.code == 1
    assert "dead: ValueError" in ended.out
