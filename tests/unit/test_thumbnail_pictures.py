"""The thumbnails example on every kind of picture, and on what is none."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from examples.thumbnails.picture import UnreadablePicture, read_small

RED, BLUE = (200, 30, 20), (20, 40, 180)


def plain(color: tuple[int, int, int] = RED, size: tuple[int, int] = (60, 40)) -> Image.Image:
    return Image.new("RGB", size, color)


def test_a_picture_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by a quarter, clockwise
    lying = plain(RED)
    lying.paste(BLUE, (0, 0, 30, 40))
    lying.save(tmp_path / "a.png", exif=exif)
    small = read_small(tmp_path / "a.png", 20)
    assert small.size == (13, 20)
    assert small.getpixel((6, 2)) == BLUE
    assert small.getpixel((6, 17)) == RED


def test_what_shines_through_stays_so_and_what_does_not_has_no_alpha(tmp_path: Path) -> None:
    clear = plain().convert("RGBA")
    clear.putalpha(0)
    clear.save(tmp_path / "clear.png")
    plain().convert("RGBA").save(tmp_path / "opaque.png")
    one_clear_color = plain().quantize(4)
    one_clear_color.save(tmp_path / "palette.gif", transparency=0)
    assert read_small(tmp_path / "clear.png", 20).mode == "RGBA"
    assert read_small(tmp_path / "opaque.png", 20).mode == "RGB"
    assert read_small(tmp_path / "palette.gif", 20).mode == "RGBA"


def test_of_an_animation_the_first_frame_is_shown(tmp_path: Path) -> None:
    plain(RED).save(tmp_path / "a.gif", save_all=True, append_images=[plain(BLUE)], duration=100)
    assert near(read_small(tmp_path / "a.gif", 20), RED)


def test_inks_become_colors(tmp_path: Path) -> None:
    plain().convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    assert near(read_small(tmp_path / "a.jpg", 20), RED)


@pytest.mark.parametrize(("mode", "suffix"), [("I;16", "png"), ("I;16", "tiff"), ("I", "tiff"), ("F", "tiff")])
def test_measurements_are_shown_from_black_to_white(tmp_path: Path, mode: str, suffix: str) -> None:
    ramp = Image.linear_gradient("L").convert("I").point(lambda value: value * 16 + 300).convert(mode)
    ramp.save(tmp_path / f"a.{suffix}")
    small = read_small(tmp_path / f"a.{suffix}", 256)
    assert small.mode == "RGB"
    assert small.getpixel((128, 0)) == (0, 0, 0)
    assert small.getpixel((128, 255)) == (255, 255, 255)
    assert near(small.crop((128, 128, 129, 129)), (128, 128, 128))


def test_a_broken_color_profile_is_left_out(tmp_path: Path) -> None:
    plain().save(tmp_path / "a.png", icc_profile=b"no profile")
    assert near(read_small(tmp_path / "a.png", 20), RED)


def huge() -> bytes:
    """The beginning of a PNG, 20,000 pixels wide and as many high."""
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)) + chunk(b"IDAT")
    )


def chunk(name: bytes, data: bytes = b"") -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda _: b"", "a.png: the file is empty"),
        (lambda _: b"a note", "a.png: not a picture, or its beginning is damaged"),
        (lambda whole: b"\0" * 64 + whole[64:], "a.png: not a picture, or its beginning is damaged"),
        (lambda whole: whole[: len(whole) // 2], "a.png: image file is truncated"),
        (lambda whole: whole[:200] + b"\xff" * 200 + whole[400:], "a.png: .*data stream"),
        (lambda _: huge(), "a.png: .*decompression bomb"),
        (lambda _: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "a.png: not a picture"),
    ],
)
def test_a_broken_picture_is_refused_with_a_reason(
    tmp_path: Path, damage: Callable[[bytes], bytes], reason: str
) -> None:
    path = tmp_path / "a.png"
    Image.effect_noise((60, 40), 80).save(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UnreadablePicture, match=reason):
        read_small(path, 20)


def test_a_file_that_cannot_be_read_is_another_matter(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_small(tmp_path / "gone.png", 20)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(IsADirectoryError):
        read_small(tmp_path / "folder.png", 20)


def near(image: Image.Image, color: tuple[int, int, int]) -> bool:
    """Whether the middle of an image has about this color."""
    found = image.convert("RGB").getpixel((image.width // 2, image.height // 2))
    assert isinstance(found, tuple)
    return all(abs(a - b) < 25 for a, b in zip(found, color, strict=True))
