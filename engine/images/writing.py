"""Writing pictures atomically, with the recipe they were made by."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from engine.files import write_atomically

__all__ = ["read_recipe", "save_deep_png", "save_float_tiff", "save_png", "save_tiff", "to_bytes"]

RECIPE_KEY = "qcs-studio"


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


def save_deep_png(path: Path | str, pixels: np.ndarray) -> Path:
    """16-bit PNG of a grey picture, atomically."""
    from PIL import Image

    image = Image.fromarray(to_bytes(pixels[:1], 65535))
    return write_atomically(path, lambda p: image.save(p, format="PNG"))


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


def save_float_tiff(path: Path | str, pixels: np.ndarray) -> Path:
    """TIFF of float32 values as they are, atomically."""
    import tifffile

    buffer = io.BytesIO()
    array = pixels[0] if pixels.shape[0] == 1 else pixels.transpose(1, 2, 0)
    tifffile.imwrite(
        buffer, array.astype(np.float32), photometric="rgb" if array.ndim == 3 else "minisblack", metadata=None
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
