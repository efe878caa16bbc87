"""Arrays that are sent as text arrive as what they were."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

from pgq.db.arrays import bigint_array, integer_array, text_array, time_array, uuid_array
from tests.verbs import Database

NASTY = ["", "NULL", "null", "{a,b}", 'a "b"', "back\\slash", "ключ", "a, b", " space ", "'", "%s", "\\x41"]


async def test_any_text_arrives_as_it_is(db: Database) -> None:
    assert await db.value("SELECT %s", text_array(NASTY)) == NASTY
    assert await db.value("SELECT %s", text_array([])) == []
    assert await db.value("SELECT %s", text_array([None, "NULL", None])) == [None, "NULL", None]


async def test_a_moment_arrives_whatever_its_zone_and_the_sessions(db: Database) -> None:
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    moments = [datetime(2026, 11, 22, 9, 30, 0, 123456, tzinfo=kathmandu), datetime.now(UTC)]
    await db.run("SET TimeZone = 'America/New_York'")

    assert await db.value("SELECT %s", time_array(moments)) == moments


async def test_numbers_and_ids_have_their_own_types(db: Database) -> None:
    ids = [UUID(int=0), UUID(int=2**128 - 1)]

    assert await db.value("SELECT %s", integer_array([1, -2])) == [1, -2]
    assert await db.value("SELECT %s", bigint_array([2**62])) == [2**62]
    assert await db.value("SELECT %s", uuid_array(ids)) == ids
    assert await db.value("SELECT pg_typeof(%s)::text", uuid_array(ids)) == "uuid[]"
