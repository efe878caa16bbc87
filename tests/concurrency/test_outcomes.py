"""What an outcome leaves behind."""

import pytest

from pgq.db.outcomes import HandBack
from pgq.values.outcome import Outcome
from tests.verbs import Database, retry_later, snooze


@pytest.mark.parametrize("outcome", [HandBack(), snooze()], ids=["hand back", "snooze"])
async def test_a_hand_back_and_a_snooze_use_no_attempt(db: Database, outcome: Outcome | HandBack) -> None:
    claimed = await db.running()

    assert await db.ends(claimed, outcome)

    assert (await db.task(claimed.id))["attempt"] == 0
    assert await db.attempts(claimed.id) == []
    assert (await db.claim_one()).attempt == 1


async def test_a_retry_uses_one(db: Database) -> None:
    claimed = await db.running()

    assert await db.ends(claimed, retry_later())

    assert (await db.task(claimed.id))["attempt"] == 1
    assert await db.attempts(claimed.id) == ["ValueError"]
    assert (await db.claim_one()).attempt == 2
