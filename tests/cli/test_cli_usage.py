"""What all commands have in common: options, exit codes, errors in a line, secrets kept."""

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pgq.cli import logs
from pgq.cli.failures import Failed, WrongUsage
from pgq.cli.loading import load_app
from pgq.cli.processes import read_queues
from tests.cli.conftest import Pgq, logging_as_before

APP = "import pgq\nqueue = pgq.App()\n"


def test_without_a_database_the_error_names_the_fix(pgq_alone: Pgq) -> None:
    for words in (["tasks", "list"], ["submit", "echo"], ["queues", "list"], ["migrate"], ["worker"]):
        ended = pgq_alone(*words)
        assert (ended.code, ended.out) == (1, "")
        assert ended.err == "pgq: PGQ_DATABASE_URL is not set; for a local server run 'pgq up'\n"


def test_shared_options_stand_before_or_behind_the_command(pgq_alone: Pgq, dsn: str) -> None:
    assert pgq_alone("--database-url", dsn, "--json", "tasks", "list").json == []
    assert pgq_alone("tasks", "list", "--database-url", dsn, "--json").json == []
    assert pgq_alone("--database-url", "postgresql://127.0.0.1:1/x", "queues", "list", "--database-url", dsn).code == 0


@pytest.mark.parametrize(
    "words", [["nonsense"], ["tasks", "nonsense"], ["tasks", "list", "--nonsense"], ["submit"], ["status", "x", "y"]]
)
def test_wrong_usage_is_one_line_and_code_2(pgq_alone: Pgq, words: list[str]) -> None:
    ended = pgq_alone(*words)
    assert (ended.code, ended.out) == (2, "")
    assert len(ended.err.splitlines()) == 1
    assert "--help" in ended.err


def test_help_is_data_and_good(pgq_alone: Pgq) -> None:
    for words in (["--help"], ["submit", "--help"], ["dlq", "purge", "-h"]):
        ended = pgq_alone(*words)
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.startswith("Usage:")
    assert pgq_alone("tasks").code == 2


def test_no_password_is_ever_said(pgq_alone: Pgq) -> None:
    urls = [
        "postgresql://ada:zwiebel@127.0.0.1:1/x",
        "postgresql://ada:zwie@bel@127.0.0.1:1/x",
        "mysql://ada:zwiebel@h/x",
    ]
    for url in [*urls, "host=127.0.0.1 port=1 password=zwiebel"]:
        for words in (["tasks", "list"], ["submit", "echo", "--debug"], ["check"], ["version"]):
            ended = pgq_alone(*words, "--database-url", url)
            assert "zwie" not in ended.out + ended.err


def test_a_broken_setting_is_named(pgq_alone: Pgq, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGQ_RETENTION", "1s")
    ended = pgq_alone("tasks", "list")
    assert ended.code == 1
    assert ended.err.startswith("pgq: PGQ_RETENTION: ")


def test_the_traceback_is_shown_only_when_asked_for(pgq: Pgq, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("a bug of ours")

    monkeypatch.setattr("pgq.db.overview.queues", broken)
    plain = pgq("queues", "list")
    assert plain.code == 1
    assert len(plain.err.splitlines()) == 1
    assert "a bug of ours" in plain.err
    assert "Traceback" in pgq("queues", "list", "--debug").err
    monkeypatch.setenv("PGQ_LOG_LEVEL", "DEBUG")
    assert "Traceback" in pgq("queues", "list").err


def test_what_the_database_refuses_is_one_line(pgq: Pgq, dsn: str) -> None:
    from tests.cli import rows

    with rows.connected(dsn) as connection:
        connection.execute("ALTER VIEW pgq.queue_depth RENAME COLUMN ready TO other")
    ended = pgq("queues", "list")
    assert ended.code == 1
    assert len(ended.err.splitlines()) == 1
    assert "ready" in ended.err


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # to which loading an app adds the folder

    def write(name: str, text: str) -> str:
        (tmp_path / f"{name}.py").write_text(text)
        return name

    return write


def test_a_module_is_found_in_the_current_folder_and_its_only_app_taken(module: Any) -> None:
    name = module("one_app", APP + "again = queue\n")
    assert load_app(name) is load_app(f"{name}:queue")
    nested = module("nested_app", "import pgq\nclass box:\n    queue = pgq.App()\n")
    assert load_app(f"{nested}:box.queue")


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        (None, "no_such_module", "no module 'no_such_module'"),
        (None, "tasks.py", "give the module's: tasks"),
        (APP + "other = pgq.App()\n", "several", "several:queue or several:other"),
        ("x = 1\n", "empty_module", "queue = pgq.App()"),
        (APP, "wrong_name:app", "its apps are wrong_name:queue"),
        (APP + "x = 1\n", "no_app:x", "int, not a pgq.App"),
        ("import no_such_thing\n", "missing_import", "No module named 'no_such_thing'"),
        ("def f(:\n", "syntax", "SyntaxError"),
        ("raise SystemExit('stop')\n", "exits", "SystemExit: stop"),
        ("def f():\n    return 1 / 0\nf()\n", "divides", 'divides.py", line 2, in f'),
    ],
)
def test_an_app_that_cannot_be_loaded_is_explained(module: Any, text: str | None, name: str, said: str) -> None:
    if text is not None:
        module(name.partition(":")[0], text)
    with pytest.raises(Failed) as failed:
        load_app(name)
    assert said in str(failed.value)
    assert "importlib" not in str(failed.value)
    assert "loading.py" not in str(failed.value)


def test_queues_are_names_with_weights() -> None:
    assert read_queues("email:10,default") == [("email", 10), ("default", 1)]
    assert read_queues(" email:1 , a b ") == [("email", 1), ("a b", 1)]
    for words in ("email:0", "email:x", "email:", ":3", "", "a,,b", "a,a", "a:-1", "a:1.5"):
        with pytest.raises(WrongUsage):
            read_queues(words)


def test_logs_are_lines_for_people_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as_before():
        for style in ("console", "json"):
            logs.configure(style=style, level="info")
            logging.getLogger("pgq.task").info("hello %s", "ada", extra={"task_id": "t1"})
            logging.getLogger("pgq").debug("too quiet")
    people, json_line = capsys.readouterr().err.splitlines()
    assert people.endswith("INFO pgq.task [t1]: hello ada")
    assert '"message": "hello ada", "task_id": "t1"' in json_line


@pytest.mark.parametrize("words", [["--help"], ["submit", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    script = (
        "import sys\nfrom pgq.cli.main import app\n"
        f"try: app({words!r})\nexcept SystemExit: pass\n"
        "heavy = {'sqlalchemy', 'alembic', 'psycopg', 'pydantic_settings'} & set(sys.modules)\n"
        "print(heavy or 'light', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr == "light\n"
