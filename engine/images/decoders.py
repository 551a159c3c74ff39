"""A picture file's numbers as they are meant, by Pillow and tifffile."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import InputError

__all__ = ["FORMATS", "LARGEST_FILE", "LoadedImage", "decode"]

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF")
LARGEST_PIXELS = 64_000_000
LARGEST_FILE = 1 << 30


@dataclass(frozen=True)
class LoadedImage:
    """``pixels``: float32 in [0, 1], (channels, height, width), one (grey) or three (RGB) channels.
    ``notes``: what was done to the file's numbers on the way, for the user to read."""

    pixels: np.ndarray
    notes: tuple[str, ...] = ()


def decode(path: Path, head: bytes) -> LoadedImage:
    """The first frame of a file whose first 8 bytes are ``head``; what the decoders raise is not caught."""
    is_tiff = head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
    return _load_tiff(path) if is_tiff else _load_with_pillow(path, deep_png=_is_deep_colour_png(path))


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > LARGEST_PIXELS:
        raise InputError(
            f"'{path.name}' is {width:,} x {height:,} pixels, above the limit of {LARGEST_PIXELS // 10**6} million; "
            "reduce it first."
        )


def _load_with_pillow(path: Path, deep_png: bool) -> LoadedImage:
    from PIL import Image, ImageOps

    notes = []
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            image = Image.open(path, formats=FORMATS)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise InputError(
                f"'{path.name}' has more than {LARGEST_PIXELS // 10**6} million pixels; reduce it first."
            ) from None
    with image:
        _check_size(path, *image.size)
        frames = getattr(image, "n_frames", 1)
        if frames > 1:
            notes.append(f"frame 1 of {frames}")
        image.seek(0)
        image.load()
        if image.getexif().get(0x0112, 1) != 1:
            notes.append("turned as its EXIF orientation says")
        turned = ImageOps.exif_transpose(image)
        mode = turned.mode
        if mode.startswith("I;16") or mode == "I":
            array = np.asarray(turned).astype(np.float64) / 65535
            if array.max(initial=0) > 1 or array.min(initial=0) < 0:
                raise InputError(f"'{path.name}' has integers outside 0 to 65535; save it with 8 or 16 bits.")
            return LoadedImage(array[None].astype(np.float32), (*notes, "16 bit"))
        if mode == "F":
            return _from_float(np.asarray(turned)[None], notes)
        if deep_png:
            notes.append("16-bit colour read as 8 bit")
        if mode == "CMYK":
            turned, mode = turned.convert("RGB"), "RGB"
            notes.append("CMYK converted to RGB")
        has_alpha = "A" in turned.getbands() or "transparency" in turned.info or mode in ("PA", "La", "RGBa")
        if has_alpha:
            notes.append("transparency laid on white")
            rgba = np.asarray(turned.convert("RGBA"), np.float32) / 255
            colour = rgba[..., :3] * rgba[..., 3:] + (1 - rgba[..., 3:])
            grey = mode in ("LA", "La", "L", "1")
            array = colour[..., :1] if grey else colour
        elif mode in ("1", "L"):
            array = np.asarray(turned.convert("L"), np.float32)[..., None] / 255
        else:
            array = np.asarray(turned.convert("RGB"), np.float32) / 255
    return LoadedImage(array.transpose(2, 0, 1), tuple(notes))


def _is_deep_colour_png(path: Path) -> bool:
    """Pillow opens 16-bit RGB PNG as 8 bit; the header tells."""
    with path.open("rb") as file:
        head = file.read(26)
    return head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) == 26 and head[24] == 16 and head[25] in (2, 6)


def _load_tiff(path: Path) -> LoadedImage:
    """Integer and float TIFF by their own numbers; what tifffile cannot decode goes to Pillow."""
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        _check_size(path, int(page.imagewidth), int(page.imagelength))  # type: ignore[union-attr]
        depth = int(page.samplesperpixel) * np.dtype(page.dtype or "u1").itemsize  # type: ignore[union-attr]
        if int(page.imagewidth) * int(page.imagelength) * depth > LARGEST_FILE:  # type: ignore[union-attr]
            raise InputError(f"'{path.name}' unpacks to more than 1 GB; give a smaller picture.")
        notes = [f"frame 1 of {len(tiff.pages)}"] if len(tiff.pages) > 1 else []
        photometric = getattr(page.photometric, "name", "")  # type: ignore[union-attr]
        compressed = page.compression != 1
        if photometric not in ("MINISBLACK", "MINISWHITE", "RGB") or (compressed and page.dtype == np.uint8):
            return _load_with_pillow(path, deep_png=False)
        try:
            array = page.asarray()
        except ValueError:  # a compression that tifffile leaves to a codec package; Pillow has most of them
            return _load_with_pillow(path, deep_png=page.dtype == np.uint16 and int(page.samplesperpixel) > 1)  # type: ignore[union-attr]
        planar = int(page.planarconfig) == 2  # type: ignore[union-attr]
        turned = int(page.tags.get("Orientation").value) if page.tags.get("Orientation") else 1  # type: ignore[union-attr]
    if array.ndim == 2:
        array = array[None]
    elif array.ndim == 3 and not planar:
        array = array.transpose(2, 0, 1)
    if array.ndim != 3 or array.shape[0] not in (1, 2, 3, 4):
        raise InputError(f"'{path.name}' has {array.shape[0]} channels; a picture has 1 (grey) or 3 (colour).")
    array = _oriented(array, turned)
    if turned != 1:
        notes.append("turned as its EXIF orientation says")
    if array.dtype == np.bool_:
        array, full = array.astype(np.float64), 1.0
    elif np.issubdtype(array.dtype, np.unsignedinteger):
        full = float(np.iinfo(array.dtype).max)
    elif np.issubdtype(array.dtype, np.floating):
        return _from_float(array[:3] if array.shape[0] >= 3 else array[:1], notes)
    else:
        raise InputError(f"'{path.name}' holds {array.dtype} numbers; save it as unsigned integers or floats.")
    array = array / full
    if photometric == "MINISWHITE":
        array = 1 - array
    if full > 255:
        notes.append(f"{int(math.log2(full + 1))} bit")
    if array.shape[0] in (2, 4):
        notes.append("transparency laid on white")
        array = array[:-1] * array[-1:] + (1 - array[-1:])
    return LoadedImage(array.astype(np.float32), tuple(notes))


def _oriented(array: np.ndarray, orientation: int) -> np.ndarray:
    """(channels, height, width) turned as the TIFF/EXIF orientation tag says."""
    if orientation in (5, 6, 7, 8):
        array = array.transpose(0, 2, 1)
    if orientation in (3, 4, 7, 8):
        array = array[:, ::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, :, ::-1]
    return array


def _from_float(array: np.ndarray, notes: list[str]) -> LoadedImage:
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        return LoadedImage(array.astype(np.float32), tuple(notes))
    low, high = float(array.min()), float(array.max())
    if low < 0 or high > 1:
        notes.append(f"float values {low:.4g} to {high:.4g} stretched to 0 to 1")
        array = (array - low) / max(high - low, 1e-30)
    else:
        notes.append("float values taken as 0 to 1")
    return LoadedImage(array.astype(np.float32), tuple(notes))
