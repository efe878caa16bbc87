"""Thumbnails and a contact sheet of every picture below a folder: `python -m examples.thumbnails FOLDER --out OUT`."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import pgq
from examples.thumbnails.album import Album, fingerprint
from examples.thumbnails.follow import ended
from examples.thumbnails.tasks import make_contact_sheet, make_thumbnail, queue

SHOWN = 10

R = TypeVar("R")
console = Console(highlight=False, soft_wrap=True)


def main() -> int:
    """Submit, watch and tell. The exit code: 1 when something could not be made."""
    parser = argparse.ArgumentParser(prog="python -m examples.thumbnails", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the pictures are, at any depth")
    parser.add_argument("--out", type=Path, required=True, metavar="OUT", help="where the thumbnails go")
    given = parser.parse_args()
    album = Album(given.folder.resolve(), given.out.resolve())
    if not album.folder.is_dir():
        parser.error(f"{given.folder} is not a folder")
    if album.folder.is_relative_to(album.out):
        parser.error("OUT must not hold FOLDER: nothing below OUT is taken for a picture")
    try:
        with queue:
            return make(album)
    except (pgq.PgqError, OSError) as error:
        console.print(f"[red]error:[/] {escape(str(error))}")
        return 1
    except KeyboardInterrupt:
        console.print("The tasks go on. The same command watches them again.")
        return 130


def make(album: Album) -> int:
    """Have what is missing made, show the progress, and say what came of it."""
    pictures = album.pictures()
    missing = [picture for picture in pictures if not album.has(picture)]
    console.print(f"{len(pictures)} pictures, {len(missing)} without a thumbnail")
    ends = watch(submit_thumbnails(album, missing))
    if sheet := submit_contact_sheet(album):
        with console.status("contact sheet"):
            made = sheet.result()
        console.print(*(f"contact sheet: {escape(str(path))}" for path in made), sep="\n")
    failed = [end for end in ends if end.state != "succeeded"]
    explain(failed)
    return 1 if failed else 0


def submit_thumbnails(album: Album, pictures: Iterable[Path]) -> list[pgq.Handle[None]]:
    """One task a picture. The key makes it one task, however often the same picture is submitted."""
    tasks = []
    for picture in pictures:
        thumbnail = album.thumbnail_of(picture)
        key = f"thumbnail:{fingerprint([picture], thumbnail)}"
        tasks.append(make_thumbnail.options(key=key).new(picture, thumbnail))
    return [unless_lost(handle) for handle in queue.submit_many(tasks)]


def submit_contact_sheet(album: Album) -> pgq.Handle[list[Path]] | None:
    """One task for all thumbnails that there are; the same thumbnails give the same sheet, so also the same task."""
    thumbnails = album.thumbnails()
    if not thumbnails:
        return None
    key = f"sheet:{fingerprint(thumbnails, album.out)}"
    handle = make_contact_sheet.options(key=key).submit(album.folder, album.out)
    return handle if handle.created or (album.out / "contact-sheet.jpg").exists() else unless_lost(handle)


def unless_lost(handle: pgq.Handle[R]) -> pgq.Handle[R]:
    """The task; a new one when it has made its file long ago and somebody has removed that since."""
    lost = not handle.created and handle.status().state in ("succeeded", "cancelled")
    return handle.retry() if lost else handle


def watch(handles: Sequence[pgq.Handle[None]]) -> list[pgq.TaskStatus]:
    """Show a progress bar until all tasks have ended; how they did."""
    if not handles:
        return []
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    ends: list[pgq.TaskStatus] = []
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("waiting for a worker: pgq worker examples.thumbnails.tasks", total=len(handles))
        for end in ended(handles):
            ends.append(end)
            counts = Counter(end.state for end in ends)
            words = f"[green]{counts['succeeded']} succeeded[/]  [red]{counts['dead']} dead[/]"
            progress.update(bar, advance=1, description=words)
    return ends


def explain(failed: Sequence[pgq.TaskStatus]) -> None:
    """Why pictures have no thumbnail, and what to do about it."""
    for task in failed[:SHOWN]:
        reason = task.error.message if task.error else f"{task.payload['picture']}: {task.state}"
        console.print(f"[red]{task.state}[/]  {escape(reason)}")
    if len(failed) > SHOWN:
        console.print(f"… and {len(failed) - SHOWN} more: pgq dlq list --kind make_thumbnail")
    if failed:
        console.print(
            "Repair the pictures, then: pgq dlq redrive --kind make_thumbnail --yes\n"
            "and run this command again for the new contact sheet."
        )


if __name__ == "__main__":
    sys.exit(main())
