"""What a pool says while the database is away."""

import logging

import pytest

from pgq.cli.logs import OnceAMinute


def test_a_pool_says_once_a_minute_in_one_line_that_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    quiet, said = OnceAMinute(), []
    for now in (0.0, 1.0, 30.0, 61.0, 62.0):
        record = logging.makeLogRecord(
            {"msg": "error connecting in %r: no server\n\tIs it running?", "args": ("pool-1",)}
        )
        if quiet.filter(record):
            said.append((now, record.getMessage()))
    assert said == [(at, "error connecting in 'pool-1': no server") for at in (0.0, 61.0)]
