"""Pictures cropped, resized and converted to the shape that a prior takes."""

from __future__ import annotations

import numpy as np

__all__ = ["fit", "framed", "plain_channels"]


def plain_channels(pixels: np.ndarray) -> int:
    """1 for a grey picture, also one that was stored as colour; 3 for a coloured one."""
    return (
        3
        if len(pixels) == 3 and not (np.array_equal(pixels[0], pixels[1]) and np.array_equal(pixels[0], pixels[2]))
        else 1
    )


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
