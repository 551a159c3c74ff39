"""Many images at once: a folder of pictures, or an IDX file as MNIST has it."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.errors import InputError
from engine.files import refuse_no_file
from engine.images.reading import SMALLEST_SIDE

__all__ = ["Pictures", "image_names", "load_images", "load_labels", "readable_images"]

_LARGEST_IDX = 1 << 30


class Pictures:
    """Pictures ``offset`` to ``offset + limit`` of a folder or IDX file, each (c, h, w) in [0, 1] at its own size, read
    when it is its turn. Raises InputError where there are none."""

    def __init__(self, path: Path | str, offset: int = 0, limit: int | None = None) -> None:
        self.path, self.offset = Path(path), offset
        path = self.path
        if offset < 0 or (limit is not None and limit < 1):
            raise InputError(f"offset={offset} limit={limit}: offset must be at least 0 and limit at least 1.")
        if not path.exists():
            raise InputError(f"'{path}' does not exist; check the name.")
        self.names = image_names(path)[offset:][:limit] if path.is_dir() else []
        self.stack = None if path.is_dir() else _idx_images(path, None, offset, limit)
        if not len(self):
            raise InputError(_none_from(path, offset))

    @property
    def labels(self) -> list[str]:
        """A name for each that no other one has: that of its file, with its folder's where there are several."""
        names = [p.stem if p.parent == self.path else f"{p.parent.name}-{p.stem}" for p in self.names]
        return names or [f"{i:05d}" for i in range(self.offset, self.offset + len(self))]

    def __len__(self) -> int:
        return len(self.names) if self.stack is None else len(self.stack)

    def __iter__(self) -> Iterator[np.ndarray]:
        from engine.images import load_image

        if self.stack is not None:
            yield from self.stack
        for name in self.names:
            yield load_image(name).pixels


def load_images(
    path: Path | str, shape: tuple[int, int, int] | None = None, offset: int = 0, limit: int | None = None
) -> np.ndarray:
    """Images ``offset`` to ``offset + limit`` of a folder or IDX file.

    Arguments: ``shape`` (channels, height, width) to fit each picture to; None keeps IDX sizes (folders need it).
    Returns float32 in [0, 1], (images, channels, height, width). Raises InputError where nothing can be read.
    """
    path = Path(path)
    if offset < 0 or (limit is not None and limit < 1):
        raise InputError(f"offset={offset} limit={limit}: offset must be at least 0 and limit at least 1.")
    if not path.exists():
        raise InputError(f"'{path}' does not exist; check the name.")
    stack = _folder(path, shape, offset, limit) if path.is_dir() else _idx_images(path, shape, offset, limit)
    if not len(stack):
        raise InputError(_none_from(path, offset))
    return stack


def _none_from(path: Path, offset: int) -> str:
    if offset:
        return f"'{path}' holds no images from number {offset} on; lower the offset."
    return f"'{path}' holds no pictures; give a folder that does, or an IDX file."


def image_names(path: Path | str) -> list[Path]:
    """The picture files of a folder, in the order of their names; where it holds none, those of the folders in it (one
    for each class, say), so that the first few of them are of all the folders."""
    from engine.images import SUFFIXES

    def within(folder: Path) -> list[Path]:
        return [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file()]

    inside = (p for p in Path(path).iterdir() if p.is_dir())
    names = within(Path(path)) or [name for folder in inside for name in within(folder)]
    return sorted(names, key=lambda p: (p.name, p.parent.name))


def _folder(path: Path, shape: tuple[int, int, int] | None, offset: int, limit: int | None) -> np.ndarray:
    from engine.images import fit, load_image

    if shape is None:
        raise InputError(f"'{path}' is a folder: say to which size its pictures are to be fitted.")
    names = image_names(path)[offset:][:limit]
    if not names:
        return np.zeros((0, *shape), np.float32)
    return np.stack([fit(load_image(name).pixels, shape) for name in names])


def readable_images(folder: Path, broken: list[str]) -> Iterator[np.ndarray]:
    """The pictures of a folder that can be read, each (c, h, w) at its own size; the names of the others, as far as they
    are not there yet, go to ``broken``."""
    from engine.images import load_image

    for path in image_names(folder):
        try:
            pixels = load_image(path).pixels
        except InputError:
            name = str(path.relative_to(folder))
            if name not in broken:
                broken.append(name)
        else:
            yield pixels


def _idx_images(path: Path, shape: tuple[int, int, int] | None, offset: int, limit: int | None) -> np.ndarray:
    array = _read_idx(path, dimensions=3)[offset:][:limit]
    stack = array[:, None].astype(np.float32) / 255
    if shape is not None and stack.shape[1:] != tuple(shape):
        from engine.images import fit

        stack = np.stack([fit(image, shape) for image in stack]) if len(stack) else np.zeros((0, *shape), np.float32)
    return stack


def load_labels(path: Path | str) -> np.ndarray:
    """The class labels of an IDX label file, (images,), uint8."""
    return _read_idx(Path(path), dimensions=1)


def _blocks(path: Path) -> Iterator[bytes]:
    refuse_no_file(path)
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with (gzip.open if packed else open)(path, "rb") as file:
        while block := file.read(1 << 22):
            yield block


def _read_idx(path: Path, dimensions: int) -> np.ndarray:
    content, header, expected = bytearray(), 4 + 4 * dimensions, _LARGEST_IDX
    sizes: tuple[int, ...] = ()
    try:
        for block in _blocks(path):
            content += block
            if not sizes and len(content) >= header:
                sizes = _sizes(path, bytes(content[:header]), dimensions)
                expected = math.prod(sizes)
                if math.prod(max(n, 1) for n in sizes) > _LARGEST_IDX:
                    raise InputError(f"'{path}' holds more than 1 GB; that is not an image set this program reads.")
            if len(content) > header + expected:
                raise InputError(f"'{path}' is damaged: it holds more than the {expected} bytes that it says.")
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"'{path}' cannot be read ({error}); it is damaged or not a gzip IDX file.") from None
    if not sizes:
        raise _no_idx(path, dimensions)
    if expected != len(content) - header:
        raise InputError(f"'{path}' is cut short or damaged: {len(content) - header} of {expected} bytes are there.")
    return np.frombuffer(content, np.uint8, offset=header).reshape(sizes)


def _sizes(path: Path, header: bytes, dimensions: int) -> tuple[int, ...]:
    """The sizes that the first bytes of an IDX file tell, of pictures that a picture file could also hold."""
    if header[:4] != bytes([0, 0, 8, dimensions]):
        raise _no_idx(path, dimensions)
    sizes = struct.unpack(f">{dimensions}I", header[4:])
    if dimensions == 3 and min(sizes[1:]) < SMALLEST_SIDE:
        raise InputError(
            f"'{path}' holds pictures of {sizes[2]} x {sizes[1]} pixels; they need at least {SMALLEST_SIDE} on a side."
        )
    return sizes


def _no_idx(path: Path, dimensions: int) -> InputError:
    kind = "images" if dimensions == 3 else "labels"
    return InputError(f"'{path}' is not an IDX file of {kind}; give a folder or such a file.")
