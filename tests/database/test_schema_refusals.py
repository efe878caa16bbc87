"""Nothing that a caller sends can wedge a queue: it is refused at the door, at every door, and leaves no trace."""

import json
from typing import Any

import psycopg
import pytest

from tests.database.doors import DOORS
from tests.verbs import Database

BOMB = '{"n": [' + ", ".join(["1e131000"] * 9_000) + "]}"
"""81 KB of text that would unfold into more than a gigabyte."""

REFUSED: list[tuple[str, Any]] = [
    ("kind", None),
    ("kind", ""),
    ("kind", "k" * 129),
    ("kind", "send\nemail"),
    ("queue", ""),
    ("queue", "q" * 129),
    ("queue", "mail\x1b[31m"),
    ("priority", 12),
    ("priority", -1),
    ("max_attempts", 0),
    ("max_attempts", 1001),
    ("timeout_seconds", 0.0),
    ("timeout_seconds", -5.0),
    ("timeout_seconds", 400_000_000.0),
    ("run_at", "infinity"),
    ("run_at", "-infinity"),
    ("run_at", "0044-03-15 00:00:00+00 BC"),
    ("run_at", "294276-12-31 00:00:00+00"),
    ("expires_at", "infinity"),
    ("expires_at", "0044-03-15 00:00:00+00 BC"),
    ("expires_at", "294276-12-31 00:00:00+00"),
    ("expires_at", "2020-01-01 00:00:00+00"),  # before run_at, which is now
    ("payload", "[]"),
    ("payload", '"text"'),
    ("payload", "17"),
    ("payload", json.dumps({"text": "x" * 2_000_000})),
    ("payload", BOMB),
    ("payload", '{"n": [' + ", ".join(["1e131000"] * 60) + "]}"),
    ("payload", '{"n": ' + "9" * 5_000 + "}"),
    ("headers", "[]"),
    ("headers", '"text"'),
    ("headers", json.dumps({"text": "x" * 17_000})),
    ("headers", BOMB),
    ("tags", ["t"] * 33),
    ("tags", [""]),
    ("tags", ["t" * 129]),
    ("tags", ["a\x07b"]),
    ("idempotency_key", ""),
    ("idempotency_key", "k" * 256),
    ("idempotency_key", "a\tb"),
]


def shown(value: object) -> str:
    return str(value).replace("\x1b", "")[:24]


@pytest.mark.parametrize(("field", "value"), REFUSED, ids=[f"{field}={shown(value)}" for field, value in REFUSED])
async def test_a_bad_field_is_refused_by_name_at_every_door(db: Database, field: str, value: object) -> None:
    for door in DOORS.values():
        with pytest.raises(psycopg.Error) as refusal:
            await door(db, {field: value})

        said = refusal.value.diag
        assert said.sqlstate == "PQ003"
        assert said.message_detail is not None
        assert json.loads(said.message_detail)["field"] == field
        assert (said.message_primary or "").startswith(f"{field}: ")
        assert len(said.message_primary or "") < 200
        await nothing_is_left(db)


async def test_a_payload_with_a_key_is_refused_before_its_fingerprint_is_taken(db: Database) -> None:
    # Taking it would need the whole text: more than a gigabyte.
    for door in DOORS.values():
        with pytest.raises(psycopg.Error, match=r"^payload: ") as refusal:
            await door(db, {"payload": BOMB, "idempotency_key": "k"})
        assert refusal.value.sqlstate == "PQ003"
        await nothing_is_left(db)


@pytest.mark.parametrize("text", [r'{"a": "\u0000"}', r'{"a": "\ud800"}', r'{"a": "\udc00\ud800"}', '{"a": NaN}', "{"])
async def test_what_is_no_json_for_postgresql_is_refused_at_every_door(db: Database, text: str) -> None:
    for door in DOORS.values():
        with pytest.raises(psycopg.DataError):
            await door(db, {"payload": text})
        await nothing_is_left(db)


