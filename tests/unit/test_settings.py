"""Settings come from the environment; a wrong one is named, and a secret never shown."""

import os
from pathlib import Path

import pytest

from pgq.values.errors import SettingsError
from pgq.values.settings import load_settings

SECRET = "postgresql://ada:s3cret@db/jobs"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PGQ_") or name == "DATABASE_URL"]:
        monkeypatch.delenv(name)


def test_defaults() -> None:
    settings = load_settings()

    assert settings.database_url is None
    assert (settings.concurrency, settings.grace_seconds, settings.lease_seconds, settings.poll_seconds) == (
        100,
        25,
        60,
        1,
    )
    assert settings.retention == 7 * 86_400
    assert settings.kind_grace_seconds == 86_400
    assert (settings.log_format, settings.log_level) == ("console", "info")


def test_the_environment_and_then_the_command_line_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGQ_CONCURRENCY", "7")
    monkeypatch.setenv("PGQ_LOG_LEVEL", "WARNING")

    assert load_settings(concurrency=None).concurrency == 7
    assert load_settings(concurrency=3).concurrency == 3
    assert load_settings().log_level == "warning"


def test_database_url_is_never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", SECRET)

    assert load_settings().database_url is None


@pytest.mark.parametrize("key", ["database_url", "direct_url"])
def test_a_secret_may_be_in_a_file(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    monkeypatch.setenv(f"PGQ_{key.upper()}_FILE", str(file))

    secret = getattr(load_settings(), key)

    assert secret.get_secret_value() == SECRET
    assert "s3cret" not in repr(load_settings())


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_named(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("PGQ_DATABASE_URL_FILE", str(file))

    with pytest.raises(SettingsError, match=r"PGQ_DATABASE_URL_FILE: .*secret"):
        load_settings()


@pytest.mark.parametrize(("words", "seconds"), [("7d", 604_800), ("12h", 43_200), ("3600", 3_600)])
def test_retention_in_words(words: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGQ_RETENTION", words)

    assert load_settings().retention == seconds


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RETENTION", "59m"),
        ("RETENTION", "a week"),
        ("RETENTION", "nan"),
        ("CONCURRENCY", "0"),
        ("CONCURRENCY", "many"),
        ("LEASE_SECONDS", "0"),
        ("LEASE_SECONDS", "nan"),
        ("LEASE_SECONDS", "inf"),
        ("GRACE_SECONDS", "-1"),
        ("POLL_SECONDS", "0"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_value_names_its_variable(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"PGQ_{name}", value)

    with pytest.raises(SettingsError, match=f"^PGQ_{name}: ") as refused:
        load_settings()
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
