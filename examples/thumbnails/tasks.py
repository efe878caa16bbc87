"""The two kinds of work: `pgq worker examples.thumbnails.tasks`.

Any of it may be done twice, for one after a worker was killed; so all of it ends in the same files.
"""

import os
import threading
from pathlib import Path

import pgq
from examples.thumbnails.album import Album, is_current, replacing, sweep
from examples.thumbnails.picture import UnreadablePicture, read_small
from examples.thumbnails.sheet import draw_sheet

EDGE = 256
PER_SHEET = 300

queue = pgq.App()

decoding = threading.BoundedSemaphore(os.cpu_count() or 1)
"""A worker runs a hundred handlers at once: so many photographs, decoded, would not fit into memory."""


@queue.task(queue="thumbnails", timeout=120, bury_on=(UnreadablePicture, FileNotFoundError))
def make_thumbnail(picture: Path, thumbnail: Path) -> None:
    """Make the thumbnail of one picture, unless it is there. No retry mends a broken picture: it is buried at once."""
    with decoding:
        if is_current(thumbnail, picture):
            return
        changed_at = picture.stat().st_mtime_ns
        small = read_small(picture, EDGE)
        with replacing(thumbnail, changed_at) as file:
            small.save(file, "WEBP", quality=82)


@queue.task(queue="thumbnails", timeout=600)
def make_contact_sheet(folder: Path, out: Path) -> list[Path]:
    """Put the thumbnails that there are on sheets; the result is the sheets."""
    thumbnails = Album(folder, out).thumbnails()
    pages = [thumbnails[start : start + PER_SHEET] for start in range(0, len(thumbnails), PER_SHEET)]
    sheets = [out / f"contact-sheet{f'-{number}' if number > 1 else ''}.jpg" for number in range(1, len(pages) + 1)]
    for number, (sheet, page) in enumerate(zip(sheets, pages, strict=True), start=1):
        subtitle = f"{len(thumbnails)} pictures" + (f", sheet {number} of {len(sheets)}" if len(sheets) > 1 else "")
        with replacing(sheet) as file:
            draw_sheet(folder.name, subtitle, page, out).save(file, "JPEG", quality=90)
    for outdated in set(out.glob("contact-sheet*.jpg")) - set(sheets):
        outdated.unlink(missing_ok=True)
    sweep(out)
    return sheets
