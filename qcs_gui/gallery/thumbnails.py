"""``python -m qcs_gui.gallery.thumbnails``: runs every preset and keeps a small picture of its result beside its run file."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from engine.files import write_atomically
from engine.runs.presets import presets
from engine.runs.reconstruction import tile

__all__ = ["main"]

SIDE = 112


def main(names: list[str] | None = None) -> int:
    """Makes the thumbnails of all presets, or of those named."""
    from engine.runs.job import reconstruct

    for preset in presets():
        if names and preset.name not in names:
            continue
        results = [reconstruct(spec) for spec in preset.specs()]
        first = results[0]
        if len(results) > 1:
            picture = tile(np.stack([r.mean for r in results[:4]]), 2)
        elif preset.name == "what-could-it-be":  # samples that differ are the point
            picture = tile(first.samples[:9], 3)
        elif (
            count := getattr(first.spec.prior, "frames", 0) if getattr(first.spec.prior, "form", "") == "frames" else 0
        ):
            # two frames, as they were and without what moves
            channels, height, width = first.mean.shape
            pairs = [
                p.reshape(channels, count, height // count, width) for p in (first.truth, first.mean) if p is not None
            ]
            picture = tile(np.stack([p[:, k] for k in (count // 4, 3 * count // 4) for p in pairs]), 2)
        else:
            picture = first.mean
        _save(preset.thumbnail, picture)
        print(
            preset.name,
            f"{first.metrics().get('psnr_mean') or 0:.1f} dB",
            f"{sum(r.seconds for r in results):.1f} s",
            flush=True,
        )
    return 0


def _save(path: Path, picture: np.ndarray) -> None:
    from PIL import Image

    shown = (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
    image = Image.fromarray(shown.transpose(1, 2, 0) if len(shown) == 3 else shown[0])
    scale = SIDE / max(image.size)
    size = tuple(max(1, round(s * scale)) for s in image.size)
    image = image.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS)  # type: ignore[arg-type]
    square = Image.new(image.mode, (SIDE, SIDE))
    square.paste(image, ((SIDE - image.width) // 2, (SIDE - image.height) // 2))
    write_atomically(path, lambda p: square.save(p, "PNG", optimize=True))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
