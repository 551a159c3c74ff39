"""``python -m qcs_gui.setup.prior_pictures``: the small pictures of the list of priors. Of a network what it is trained on, of a
generator what it draws, of a penalty or a rank a photograph of which it has kept what it likes."""

from __future__ import annotations

import sys

import numpy as np

from engine.files import make_folder, write_atomically
from engine.images import fit, load_image
from engine.images.bundled import sample_path
from engine.priors.base import GeneratorPrior, SparsityPrior
from engine.priors.library import priors
from qcs_gui.setup.prior_groups import PICTURES

__all__ = ["main"]

SIDE = 56
_OF = {
    "natural": "photo-astronaut", "cifar10": "small-cat", "faces": "portrait-2", "mnist": "digit-3",
    "fashion-mnist": "garment-boot",
}  # fmt: skip


def _sample(name: str, channels: int) -> np.ndarray:
    path = sample_path(f"sample:{name}")
    assert path is not None
    return fit(load_image(path).pixels, (channels, SIDE, SIDE))


def _picture(name: str) -> np.ndarray:
    """(c, h, w) in [0, 1] for the prior of that name."""
    import torch

    from engine.seeds import RowGenerators, generator

    choice = priors().parse(name)
    if name in _OF:
        return _sample(_OF[name], 3 if choice.any_size or choice.image_shape[0] == 3 else 1)
    if choice.kind == "generator":
        made = choice.load()
        assert isinstance(made, GeneratorPrior)
        return made.generate(made.draw_latents(RowGenerators([generator(3, "picture")])))[0].detach().numpy()
    grey = _sample("photo-camera", 1)
    if name == "two-valued":
        return (grey > np.median(grey)).astype(np.float32)
    if choice.kind == "sparsity":
        penalty = choice.load(shape=(1, SIDE, SIDE))
        assert isinstance(penalty, SparsityPrior)
        step = {"pixels": 0.45, "wavelet": 0.25, "total-variation": 0.25}[name]
        return penalty.prox(torch.from_numpy(grey)[None], step)[0].numpy()
    if choice.kind == "low-rank":
        left, values, right = np.linalg.svd(grey[0])
        return ((left[:, :3] * values[:3]) @ right[:3])[None]
    noise = torch.randn((SIDE, SIDE), generator=generator(0, "picture"))
    across, down = torch.fft.rfftfreq(SIDE), torch.fft.fftfreq(SIDE)
    radius = torch.hypot(down[:, None], across).clamp_min(0.5 / SIDE)
    field = torch.fft.irfft2(torch.fft.rfft2(noise) / radius**1.5, s=(SIDE, SIDE))
    if name == "mixture":
        field = (field > field.median()).float() + 0.2 * (field - field.mean()) / field.std()
    return ((field - field.min()) / (field.max() - field.min())).numpy()[None]


def main(names: list[str] | None = None) -> int:
    """Makes the pictures of all priors that ship, or of those named."""
    from PIL import Image

    make_folder(PICTURES)
    for name in names or list(priors().choices):
        pixels = (np.clip(_picture(name), 0, 1) * 255).round().astype(np.uint8)
        image = Image.fromarray(pixels.transpose(1, 2, 0) if len(pixels) == 3 else pixels[0])
        image = image.resize((SIDE, SIDE), Image.Resampling.NEAREST if image.width < SIDE else Image.Resampling.LANCZOS)
        write_atomically(PICTURES / f"{name}.png", lambda p, image=image: image.save(p, "PNG", optimize=True))  # type: ignore[misc]
        print(name, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
