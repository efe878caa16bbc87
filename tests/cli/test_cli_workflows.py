"""`pgq workflows`: submitted from JSON and YAML, listed, shown, cancelled, run again."""

import builtins
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection

from tests.cli import rows
from tests.cli.conftest import Pgq

FLOW = {
    "name": "report",
    "tasks": [
        {"name": "sum", "kind": "echo", "depends_on": ["a", "b"], "run_at": "2030-01-31T09:00:00Z"},
        {"name": "a", "kind": "echo", "payload": {"n": 1}},
        {"name": "b", "kind": "echo"},
    ],
    "callback": {"kind": "tell"},
}
YAML = """
name: report
tasks:
  - {name: sum, kind: echo, depends_on: [a, b], run_at: 2030-01-31T09:00:00Z}
  - name: a
    kind: echo
    payload: {n: 1}
  - {name: b, kind: echo}
callback: {kind: tell}
"""


@pytest.mark.parametrize(("suffix", "text"), [("json", json.dumps(FLOW)), ("yaml", YAML)])
@pytest.mark.parametrize("by_stdin", [True, False])
def test_a_workflow_is_submitted_from_a_file_or_stdin(
    pgq: Pgq, connection: Connection[Any], tmp_path: Path, suffix: str, text: str, by_stdin: bool
) -> None:
    file = tmp_path / f"flow.{suffix}"
    file.write_text(text)
    ended = pgq("workflows", "submit", "-", input=text) if by_stdin else pgq("workflows", "submit", file)
    assert (ended.code, ended.err) == (0, "")
    shown = pgq("workflows", "show", ended.out.strip(), "--json").json
    assert (shown["name"], shown["total"], shown["live"]["blocked"]) == ("report", 4, 2)
    assert [(task["name"], task["depends_on"]) for task in shown["tasks"]] == [
        ("a", []), ("b", []), ("sum", ["a", "b"]), ("callback", ["sum", "a", "b"]),
    ]  # fmt: skip
    assert shown["tasks"][2]["run_at"] == "2030-01-31T09:00:00.000000Z"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ("a: [", "neither JSON nor YAML"),
        ("- a", "must be an object with name and tasks, not an array"),
        ("{}", "name: is missing; tasks: must be an array"),
        ('{"name": "w", "tasks": [{"name": "a"}]}', "tasks/0/kind"),
        (
            '{"name": "w", "tasks": [{"name": "a", "kind": "k", "depends_on": ["a"]}]}',
            "tasks/0/depends_on: a task cannot",
        ),
    ],
)
def test_a_file_that_describes_none_is_wrong_usage(pgq: Pgq, text: str, reason: str) -> None:
    ended = pgq("workflows", "submit", "-", input=text)
    assert (ended.code, ended.out) == (2, "")
    assert reason in ended.err


@pytest.mark.parametrize(
    ("text", "key", "place"),
    [
        ('{"name": "w", "tasks": [{"name": "a", "kind": "k", "payload": {"n": 1, "n": 2}}]}', "n", "#/tasks/0/payload"),
        ('{"name": "w", "name": "v", "tasks": [{"name": "a", "kind": "k"}]}', "name", "#"),
        ('{"name": "w", "tasks": [{"name": "a", "kind": "k", "payload": {"a/b": [{}, {"": 1, "": 1}]}}]}', "",
         "#/tasks/0/payload/a~1b/1"),
        ("name: w\ntasks:\n  - name: a\n    kind: k\n    kind: j\n", "kind", "line 5, column 5"),
        ('name: w\ntasks: [{name: a, kind: k, payload: {1: x, "1": y}}]', "1", "line 2, column 44"),
        ("name: w\nname: v\ntasks: [{name: a, kind: k}]", "name", "line 2, column 1"),
    ],
)  # fmt: skip
def test_a_key_that_stands_twice_is_refused_with_its_place(pgq: Pgq, text: str, key: str, place: str) -> None:
    ended = pgq("workflows", "submit", "-", input=text)
    assert (ended.code, ended.out) == (2, "")
    assert f"the key {key!r} stands twice in one" in ended.err
    assert f"({place})" in ended.err
    assert pgq("workflows", "list", "--json").json == []


def test_what_yaml_merges_in_is_no_second_key(pgq: Pgq) -> None:
    text = """
    name: report
    tasks:
      - &sum {<<: &all {kind: echo, payload: {n: 1}}, name: sum, payload: {n: 2}}
      - {<<: *all, name: a}
      - {<<: *sum, name: b}
    """
    ended = pgq("workflows", "submit", "-", input=text)
    assert (ended.code, ended.err) == (0, "")
    ids = [task["id"] for task in pgq("workflows", "show", ended.out.strip(), "--json").json["tasks"]]
    assert [pgq("status", id, "--json").json["payload"] for id in ids] == [{"n": 2}, {"n": 1}, {"n": 2}]


