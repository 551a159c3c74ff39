"""``python -m qcs_gui.gallery.thumbnails``: runs every preset and keeps a small picture of its result, and a row of
them of how it came to be, beside its run file."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from engine.files import write_atomically
from engine.runs.presets import Preset, presets
from engine.runs.reconstruction import Reconstruction, tile

__all__ = ["main"]

SIDE, FRAMES, COLOURS = 112, 14, 48
"""Of a picture in pixels, of a run in pictures, of those in one palette."""


def main(names: list[str] | None = None) -> int:
    """Makes the thumbnails of all presets, or of those named."""
    from engine.runs.job import reconstruct

    for preset in presets():
        if names and preset.name not in names:
            continue
        results = [reconstruct(spec) for spec in preset.specs()]
        first = results[0]
        _save(preset.thumbnail, _result(preset.name, results))
        _save(preset.forming, *(_moment(preset, results, share) for share in np.linspace(0, 1, FRAMES)))
        print(
            preset.name,
            f"{first.metrics().get('psnr_mean') or 0:.1f} dB",
            f"{sum(r.seconds for r in results):.1f} s",
            "failed" if first.failed else "",
            flush=True,
        )
    return 0


def _result(name: str, results: list[Reconstruction]) -> np.ndarray:
    """What the card shows of the end."""
    first = results[0]
    if len(results) > 1:
        return tile(np.stack([r.mean for r in results[:4]]), 2)
    if name == "what-could-it-be":  # samples that differ are the point
        return tile(first.samples[:9], 3)
    prior = first.spec.prior
    count = getattr(prior, "frames", 0) if getattr(prior, "form", "") == "frames" else 0
    if not count:
        return first.mean
    # two frames of a film, as they were and without what moves
    channels, height, width = first.mean.shape
    pairs = [p.reshape(channels, count, height // count, width) for p in (first.truth, first.mean) if p is not None]
    return tile(np.stack([p[:, k] for k in (count // 4, 3 * count // 4) for p in pairs]), 2)


def _moment(preset: Preset, results: list[Reconstruction], share: float) -> np.ndarray:
    """The same when a share of the run was done."""
    if share >= 1 or not results[0].keyframes or preset.name == "moving-ball":
        return _result(preset.name, results)
    found = []
    for result in results:
        # much happens in the first steps
        wanted = share**2 * result.keyframes[-1].step
        frame = min(result.keyframes, key=lambda f: abs(f.step - wanted))
        rows = frame.iterate if preset.view == "iterate" or frame.denoised is None else frame.denoised
        found.append((frame.mean[None] if preset.view != "iterate" else rows[:1]).astype(np.float32))
        if preset.name == "what-could-it-be":
            kept = rows.astype(np.float32)
            return tile(np.concatenate([kept] * 9)[:9], 3)
    return tile(np.concatenate(found[:4]), 2) if len(found) > 1 else found[0][0]


def _save(path: Path, *pictures: np.ndarray) -> None:
    """Squares beside each other in one file of few colours."""
    from PIL import Image

    sheet = Image.new("RGB", (SIDE * len(pictures), SIDE))
    for number, picture in enumerate(pictures):
        shown = (np.clip(np.nan_to_num(picture), 0, 1) * 255).round().astype(np.uint8)
        image = Image.fromarray(shown.transpose(1, 2, 0) if len(shown) == 3 else shown[0]).convert("RGB")
        scale = SIDE / max(image.size)
        size = tuple(max(1, round(s * scale)) for s in image.size)
        image = image.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS)  # type: ignore[arg-type]
        sheet.paste(image, (number * SIDE + (SIDE - image.width) // 2, (SIDE - image.height) // 2))
    kept = sheet if len(pictures) == 1 else sheet.quantize(COLOURS, dither=Image.Dither.FLOYDSTEINBERG)
    write_atomically(path, lambda p: kept.save(p, "PNG", optimize=True))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