async def test_a_kind_that_is_no_text_is_refused_at_every_door(db: Database) -> None:
    for door in DOORS.values():
        for kind in ("a\0b", "a\ud800b"):
            with pytest.raises((psycopg.DataError, UnicodeEncodeError)):
                await door(db, {"kind": kind})
        await nothing_is_left(db)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "\N{SNOWMAN}" * 128),
        ("queue", "\N{SNOWMAN}" * 128),
        ("priority", 0),
        ("priority", 9),
        ("max_attempts", 1),
        ("max_attempts", 1000),
        ("timeout_seconds", 0.001),
        ("run_at", "2000-01-01 00:00:00+00"),
        ("run_at", "2999-12-31 23:59:59+00"),
        ("payload", json.dumps({"text": "x" * 999_988})),
        ("payload", '{"n": 1e5000}'),  # a number of 5,001 digits that Python cannot read: its worker buries it
        ("headers", json.dumps({"text": "x" * 16_000})),
        ("tags", ["t" * 128] * 32),
        ("tags", []),
        ("idempotency_key", "255 characters, another key at each door"),
    ],
)
async def test_what_lies_on_the_border_is_accepted_at_every_door(db: Database, field: str, value: object) -> None:
    for number, door in enumerate(DOORS.values()):
        if field == "idempotency_key":
            value = f"{number}" + "\N{SNOWMAN}" * 254

        task = await door(db, {field: value})

        assert await db.value("SELECT state FROM pgq.tasks WHERE id = %s", task) == "pending"


async def test_a_bomb_that_a_staging_table_keeps_compressed_is_refused_all_the_same(db: Database) -> None:
    await db.run("CREATE TABLE staging (payload jsonb)")
    await db.run("INSERT INTO staging VALUES (%s)", BOMB.replace(", 1e131000" * 2_000, ""))
    assert await db.value("SELECT pg_column_size(payload) < 2000 FROM staging")

    with pytest.raises(psycopg.Error, match=r"^payload: holds a number"):
        await db.run("INSERT INTO pgq.tasks (kind, payload) SELECT 'echo', payload FROM staging")


@pytest.mark.parametrize("tags", ["{{a,b},{c,d}}", "{NULL}"])
async def test_tags_are_a_plain_list(db: Database, tags: str) -> None:
    with pytest.raises(psycopg.Error, match=r"^tags: ") as refusal:
        await db.insert(tags=tags)

    assert refusal.value.sqlstate == "PQ003"


@pytest.mark.parametrize("seconds", ["NaN", "Infinity", "-Infinity"])
async def test_a_timeout_is_a_finite_number(db: Database, seconds: str) -> None:
    for door in ("INSERT", "COPY", "pgq.submit_many"):
        with pytest.raises(psycopg.Error, match=r"^timeout_seconds: "):
            await DOORS[door](db, {"timeout_seconds": seconds})


async def nothing_is_left(db: Database) -> None:
    assert await db.value("SELECT count(*) FROM pgq.tasks") == 0
    assert await db.value("SELECT count(*) FROM pgq.idempotency_keys") == 0


@pytest.mark.parametrize(
    "change",
    [
        "kind = ''",
        "queue = repeat('q', 129)",
        "priority = 12",
        "max_attempts = 0",
        "timeout_seconds = 'NaN'",
        "run_at = 'infinity'",
        "expires_at = '294276-12-31Z'",
        "payload = '[]'",
    ],
)
async def test_no_update_leaves_what_a_worker_could_not_read_or_run(db: Database, change: str) -> None:
    await db.insert()

    with pytest.raises(psycopg.Error) as refusal:
        await db.run(f"UPDATE pgq.tasks SET {change}")

    said = refusal.value.diag
    assert said.sqlstate == "PQ003"
    assert json.loads(said.message_detail or "")["field"] == change.split()[0]
