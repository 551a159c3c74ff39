"""Pictures that are made, not taken: of an exact rank and condition number, and a film with a still background."""

from __future__ import annotations

import numpy as np

from engine.errors import InputError

__all__ = ["film", "low_rank_picture"]

CONTRAST = 0.98


def low_rank_picture(height: int, width: int, rank: int, condition: float, seed: int = 0) -> np.ndarray:
    """A grey picture (1, height, width), float32 in [0, 1], that is 0.5 plus a matrix of this rank whose singular values fall
    evenly from the largest to 1 / ``condition`` of it; its singular vectors are smooth at first and finer one by one."""
    if not 1 <= rank <= min(height, width):
        raise InputError(f"rank={rank} does not go with {width} x {height} pixels; give 1 to {min(height, width)}.")
    if condition < 1:
        raise InputError(f"condition={condition:g} is not valid: give a number of at least 1.")
    rng = np.random.default_rng(seed)
    sides = []
    for length in (height, width):
        t = (np.arange(length) + 0.5) / length
        waves = np.stack([np.cos(np.pi * k * t) for k in range(2 * rank + 1)], 1)
        mixed = waves @ (rng.standard_normal((2 * rank + 1, rank)) / (1 + np.arange(2 * rank + 1))[:, None] ** 0.5)
        sides.append(np.linalg.qr(mixed)[0])
    values = np.linspace(1, 1 / condition, rank)
    matrix = (sides[0] * values) @ sides[1].T
    return (0.5 + 0.5 * CONTRAST * matrix / np.abs(matrix).max())[None].astype(np.float32)


def film(frames: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    """Frames one below the other, (1, frames * height, width), float32 in [0, 1]: a still scene in a light that changes
    slowly, which is of rank two, and a bright ball that moves through it."""
    if min(frames, height, width) < 2:
        raise InputError("A film needs at least 2 frames of 2 x 2 pixels.")
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    u, v = x / width, y / height
    scene = 0.25 + 0.2 * u + 0.1 * np.sin(9 * v) * np.cos(7 * u)
    for _ in range(6):
        left, top = rng.uniform(0, 0.8, 2)
        wide, high = rng.uniform(0.1, 0.3, 2)
        scene = scene + rng.uniform(-0.15, 0.15) * ((u > left) & (u < left + wide) & (v > top) & (v < top + high))
    light = 0.12 * (1 - v)
    radius = 0.12 * min(height, width)
    pictures = []
    for k in range(frames):
        t = k / max(1, frames - 1)
        across, down = (0.12 + 0.76 * t) * width, (0.5 + 0.3 * np.sin(2 * np.pi * t)) * height
        ball = np.clip(radius + 0.5 - np.hypot(x + 0.5 - across, y + 0.5 - down), 0, 1)
        still = np.clip(scene + light * np.sin(2 * np.pi * t), 0, 1)
        pictures.append((1 - ball) * still + ball * 0.95)
    return np.concatenate(pictures)[None].astype(np.float32)
