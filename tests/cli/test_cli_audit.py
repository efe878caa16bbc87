"""What is steered at the command line leaves the line in the audit log that it leaves over HTTP."""

import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from pgq.api.app import create_app
from pgq.operate import bulk
from pgq.values.settings import Settings
from tests.api.conftest import running
from tests.cli import rows
from tests.cli.conftest import Pgq

Made = Callable[[Connection[Any]], UUID]

A_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FAR = "2999-01-01T00:00:00.000000Z"
LONG_AGO = "2020-01-01T00:00:00.000000Z"


def nothing(_connection: Connection[Any]) -> UUID:
    """What a verb on a queue needs."""
    return UUID(int=0)


def waiting(connection: Connection[Any]) -> UUID:
    return rows.submitted(connection, "report", queue="email", tags=["a"])


def dead(connection: Connection[Any]) -> UUID:
    return rows.dead(connection, queue="email")


def flow(connection: Connection[Any]) -> UUID:
    return rows.workflow(connection, {"name": "a", "kind": "echo"}, {"name": "b", "kind": "echo"})


def failed_flow(connection: Connection[Any]) -> UUID:
    id = rows.workflow(connection, {"name": "a", "kind": "echo"})
    rows.bury(connection, rows.node(connection, id, "a"))
    return id


@dataclass(frozen=True)
class Verb:
    """A verb at both doors; `ID` in its words and its path is what was made for it."""

    words: str
    made: Made
    method: str
    path: str
    body: dict[str, Any] | None = None


ID = [
    Verb("tasks cancel ID", waiting, "POST", "/v1/tasks/ID/cancel"),
    Verb("tasks cancel ID", rows.running, "POST", "/v1/tasks/ID/cancel"),
    Verb("tasks retry ID", dead, "POST", "/v1/tasks/ID/retry"),
    Verb("tasks retry ID", rows.retrying, "POST", "/v1/tasks/ID/retry"),
    Verb("tasks retry ID", rows.ended, "POST", "/v1/tasks/ID/retry"),
    Verb("dlq redrive ID", dead, "POST", "/v1/dlq/ID/redrive"),
    Verb('dlq redrive ID --payload {"n":1}', dead, "POST", "/v1/dlq/ID/redrive", {"payload": {"n": 1}}),
    Verb("dlq purge ID", dead, "DELETE", "/v1/dlq/ID"),
    Verb("workflows cancel ID", flow, "POST", "/v1/workflows/ID/cancel"),
    Verb("workflows retry ID", failed_flow, "POST", "/v1/workflows/ID/retry"),
]
FILTER = [
    Verb("tasks cancel --all", waiting, "POST", "/v1/tasks/cancel", {"all": True}),
    Verb(
        f"tasks cancel -q email --kind report --tag a --state pending --limit 5 --created-after {LONG_AGO}"
        f" --created-before {FAR}",
        waiting,
        "POST",
        "/v1/tasks/cancel",
        {
            "queue": "email", "kind": "report", "tag": "a", "state": "pending", "limit": 5,
            "created_after": LONG_AGO, "created_before": FAR,
        },
    ),
    Verb(
        "tasks cancel -q email -q sms --kind a --kind report", waiting, "POST", "/v1/tasks/cancel",
        {"queue": ["email", "sms"], "kind": ["a", "report"]},
    ),
    Verb("tasks retry --state dead", dead, "POST", "/v1/tasks/retry", {"state": "dead"}),
    Verb(
        f"dlq redrive --error-type ValueError -q email --kind echo --dead-after {LONG_AGO} --dead-before {FAR}",
        dead,
        "POST",
        "/v1/dlq/redrive",
        {
            "error_type": "ValueError", "queue": "email", "kind": "echo",
            "dead_after": LONG_AGO, "dead_before": FAR,
        },
    ),
    Verb("dlq purge --all --limit 3", dead, "POST", "/v1/dlq/purge", {"all": True, "limit": 3}),
]  # fmt: skip
SETTINGS = [
    Verb(
        "queues set email --max-depth 5 --timeout 90 --retention none", nothing, "PUT", "/v1/queues/email",
        {"max_depth": 5, "timeout_seconds": 90, "retention_seconds": None},
    ),
    Verb("queues pause email", nothing, "POST", "/v1/queues/email/pause"),
    Verb(
        f"queues pause email --until {FAR}", nothing, "POST", "/v1/queues/email/pause", {"until": FAR}
    ),
    Verb("queues resume email", nothing, "POST", "/v1/queues/email/resume"),
]  # fmt: skip
EVERY = [*ID, *FILTER, *SETTINGS]


