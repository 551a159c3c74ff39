"""A run as a film: its kept frames as GIF, MP4 or numbered pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.files import all_or_none, make_folder, remove_file, write_atomically
from engine.images import read_recipe, save_png

if TYPE_CHECKING:
    import numpy as np

    from engine.runs.reconstruction import Reconstruction

__all__ = ["VIEWS", "film_frames", "write_film"]

VIEWS = ("denoised", "iterate", "mean", "samples")
"""What a film shows: the denoised estimate, the noisy iterate, the mean so far, or the samples one after another."""
SIDE = 384
"""Longer side that small pictures are enlarged to, by whole factors."""
HOLD = 1.5
"""Seconds that the last picture stays."""


def film_frames(result: Reconstruction, view: str = "denoised", row: int = 0) -> Iterator[np.ndarray]:
    """Pictures (height, width, 3), 8 bit; of ``denoised`` and ``iterate`` those of one row."""
    if view not in VIEWS:
        raise InputError(f"A film shows {', '.join(VIEWS)}, not '{view}'.")
    if view == "samples":
        if not len(result.samples):
            raise InputError("This run has no samples to play; film its estimate instead (--view denoised).")
        yield from (_painted(sample) for sample in result.samples)
        return
    if not result.keyframes:
        raise InputError("This run kept no frames, so there is nothing to film; run it again.")
    # of a run that came to its end the last kept frame is the result, which is shown in full precision instead
    for frame in result.keyframes[:-1] if result.status == "done" else result.keyframes:
        rows = frame.iterate if view == "iterate" or frame.denoised is None else frame.denoised
        yield _painted(frame.mean if view == "mean" else rows[min(row, len(rows) - 1)])
    yield _painted(
        result.samples[min(row, len(result.samples) - 1)] if len(result.samples) and view != "mean" else result.mean
    )


def write_film(
    result: Reconstruction, path: Path | str, view: str = "denoised", rate: float = 12.0, row: int = 0
) -> Path:
    """Writes a film, ``rate`` pictures a second. The name decides: .gif, .mp4 (needs the package imageio-ffmpeg), or a folder for
    numbered PNG. Raises InputError where it cannot."""
    path = Path(path)
    if not 0.1 <= rate <= 60:
        raise InputError(f"{rate} pictures a second are not possible; give a number from 0.1 to 60.")
    if path.suffix.lower() == ".gif":
        return write_atomically(path, lambda p: _gif(p, list(film_frames(result, view, row)), rate))
    if path.suffix.lower() == ".mp4":
        return write_atomically(path, _mp4(list(film_frames(result, view, row)), rate))
    if path.suffix:
        raise InputError(f"'{path.name}': a film ends in .gif or .mp4, or is a folder for numbered PNG.")
    folder, recipe = make_folder(path), result.spec.as_json()
    written: set[str] = set()
    with all_or_none():
        for number, pixels in enumerate(film_frames(result, view, row)):
            written.add(save_png(folder / f"{number:04d}.png", pixels.transpose(2, 0, 1) / 255, recipe).name)
        for old in folder.glob("[0-9][0-9][0-9][0-9].png"):
            if old.name not in written and read_recipe(old) is not None:  # a frame of an earlier film
                remove_file(old)
    return folder


def _painted(pixels: np.ndarray) -> np.ndarray:
    """(c, h, w) in [0, 1] as 8-bit colour, enlarged so that single pixels can be seen."""
    import numpy as np

    shown = np.clip(np.nan_to_num(pixels.astype(np.float32)), 0, 1)
    shown = np.rint(255 * (shown if len(shown) == 3 else np.repeat(shown[:1], 3, 0))).astype(np.uint8)
    factor = max(1, SIDE // max(shown.shape[1:]))
    return np.ascontiguousarray(shown.transpose(1, 2, 0).repeat(factor, 0).repeat(factor, 1))


def _gif(path: Path, pictures: list[np.ndarray], rate: float) -> None:
    from PIL import Image

    frames = [Image.fromarray(p).quantize(128) for p in pictures]
    durations = [round(1000 / rate)] * (len(frames) - 1) + [round(1000 * HOLD)]
    # without a disposal of its own each frame is kept under the next, which all cover it
    frames[0].save(path, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)


def _mp4(pictures: list[np.ndarray], rate: float) -> Callable[[Path], None]:
    import numpy as np

    try:
        import imageio_ffmpeg
    except ImportError:
        raise InputError(
            "MP4 needs the package imageio-ffmpeg ('pip install \"qcs-studio[film]\"'); write a .gif instead."
        ) from None
    height, width = (side - side % 2 for side in pictures[0].shape[:2])  # the codec takes even sides

    def write(path: Path) -> None:
        writer = imageio_ffmpeg.write_frames(str(path), (width, height), fps=rate, macro_block_size=2)
        writer.send(None)
        for pixels in pictures + pictures[-1:] * round(HOLD * rate):
            writer.send(np.ascontiguousarray(pixels[:height, :width]))
        writer.close()

    return write
