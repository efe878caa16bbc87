"""From a picture of any kind to a small one for the screen."""

from io import BytesIO
from pathlib import Path
from typing import cast

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP")
"""What Pillow may take a file for. Others (EPS) would start programs."""


class UnreadablePicture(Exception):
    """The file holds no picture, or half of one: trying again cannot help."""


def read_small(path: Path, edge: int) -> Image.Image:
    """The picture upright, in sRGB, at most `edge` pixels high and wide; the first frame of an animation.

    Raises UnreadablePicture for what is in the file, and OSError when the file system is to blame.
    """
    try:
        if path.stat().st_size == 0:
            raise UnreadablePicture(f"{path.name}: the file is empty")
        with Image.open(path, formats=FORMATS) as image:
            image.draft("RGB", (2 * edge, 2 * edge))  # JPEG is decoded at a fraction of its size
            return for_screen(ImageOps.exif_transpose(image), edge)
    except UnidentifiedImageError:
        raise UnreadablePicture(f"{path.name}: not a picture, or its beginning is damaged") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise UnreadablePicture(f"{path.name}: {error}") from error  # Pillow's own: truncated, broken data
    except (MemoryError, UnreadablePicture):
        raise
    except Exception as error:  # damaged files make decoders fail in every way there is
        raise UnreadablePicture(f"{path.name}: {error or type(error).__name__}") from error


def for_screen(image: Image.Image, edge: int) -> Image.Image:
    """A small version with 8 bits a channel: RGBA where something shines through, else RGB."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = stretched(image)
    if image.mode in ("1", "P"):  # cannot be scaled smoothly
        image = image.convert(target_mode(image))
    image.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    mode = target_mode(image)
    image = in_srgb(image, mode).convert(mode)
    if mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        image = image.convert("RGB")
    image.info.clear()  # no colour profile, no place where the photo was taken
    return image


def target_mode(image: Image.Image) -> str:
    return "RGBA" if image.has_transparency_data else "RGB"


def stretched(image: Image.Image) -> Image.Image:
    """Measurements of 16 or 32 bits as shades of grey, from the darkest in the picture to the brightest."""
    values = image.convert("F")
    lowest, highest = cast(tuple[float, float], values.getextrema())  # there is one band only
    scale = 255 / ((highest - lowest) or 1)
    return values.point(lambda value: value * scale - lowest * scale).convert("L")


def in_srgb(image: Image.Image, mode: str) -> Image.Image:
    """The picture with the colours that its profile means; as it is without one, or with a broken one."""
    profile = image.info.get("icc_profile")
    if not profile:
        return image
    try:
        converted = ImageCms.profileToProfile(
            image, ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode=mode
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return converted or image