def steer(pgq: Pgq, verb: Verb, id: UUID) -> int:
    """Do it; the exit code."""
    words = [str(id) if word == "ID" else word for word in verb.words.split()]
    return pgq(*words, *(["--yes"] if verb in FILTER else [])).code


def lines(connection: Connection[Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return connection.execute("SELECT action, target, details FROM pgq.audit_log ORDER BY id").fetchall()


def comparable(line: tuple[str, str, dict[str, Any]]) -> str:
    """A line with ids by the order in which they come."""
    text = json.dumps(line, sort_keys=True)
    for number, id in enumerate(dict.fromkeys(A_UUID.findall(text))):
        text = text.replace(id, f"<{number}>")
    return text


def everything(connection: Connection[Any]) -> list[Any]:
    """All that a verb may change."""
    tables = ("tasks", "task_history", "dead_tasks", "queues", "workflows", "schedules")
    return [sorted(connection.execute(f"SELECT t::text FROM pgq.{table} AS t").fetchall()) for table in tables]


@pytest.mark.parametrize("verb", EVERY, ids=[f"{one.words[:24]} {n}" for n, one in enumerate(EVERY)])
async def test_a_verb_leaves_the_line_that_it_leaves_over_http(
    pgq: Pgq, connection: Connection[Any], dsn: str, verb: Verb
) -> None:
    ours = verb.made(connection)
    assert steer(pgq, verb, ours) == 0
    theirs = verb.made(connection)
    async with running(create_app(Settings(auth="off"), conninfo=dsn)) as api:
        answer = await api.request(verb.method, verb.path.replace("ID", str(theirs)), json=verb.body)
    assert answer.is_success, answer.text

    mine, twin = lines(connection)

    assert comparable(mine) == comparable(twin)
    if verb in ID:
        assert (mine[1], twin[1]) == (str(ours), str(theirs))
    if verb in FILTER:
        assert (mine[2]["ids"], twin[2]["ids"]) == ([str(ours)], [str(theirs)])
    written = connection.execute(
        "SELECT actor, token_id, request_id, address FROM pgq.audit_log ORDER BY id"
    ).fetchall()
    assert written[0][0].startswith("command line")
    assert written[0][1:] == (None, "", "")


def test_without_its_line_in_the_audit_log_nothing_is_changed(pgq: Pgq, connection: Connection[Any]) -> None:
    made = [verb.made(connection) for verb in EVERY]
    connection.execute("INSERT INTO pgq.queues (name, paused_at) VALUES ('email', now())")
    connection.execute("ALTER TABLE pgq.audit_log ADD CONSTRAINT full_disk CHECK (false) NOT VALID")
    before = everything(connection)

    for verb, id in zip(EVERY, made, strict=True):
        assert steer(pgq, verb, id) == 1, verb
        assert everything(connection) == before, verb


def test_each_of_several_that_was_changed_leaves_its_own_line(pgq: Pgq, connection: Connection[Any]) -> None:
    one, ended, other = waiting(connection), rows.ended(connection), waiting(connection)
    assert pgq("tasks", "cancel", one, ended, UUID(int=1), other).code == 1
    assert pgq("queues", "pause", "email", "sms", "--for", "1h").code == 0
    ends = [queue["paused_until"] for queue in pgq("queues", "list", "--json").json]
    details = {"kind": "report", "queue": "email"}
    assert lines(connection) == [
        ("task.cancel", str(one), details),
        ("task.cancel", str(other), details),
        ("queue.pause", "email", {"until": ends[0]}),
        ("queue.pause", "sms", {"until": ends[1]}),
    ]


def test_every_batch_leaves_a_line_with_what_it_changed_and_only_with_it(
    pgq: Pgq, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    made = sorted(dead(connection) for _ in range(5))
    connection.execute("UPDATE pgq.dead_tasks SET priority = 77 WHERE id = %s", [made[1]])  # no such priority: refused
    assert pgq("dlq", "redrive", "--all", "--limit", "4", "--yes", "--json").json["changed"] == 3
    asked = {"all": True, "limit": 4}
    assert lines(connection) == [
        ("dlq.redrive", "by filter", {"asked": asked, "changed": 1, "ids": [str(made[0])]}),
        ("dlq.redrive", "by filter", {"asked": asked, "changed": 2, "ids": [str(made[2]), str(made[3])]}),
    ]


def test_what_is_only_counted_or_not_agreed_to_leaves_no_line(pgq: Pgq, connection: Connection[Any]) -> None:
    for verb in FILTER:
        verb.made(connection)
        assert pgq(*verb.words.split(), "--dry-run").code == 0, verb
        assert pgq(*verb.words.split()).code == 2, verb
    assert lines(connection) == []


@pytest.mark.parametrize(
    ("words", "made", "code"),
    [
        ("tasks cancel ID", rows.ended, 1),
        ("tasks cancel ID", nothing, 1),
        ("tasks retry ID", rows.running, 1),
        ("dlq redrive ID", waiting, 1),
        ("dlq redrive ID --payload [1]", dead, 2),
        ("dlq purge ID", waiting, 1),
        ("workflows cancel ID", failed_flow, 1),
        ("workflows retry ID", flow, 1),
        ("workflows retry ID", nothing, 1),
        ("queues set email --retention 60", nothing, 2),
        ("queues pause email --until 2020-01-01T00:00:00Z", nothing, 2),
        ("tasks cancel -q email --yes", nothing, 0),
    ],
)
def test_what_is_refused_or_matches_nothing_leaves_no_line(
    pgq: Pgq, connection: Connection[Any], words: str, made: Made, code: int
) -> None:
    id = made(connection)
    assert pgq(*(str(id) if word == "ID" else word for word in words.split())).code == code
    assert lines(connection) == []


@pytest.fixture
def worker(pgq: Pgq, connection: Connection[Any], dsn: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """From here on commands run as somebody with the role pgq_worker, who is found at this address."""
    user, password = f"pgq_test_{uuid4().hex[:12]}", secrets.token_hex(8)
    connection.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{password}' IN ROLE pgq_worker")
    address = make_conninfo(dsn, user=user, password=password)
    monkeypatch.setenv("PGQ_DATABASE_URL", address)
    yield address
    connection.execute(f"DROP ROLE {user}")


@pytest.mark.usefixtures("worker")
def test_a_worker_steers_tasks_and_workflows_and_leaves_its_lines(pgq: Pgq, connection: Connection[Any]) -> None:
    for number, verb in enumerate([*ID, *FILTER], 1):
        assert steer(pgq, verb, verb.made(connection)) == 0, verb
        assert len(lines(connection)) == number, verb


@pytest.mark.usefixtures("worker")
def test_a_worker_steers_schedules_and_leaves_its_lines(pgq: Pgq, connection: Connection[Any]) -> None:
    steps = ("add nightly @daily echo", "pause nightly", "resume nightly", "run nightly", "remove nightly")
    for words in steps:
        ended = pgq("schedules", *words.split())
        assert ended.code == 0, ended.err
    actions = [f"schedule.{verb}" for verb in ("create", "pause", "resume", "run", "delete")]
    assert [action for action, _, _ in lines(connection)] == actions


@pytest.mark.usefixtures("worker")
def test_a_worker_cannot_steer_queues_and_leaves_no_line(pgq: Pgq, connection: Connection[Any]) -> None:
    for verb in SETTINGS:
        assert steer(pgq, verb, verb.made(connection)) == 1, verb
    assert lines(connection) == []
