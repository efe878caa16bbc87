"""`python3 dev.py twins` itself: what it takes for caught, and what it reports."""

import re
from pathlib import Path

import pytest

from devtools.step import ROOT
from devtools.twins.__main__ import try_all
from devtools.twins.twin import NoSuchTwin, Twin, chosen, read_lists
from tests.server import DatabaseServer

RETRY = "tests/concurrency/test_outcomes.py::test_a_retry_uses_one"


def twin(name: str, file: str, find: str, replace: str, test: str = RETRY) -> Twin:
    return Twin(name=name, file=file, find=find, replace=replace, tests=(test,))


def test_only_a_test_that_fails_for_its_guard_catches_a_twin(
    database_server: DatabaseServer, capfd: pytest.CaptureFixture[str]
) -> None:
    twins = [
        twin("caught", "app/pgq/db/sql/claim.sql", "attempt = t.attempt + 1", "attempt = t.attempt"),
        twin("harmless", "app/pgq/db/sql/claim.sql", "-- Take up to", "-- Takes up to"),
        twin("moved", "app/pgq/db/sql/claim.sql", "a text that is not there", ""),
        twin("no file", "app/pgq/db/sql/no_such_statement.sql", "SELECT", ""),
        twin("broken", "app/pgq/db/sql/claim.sql", "UPDATE pgq.tasks", "UPDAT pgq.tasks"),
        twin("nowhere to test", "migrations/sql/*/up/*_uuid7.sql", "REPLACE FUNCTION", "REPLACE FUNCTIO"),
    ]

    assert try_all(twins, database_server.conninfo) == 1

    out = capfd.readouterr().out
    assert re.search(r"^ok      caught: caught by test_a_retry_uses_one \(\d+ s\)$", out, re.M), out
    assert "FAILED  harmless: it slipped through" in out
    assert "FAILED  moved: app/pgq/db/sql/claim.sql holds the text 0 times, not 1" in out
    assert "FAILED  no file: there is no file app/pgq/db/sql/no_such_statement.sql" in out
    assert "FAILED  broken: the change broke more than its guard: SyntaxError" in out
    assert "FAILED  nowhere to test: a fixture failed, no test" in out
    assert "1 of 6 twins caught in" in out


def test_workers_and_the_processes_below_them_run_the_twins_code(
    database_server: DatabaseServer, capfd: pytest.CaptureFixture[str]
) -> None:
    no_call = twin(
        "a handler's process calls the handler",
        "app/pgq/worker/child.py",
        "answer = handler.function(*context, **arguments)",
        "answer = None",
        "tests/process/test_process_executor.py::test_a_handler_submits_to_the_database_of_its_worker",
    )

    assert try_all([no_call], database_server.conninfo) == 0, capfd.readouterr().out


def test_tests_that_fail_anyway_catch_nothing(
    database_server: DatabaseServer, capfd: pytest.CaptureFixture[str]
) -> None:
    missing = "tests/unit/test_backoff.py::test_that_is_not_there"
    caught = twin("caught", "app/pgq/db/sql/claim.sql", "attempt = t.attempt + 1", "attempt = t.attempt", missing)

    assert try_all([caught], database_server.conninfo) == 1

    out = capfd.readouterr().out
    assert "The tests fail without any change" in out
    assert "caught by" not in out


def test_every_twin_of_the_lists_finds_its_guard() -> None:
    twins = read_lists()
    assert len({one.name for one in twins}) == len(twins) > 50
    for one in twins:
        path, text = one.changed(ROOT)
        assert text != path.read_text(encoding="utf-8")


def test_a_guard_of_a_function_is_looked_for_where_it_was_last_defined(tmp_path: Path) -> None:
    for revision in ("0001", "0003"):
        folder = tmp_path / "migrations" / "sql" / revision / "up"
        folder.mkdir(parents=True)
        (folder / "07_door.sql").write_text("IF bad THEN")
    closed = twin("the door", "migrations/sql/*/up/*_door.sql", "IF bad", "IF false")

    closed.change(tmp_path)

    found = {path.parts[-3]: path.read_text() for path in tmp_path.rglob("*_door.sql")}
    assert found == {"0001": "IF bad THEN", "0003": "IF false THEN"}


def test_twins_are_chosen_by_words_of_their_names() -> None:
    twins = [twin(name, "", "", "") for name in ("red door", "blue door", "window")]

    assert [one.name for one in chosen(twins, ["door"])] == ["red door", "blue door"]
    assert chosen(twins, []) == twins
    with pytest.raises(NoSuchTwin, match="'roof'"):
        chosen(twins, ["door", "roof"])
