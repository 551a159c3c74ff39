"""Reading pictures that are not trusted: sizes are capped before decoding, and every failure is one sentence."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from engine.errors import InputError
from engine.images.decoders import LARGEST_FILE, LoadedImage, decode
from engine.images.fitting import plain_channels

__all__ = ["SUFFIXES", "load_image", "picture_shape"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif")
SMALLEST_SIDE = 2


def load_image(path: Path | str) -> LoadedImage:
    """The first frame of a picture file. 8 and 16 bit integers are divided by their full range; float TIFF is taken as
    [0, 1] if it lies there, else stretched from its least to its largest value; transparency is laid on white; CMYK
    becomes RGB; the EXIF orientation is applied. Raises InputError for anything that is not a usable picture."""
    path = Path(path)
    try:
        if not path.is_file():
            raise InputError(f"'{path}' does not exist or is not a file; check the name.")
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"'{path.name}' is larger than 1 GB; give a smaller picture.")
        with path.open("rb") as file:
            head = file.read(8)
        if not head:
            raise InputError(f"'{path.name}' is empty; give a picture file.")
        loaded = decode(path, head)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"'{path.name}' cannot be read ({error.strerror or 'damaged or not a picture'}).") from None
    except MemoryError:
        raise InputError(f"'{path.name}' is too large for memory; give a smaller picture.") from None
    except Exception as error:
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise InputError(f"'{path.name}' is not a picture this program can read ({reason}).") from None
    pixels = loaded.pixels
    if not np.isfinite(pixels).all():
        raise InputError(f"'{path.name}' has pixels that are not numbers (NaN or infinity); repair or replace it.")
    if min(pixels.shape[1:]) < SMALLEST_SIDE:
        height, width = pixels.shape[1:]
        raise InputError(
            f"'{path.name}' is {width} x {height} pixels; a picture needs at least {SMALLEST_SIDE} on a side."
        )
    return LoadedImage(np.ascontiguousarray(pixels, np.float32), loaded.notes)


def picture_shape(path: Path | str) -> tuple[int, int, int]:
    """(channels, height, width) of a picture file, grey stored as colour counting as grey; kept for files seen before."""
    path = Path(path)
    try:
        modified = path.stat().st_mtime_ns
    except OSError:
        modified = 0  # loading says what is wrong
    return _picture_shape(path, modified)


@lru_cache(maxsize=512)
def _picture_shape(path: Path, _modified: int) -> tuple[int, int, int]:
    pixels = load_image(path).pixels
    return (plain_channels(pixels), *pixels.shape[1:])
