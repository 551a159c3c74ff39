"""Sequences of frames in one TIFF file, added up frame by frame: no more than one is in memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import InputError
from engine.files import refuse_no_file
from engine.images.decoders import LARGEST_FILE, LARGEST_PIXELS

__all__ = ["Stack", "is_stack", "read_stack"]

ENDINGS = (".tif", ".tiff")
MOST_FRAMES = 1_000_000


@dataclass(frozen=True)
class Stack:
    """``total`` (height, width) or (3, height, width), float64: the sum of ``frames`` frames' own numbers, none of which is
    larger than ``largest``; ``full`` is white in them, ``clicks`` says that they hold nothing but 0 and one other number."""

    total: np.ndarray
    frames: int
    largest: float
    full: float
    clicks: bool


def is_stack(path: Path | str, asked: bool = False) -> bool:
    """Whether a file is a TIFF of several frames; False too where that cannot be seen. Where frames were ``asked`` for, planes of
    colours are taken for them: that is how tifffile writes an array of three or four frames unless it is told."""
    import tifffile

    path = Path(path)
    if path.suffix.lower() not in ENDINGS or not path.is_file():
        return False
    try:
        with tifffile.TiffFile(path) as tiff:
            if len(tiff.pages) == 1:
                return asked and _has_planes(tiff.pages[0])
            return len(tiff.pages) > 1 and _size(tiff.pages[0]) == _size(tiff.pages[1])
    except Exception:  # tifffile raises almost anything; whoever reads the file says what is wrong
        return False


def read_stack(path: Path | str) -> Stack:
    """All frames of a TIFF file, which must be of one size and kind; InputError for what cannot be read."""
    path = Path(path)
    refuse_no_file(path)
    if path.stat().st_size > LARGEST_FILE:
        raise InputError(f"'{path.name}' is larger than 1 GB; give a part of its frames.")
    try:
        return _added(path)
    except InputError:
        raise
    except MemoryError:
        raise InputError(f"'{path.name}' is too large for memory; give a smaller part of the frames.") from None
    except Exception as error:
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise InputError(f"'{path.name}' is not a stack of frames that this program can read ({reason}).") from None


def _size(page) -> tuple[int, int]:
    return int(page.imagelength), int(page.imagewidth)


def _has_planes(page) -> bool:
    """Whether the colours of a page lie one after another, each as a picture."""
    return len(page.shape) == 3 and page.shape[0] in (3, 4) and page.shape[1:] == _size(page)


def _added(path: Path) -> Stack:
    total: np.ndarray | None = None
    kind, levels, clicks, largest, frames = None, {0.0}, True, 0.0, 0
    for frame in _frames(path):
        if total is None:
            total, kind = np.zeros(frame.shape), frame.dtype
            if kind.kind not in "buf":
                raise InputError(f"'{path.name}' holds {kind} numbers; save unsigned integers or floats.")
        if frame.shape != total.shape or frame.dtype != kind:
            raise InputError(f"Frame {frames + 1} of '{path.name}' is of another size or kind than the first.")
        if kind is not None and kind.kind == "f" and not np.isfinite(frame).all():
            raise InputError(f"Frame {frames + 1} of '{path.name}' has pixels that are not numbers.")
        if clicks:
            low, high = float(frame.min()), float(frame.max())
            levels |= {low, high}
            clicks = len(levels) <= 2 and bool(((frame == low) | (frame == high)).all())
        largest = max(largest, float(frame.max()))
        total += frame
        frames += 1
        if frames > MOST_FRAMES:
            raise InputError(f"'{path.name}' holds more than {MOST_FRAMES:,} frames; give a part of them.")
    if total is None or kind is None:
        raise InputError(f"'{path.name}' holds no frames.")
    full = float(np.iinfo(kind).max) if kind.kind == "u" else 1.0
    return Stack(total, frames, largest, full, clicks and largest > 0)


def _frames(path: Path):
    """One frame after another, (height, width) or (3, height, width)."""
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        for page in tiff.pages:
            height, width = _size(page)
            planes = len(tiff.pages) == 1 and _has_planes(page)
            if height * width > LARGEST_PIXELS or math.prod(page.shape) > (4 if planes else 3) * height * width:
                raise InputError(f"'{path.name}' has frames of {page.shape} numbers; grey or colour ones are read.")
            try:
                array = page.asarray()
            except ValueError:  # a compression that tifffile leaves to a codec package; Pillow has most of them
                break
            if planes:
                yield from array
            else:
                yield array.transpose(2, 0, 1) if array.ndim == 3 and array.shape[-1] == 3 else array
        else:
            return
    from PIL import Image

    with Image.open(path, formats=("TIFF",)) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            array = np.asarray(image)
            yield array.transpose(2, 0, 1) if array.ndim == 3 else array
