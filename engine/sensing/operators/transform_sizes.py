"""Which pictures have which fast transform. Torch-free: forms say so before anything is built."""

from __future__ import annotations

from engine.errors import InputError

__all__ = ["TRANSFORMS", "check_size"]

TRANSFORMS = ("hadamard", "walsh", "dct", "haar")


def check_size(transform: str, image_shape: tuple[int, int, int], levels: int = 1) -> None:
    """Raises InputError where pictures of this shape have no such transform."""
    channels, height, width = image_shape
    if transform not in TRANSFORMS:
        raise InputError(f"transform={transform} is not known; give one of {', '.join(TRANSFORMS)}.")
    if channels != 1:
        raise InputError(f"Rows of a transform are of one channel, not of {channels}.")
    if transform in ("hadamard", "walsh") and any(n & (n - 1) for n in (height, width)):
        raise InputError(f"A Hadamard transform needs sides that are powers of two, not {width} x {height}.")
    if transform == "haar" and (levels < 1 or height % (1 << levels) or width % (1 << levels)):
        raise InputError(
            f"{levels} levels of Haar wavelets need sides divisible by {1 << levels}, not {width} x {height}."
        )