@pytest.mark.parametrize("in_file", [True, False])
def test_the_same_again_with_its_key_gives_the_first_ones_id(pgq: Pgq, in_file: bool) -> None:
    words = [] if in_file else ["--key", "k"]
    text = json.dumps({**FLOW, "idempotency_key": "k"} if in_file else FLOW)
    first, again = (pgq("workflows", "submit", "-", *words, input=text) for _ in range(2))
    assert (first.code, first.err) == (0, "")
    assert (again.code, again.out) == (0, first.out)
    assert "the key 'k' is known: this is the first workflow that had it" in again.err
    other = pgq("workflows", "submit", "-", "--key", "k", input=json.dumps({**FLOW, "name": "other"}))
    assert (other.code, other.out) == (1, "")
    assert "k was used for another workflow" in other.err
    assert len(pgq("workflows", "list", "--json").json) == 1


def test_a_key_that_contradicts_the_file_is_wrong_usage(pgq: Pgq) -> None:
    text = json.dumps({**FLOW, "idempotency_key": "k"})
    assert pgq("workflows", "submit", "-", "--key", "l", input=text).code == 2
    assert pgq("workflows", "submit", "-", "--key", "", input=json.dumps(FLOW)).code == 2
    assert pgq("workflows", "submit", "-", "--key", "k", input=text).code == 0


def test_yaml_without_pyyaml_says_what_to_install(pgq: Pgq, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_yaml(name: str, *more: Any, **named: Any) -> Any:
        if name == "yaml":
            raise ImportError(name)
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", without_yaml)
    ended = pgq("workflows", "submit", "-", input=YAML)
    assert ended.code == 2
    assert "pip install 'pgq-tasks[yaml]'" in ended.err
    assert pgq("workflows", "submit", "-", input=json.dumps(FLOW)).code == 0


def test_a_file_that_is_not_there_is_wrong_usage(pgq: Pgq, tmp_path: Path) -> None:
    ended = pgq("workflows", "submit", tmp_path / "none.json")
    assert ended.code == 2
    assert "No such file" in ended.err


def test_a_wait_that_runs_out_exits_3_and_the_workflow_goes_on(pgq: Pgq) -> None:
    ended = pgq("workflows", "submit", "-", "--wait", "--wait-timeout", "0.01", input=json.dumps(FLOW))
    assert ended.code == 3
    assert "still runs" in ended.err
    assert pgq("workflows", "show", ended.out.strip()).code == 0
    assert pgq("workflows", "submit", "-", "--wait-timeout", "1", input=json.dumps(FLOW)).code == 2


def test_lists_and_shows_for_people_and_programs(pgq: Pgq, connection: Connection[Any]) -> None:
    one = rows.workflow(connection, {"name": "a", "kind": "echo"}, {"name": "b", "kind": "echo", "depends_on": ["a"]})
    two = rows.workflow(connection, {"name": "a", "kind": "echo"})
    rows.bury(connection, rows.node(connection, one, "a"))
    assert [flow["id"] for flow in pgq("workflows", "list", "--json").json] == [str(two), str(one)]
    assert [flow["id"] for flow in pgq("workflows", "list", "--limit", "1", "--cursor", two, "--json").json] == [
        str(one)
    ]
    assert pgq("workflows", "list", "--state", "failed", "--json").json == []
    assert pgq("workflows", "list", "--state", "dead").code == 2
    listed = pgq("workflows", "list", "--name", "a flow").out.splitlines()
    assert listed[0].split() == ["ID", "NAME", "STATE", "ENDED", "FAILED", "CREATED", "FINISHED"]
    assert f"{one}  a flow  running  1/2    1" in listed[2]

    shown = pgq("workflows", "show", one).out
    assert "state:      running: 1 of 2 ended, 1 dead" in shown
    assert "dead" in next(line for line in shown.splitlines() if line.startswith("a "))
    assert next(line for line in shown.splitlines() if line.startswith("b ")).endswith("a")


def test_cancel_and_retry_by_ids(pgq: Pgq, connection: Connection[Any]) -> None:
    one, two = (rows.workflow(connection, {"name": "a", "kind": "echo"}) for _ in range(2))
    assert pgq("workflows", "cancel", one, two).out == (
        f"{one}: 1 task cancelled or told to stop\n{two}: 1 task cancelled or told to stop\n"
    )
    again = pgq("workflows", "cancel", one)
    assert (again.code, again.out) == (1, "")
    assert f"workflow {one} is cancelled: only one that runs can be cancelled" in again.err
    retried = pgq("workflows", "retry", one, "--json")
    assert (retried.lines[0]["state"], retried.lines[0]["counts"]["live"]) == ("running", 1)


@pytest.mark.parametrize("verb", ["show", "cancel", "retry"])
def test_an_unknown_workflow_is_said_to_be_unknown(pgq: Pgq, verb: str) -> None:
    nobody = UUID(int=1)
    ended = pgq("workflows", verb, nobody)
    assert ended.code == 1
    assert f"no workflow has the id {nobody}" in ended.err
