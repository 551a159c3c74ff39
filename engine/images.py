"""Reading and writing pictures safely, each converted as its numbers mean.

Nothing here trusts a file: formats are allow-listed, sizes are capped before decoding, and every failure is an
InputError with one sentence.
"""

from __future__ import annotations

import io
import math
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from engine.errors import InputError
from engine.files import write_atomically

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "LoadedImage",
    "fit",
    "framed",
    "load_image",
    "picture_shape",
    "plain_channels",
    "read_recipe",
    "save_png",
    "save_tiff",
    "to_bytes",
]

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif")
LARGEST_PIXELS = 64_000_000
LARGEST_FILE = 1 << 30
SMALLEST_SIDE = 2
RECIPE_KEY = "qcs-studio"


@dataclass(frozen=True)
class LoadedImage:
    """``pixels``: float32 in [0, 1], (channels, height, width), one (grey) or three (RGB) channels.
    ``notes``: what was done to the file's numbers on the way, for the user to read."""

    pixels: np.ndarray
    notes: tuple[str, ...] = ()


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
        is_tiff = head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
        loaded = _load_tiff(path) if is_tiff else _load_with_pillow(path, deep_png=_is_deep_colour_png(path))
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


def plain_channels(pixels: np.ndarray) -> int:
    """1 for a grey picture, also one that was stored as colour; 3 for a coloured one."""
    return (
        3
        if len(pixels) == 3 and not (np.array_equal(pixels[0], pixels[1]) and np.array_equal(pixels[0], pixels[2]))
        else 1
    )


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
    return (plain_channels(pixels), *pixels.shape[1:])  # type: ignore[return-value]


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
        if getattr(image, "n_frames", 1) > 1:
            notes.append(f"frame 1 of {image.n_frames}")
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
        compressed = page.compression != 1  # type: ignore[union-attr]
        if photometric not in ("MINISBLACK", "MINISWHITE", "RGB") or (compressed and page.dtype == np.uint8):  # type: ignore[union-attr]
            return _load_with_pillow(path, deep_png=False)
        try:
            array = page.asarray()  # type: ignore[union-attr]
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


def fit(pixels: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Centre-crops to the aspect ratio of ``shape`` (channels, height, width), resizes by area averaging or Lanczos,
    and converts colour: grey is Rec. 601 luma of RGB. Returns float32 in [0, 1]."""
    from PIL import Image

    channels, height, width = shape
    if pixels.shape[0] != channels:
        if channels == 1:
            pixels = np.tensordot(np.array([[0.299, 0.587, 0.114]]), pixels[:3], axes=1)
        else:
            pixels = np.repeat(pixels[:1], channels, axis=0)
    have_h, have_w = pixels.shape[1:]
    if (have_h, have_w) != (height, width):
        scale = min(have_h / height, have_w / width)
        crop_h, crop_w = max(1, round(height * scale)), max(1, round(width * scale))
        top, left = (have_h - crop_h) // 2, (have_w - crop_w) // 2
        box = (left, top, left + crop_w, top + crop_h)
        method = Image.Resampling.BOX if scale >= 2 else Image.Resampling.LANCZOS
        planes = [Image.fromarray(np.ascontiguousarray(p, np.float32)) for p in pixels]
        pixels = np.stack([np.asarray(p.resize((width, height), method, box=box)) for p in planes])
    return np.clip(pixels, 0, 1).astype(np.float32)


def framed(pixels: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """The picture with a white and black frame around the part that :func:`fit` keeps for ``shape``."""
    out = pixels.copy()
    height, width = pixels.shape[1:]
    scale = min(height / shape[1], width / shape[2])
    high, wide = max(1, round(shape[1] * scale)), max(1, round(shape[2] * scale))
    top, left = (height - high) // 2, (width - wide) // 2
    line = max(1, round(max(height, width) / 200))
    for inset, value in ((0, 1.0), (line, 0.0)):
        up, down, first, last = top + inset, top + high - inset, left + inset, left + wide - inset
        if down - up > 2 * line and last - first > 2 * line:
            out[:, up : up + line, first:last] = out[:, down - line : down, first:last] = value
            out[:, up:down, first : first + line] = out[:, up:down, last - line : last] = value
    return out


def to_bytes(pixels: np.ndarray, full: int = 255) -> np.ndarray:
    """(channels, height, width) in [0, 1] to integers (height, width) or (height, width, 3), clipped and rounded."""
    array = np.rint(np.clip(pixels, 0, 1) * full).astype(np.uint8 if full == 255 else np.uint16)
    return array[0] if array.shape[0] == 1 else array.transpose(1, 2, 0)


def save_png(path: Path | str, pixels: np.ndarray, recipe: str = "") -> Path:
    """8-bit PNG, atomically; the recipe goes into a text chunk that :func:`read_recipe` finds again."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    if recipe:
        info.add_itxt(RECIPE_KEY, recipe)
    image = Image.fromarray(to_bytes(pixels))
    return write_atomically(path, lambda p: image.save(p, format="PNG", pnginfo=info))


def save_tiff(path: Path | str, pixels: np.ndarray, recipe: str = "") -> Path:
    """16-bit TIFF, atomically; the recipe goes into the image description."""
    import tifffile

    array = to_bytes(pixels, 65535)
    buffer = io.BytesIO()
    description = recipe.encode("ascii", "backslashreplace").decode()
    tifffile.imwrite(
        buffer, array, photometric="rgb" if array.ndim == 3 else "minisblack", description=description, metadata=None
    )
    return write_atomically(path, lambda p: p.write_bytes(buffer.getvalue()))


def read_recipe(path: Path | str) -> str | None:
    """The recipe that :func:`save_png` put into a picture, if there is one."""
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG",)) as image:
            image.load()
            recipe = getattr(image, "text", {}).get(RECIPE_KEY)
            return recipe if isinstance(recipe, str) and len(recipe) < 1 << 20 else None
    except Exception:
        return None
