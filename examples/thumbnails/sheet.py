"""The contact sheet: all thumbnails on one page, each above its name and its folder's."""

from collections.abc import Sequence
from functools import cache
from math import ceil, sqrt
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageStat

CELL = 192
GAP = 16
CAPTION = 44
TITLE = 84

PAPER = "#f4f3f0"
INK = "#33322f"
FAINT = "#85827a"
HAIRLINE = "#cfcbc2"
SHADE = "#77746c"

AnyFont = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw_sheet(title: str, subtitle: str, thumbnails: Sequence[Path], root: Path) -> Image.Image:
    """A page with `thumbnails`, which are below `root`; each row is as high as its highest picture."""
    pictures = [for_cell(thumbnail) for thumbnail in thumbnails]
    columns = max(4, ceil(sqrt(1.2 * len(pictures))))
    rows = [range(start, min(start + columns, len(pictures))) for start in range(0, len(pictures), columns)]
    heights = [max(pictures[place].height for place in row) + CAPTION + GAP for row in rows]

    page = Image.new("RGB", (GAP + columns * (CELL + GAP), TITLE + sum(heights)), PAPER)
    pen = ImageDraw.Draw(page)
    write_title(pen, title, subtitle, page.width - 2 * GAP)
    foot = TITLE - CAPTION - GAP
    for row, height in zip(rows, heights, strict=True):
        foot += height
        for column, place in enumerate(row):
            middle = GAP + column * (CELL + GAP) + CELL // 2
            hang(page, pen, pictures[place], middle, foot)
            write_caption(pen, thumbnails[place].relative_to(root), middle, foot)
    return page


def for_cell(thumbnail: Path) -> Image.Image:
    """A thumbnail, small enough for its cell."""
    with Image.open(thumbnail) as image:
        image.thumbnail((CELL, CELL), Image.Resampling.LANCZOS)
        return image.copy()


def hang(page: Image.Image, pen: ImageDraw.ImageDraw, picture: Image.Image, middle: int, foot: int) -> None:
    """Put a picture above its caption, so that it can be seen: a hairline shows where a white one ends."""
    left, top = middle - picture.width // 2, foot - picture.height
    frame = (left - 1, top - 1, left + picture.width, foot)
    if not picture.has_transparency_data:
        page.paste(picture, (left, top))
        pen.rectangle(frame, outline=HAIRLINE)
        return
    if is_white(picture):
        pen.rectangle(frame, fill=SHADE)
    page.paste(picture, (left, top), picture)


def is_white(cutout: Image.Image) -> bool:
    """Whether what does not shine through is so bright that it would vanish on paper."""
    brightness = ImageStat.Stat(cutout.convert("L"), cutout.getchannel("A").point(lambda alpha: alpha > 8 and 255))
    return brightness.count[0] > 0 and brightness.mean[0] > 225


def write_title(pen: ImageDraw.ImageDraw, title: str, subtitle: str, width: float) -> None:
    large, small = font(28), font(15)
    pen.text((GAP, 12), shortened(title, large, width), INK, large)
    pen.text((GAP, 48), shortened(subtitle, small, width), FAINT, small)


def write_caption(pen: ImageDraw.ImageDraw, thumbnail: Path, middle: float, top: float) -> None:
    name, folder = font(13), font(11)
    pen.text((middle, top + 5), shortened(thumbnail.stem, name, CELL), INK, name, anchor="ma")
    if thumbnail.parent.name:
        pen.text((middle, top + 23), shortened(str(thumbnail.parent), folder, CELL), FAINT, folder, anchor="ma")


def shortened(text: str, font: AnyFont, width: float) -> str:
    """The text without its middle, if need be: the beginning and the end tell most."""
    short, kept = text, len(text)
    while kept > 2 and font.getlength(short) > width:
        kept -= 1
        short = f"{text[: kept // 3]}…{text[kept // 3 - kept :]}"
    return short


@cache
def font(size: int) -> AnyFont:
    """A font with many letters where the system has one; else Pillow's own."""
    for name in ("DejaVuSans.ttf", "Arial Unicode.ttf"):
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)
