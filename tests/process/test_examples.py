"""The examples, as somebody who tries them runs them: the same commands, on a few pictures."""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from PIL import Image

from pgq.db.embedded import EmbeddedServer

ROOT = Path(__file__).resolve().parents[2]
PGQ = Path(sys.executable).with_name("pgq")
PATIENCE_SECONDS = 120

pytestmark = pytest.mark.xdist_group("examples")

Run = Callable[..., subprocess.CompletedProcess[str]]
Worker = Callable[[], AbstractContextManager[subprocess.Popen[bytes]]]


def environment(**settings: str) -> dict[str, str]:
    """The environment of a command: none of pgq's or PostgreSQL's variables but these."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**others, "COLUMNS": "200", **settings}


@pytest.fixture
def run(dsn: str) -> Run:
    """Run a command to its end, from the root of the repository, on a database of its own."""

    def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=ROOT,
            env=environment(PGQ_DATABASE_URL=dsn),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )

    return run


@pytest.fixture
def worker(dsn: str, tmp_path: Path) -> Worker:
    """A worker for the thumbnails, as long as the block lasts. Dead ones are found out within seconds."""

    @contextmanager
    def worker() -> Iterator[subprocess.Popen[bytes]]:
        said = tmp_path / "worker.log"
        command = [str(PGQ), "worker", "examples.thumbnails.tasks", "--concurrency", "2", "--lease-seconds", "3"]
        with said.open("ab") as log, subprocess.Popen(
            command, cwd=ROOT, env=environment(PGQ_DATABASE_URL=dsn), stdout=log, stderr=log
        ) as process:  # fmt: skip
            try:
                yield process
            finally:
                process.terminate()
        assert "Traceback" not in said.read_text()

    return worker


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """For a local server: as root, that runs as another user, who must get there."""
    with tempfile.TemporaryDirectory(prefix="pgq-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "data"


def check_simple_task(example: subprocess.CompletedProcess[str]) -> None:
    assert example.returncode == 0, example.stderr
    assert example.stdout.splitlines() == [
        "Hello, Ada!",
        "Hello, Grace!",
        "Hello, Edsger!",
        "{'be': 2, 'or': 1, 'to': 2, 'not': 1}, at attempt 2",
    ]
    assert example.stderr == ""


def test_the_simple_task_needs_nothing_and_leaves_nothing_running(data_dir: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "examples" / "simple_task.py")]
    settings = environment(PGQ_DATA_DIR=str(data_dir))
    check_simple_task(
        subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    )
    assert EmbeddedServer(data_dir).attach() is None, "its server is still up"


def test_the_simple_task_leaves_the_server_of_another_running(data_dir: Path, tmp_path: Path) -> None:
    server = EmbeddedServer(data_dir, die_with_parent=True, options={"fsync": "off"})
    server.start()
    try:
        command = [sys.executable, str(ROOT / "examples" / "simple_task.py")]
        settings = environment(PGQ_DATA_DIR=str(data_dir))
        example = subprocess.run(
            command, cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=PATIENCE_SECONDS
        )
        check_simple_task(example)
        assert server.attach() is not None
    finally:
        server.stop()


def test_the_simple_task_runs_on_a_named_database(run: Run) -> None:
    check_simple_task(run(sys.executable, ROOT / "examples" / "simple_task.py"))


def test_the_workflow_fans_out_comes_together_and_is_repaired(run: Run) -> None:
    example = run(sys.executable, ROOT / "examples" / "workflow.py")
    assert example.returncode == 0, example.stderr
    assert example.stdout.splitlines() == [
        "succeeded: 'the' stands there 5 times",
        "failed: 1 dead, 1 succeeded",
        "succeeded: published 6 words",
    ]


def photo(width: int = 640, height: int = 400, seed: int = 1) -> Image.Image:
    """Soft colours in large shapes, as in a photograph out of focus."""
    chance = random.Random(seed)
    coarse = Image.frombytes("RGB", (8, 5), chance.randbytes(120))
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures of several kinds, two of them broken, and what is none."""
    folder = tmp_path / "Pictures"
    (folder / "2024" / "summer").mkdir(parents=True)
    lying_on_its_side = Image.Exif()
    lying_on_its_side[0x0112] = 6
    photo().save(folder / "2024" / "summer" / "beach.jpg", exif=lying_on_its_side)
    logo = photo().convert("RGBA")
    logo.putalpha(Image.linear_gradient("L").resize(logo.size))
    logo.save(folder / "logo.png")
    photo(seed=2).save(folder / "truncated.jpg")
    whole = (folder / "truncated.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "note.jpg").write_text("a note, not a picture")
    (folder / "drawing.svg").write_text("<svg/>")
    return folder


def test_thumbnails_from_the_first_run_to_the_repaired_pictures(
    run: Run, worker: Worker, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "thumbs"
    make = (sys.executable, "-m", "examples.thumbnails", folder, "--out", out)
    good = [out / "2024" / "summer" / "beach.jpg.webp", out / "logo.png.webp"]
    mended = [out / "truncated.jpg.webp", out / "note.jpg.webp"]

    with worker():
        first = run(*make)
        assert first.returncode == 1, first.stderr
        assert "4 pictures, 4 without a thumbnail" in first.stdout
        assert "2 succeeded  2 dead" in first.stdout
        assert "dead  truncated.jpg: image file is truncated" in first.stdout
        assert "dead  note.jpg: not a picture, or its beginning is damaged" in first.stdout
        assert sorted(out.rglob("*.webp")) == sorted(good)
        with Image.open(good[0]) as upright, Image.open(good[1]) as see_through:
            assert upright.size == (160, 256)
            assert see_through.mode == "RGBA"
        dead = json.loads(run(PGQ, "dlq", "list", "--json").stdout)
        assert [letter["error"]["type"] for letter in dead] == ["UnreadablePicture"] * 2
        sheet = size_of(out / "contact-sheet.jpg")

        made = [path.stat() for path in [*good, out / "contact-sheet.jpg"]]
        again = run(*make)
        assert again.returncode == 1, again.stderr
        assert "4 pictures, 2 without a thumbnail" in again.stdout
        assert [path.stat() for path in [*good, out / "contact-sheet.jpg"]] == made, "it was done twice"
        assert len(json.loads(run(PGQ, "dlq", "list", "--json").stdout)) == 2

        photo(seed=2).save(folder / "truncated.jpg")
        photo(seed=3).save(folder / "note.jpg")
        redriven = run(PGQ, "dlq", "redrive", "--kind", "make_thumbnail", "--yes")
        assert redriven.returncode == 0, redriven.stderr
        last = run(*make)
        assert last.returncode == 0, last.stdout + last.stderr
        assert sorted(out.rglob("*.webp")) == sorted([*good, *mended])
        assert json.loads(run(PGQ, "dlq", "list", "--json").stdout) == []
        assert size_of(out / "contact-sheet.jpg")[1] >= sheet[1]
        assert (out / "contact-sheet.jpg").stat() != made[-1], "the sheet lacks the repaired pictures"

        good[1].unlink()
        restored = run(*make)
        assert restored.returncode == 0, restored.stdout + restored.stderr
        assert good[1].exists()


def test_a_killed_worker_costs_no_thumbnail_and_leaves_no_half_one(
    dsn: str, run: Run, worker: Worker, tmp_path: Path
) -> None:
    folder, out = tmp_path / "Pictures", tmp_path / "thumbs"
    folder.mkdir()
    photo(1600, 1200).save(folder / "0.png")
    whole = (folder / "0.png").read_bytes()
    for number in range(1, 40):
        (folder / f"{number}.png").write_bytes(whole)
    command = [sys.executable, "-m", "examples.thumbnails", str(folder), "--out", str(out)]
    settings = environment(PGQ_DATABASE_URL=dsn)
    with (
        worker() as victim,
        subprocess.Popen(command, cwd=ROOT, env=settings, stdout=subprocess.PIPE, text=True) as watching,
    ):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(list(out.glob("*.webp"))) < 3:
            assert time.monotonic() < deadline, "no thumbnails are made"
            assert watching.poll() is None, watching.communicate()
            time.sleep(0.005)
        victim.kill()
        victim.wait()
        left = len(list(folder.iterdir())) - len(list(out.glob("*.webp")))
        with worker():
            said, _ = watching.communicate(timeout=PATIENCE_SECONDS)
    assert left > 0, "the worker was killed too late"
    assert watching.returncode == 0, said
    assert "40 succeeded  0 dead" in said
    for number in range(40):
        assert size_of(out / f"{number}.png.webp") == (256, 192)


def test_thumbnails_without_a_database_say_what_to_do(data_dir: Path, folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "examples.thumbnails", str(folder), "--out", str(tmp_path / "thumbs")]
    settings = environment(PGQ_DATA_DIR=str(data_dir))
    refused = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert refused.returncode == 1
    assert "pgq up" in refused.stdout
    assert "Traceback" not in refused.stderr


def size_of(picture: Path) -> tuple[int, int]:
    """Width and height; fails when the picture is not whole."""
    with Image.open(picture) as image:
        image.load()
        return image.size
