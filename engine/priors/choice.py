"""What can be chosen as a prior, known before torch is imported: names, shapes and cards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from engine.errors import InputError
from engine.settings import Choice, one_of

if TYPE_CHECKING:
    from engine.priors.base import Prior
    from engine.sensing.evolution import DenoisingProfile

__all__ = ["KINDS", "LONGEST_AUTO", "DenoiserFile", "FilePrior", "PriorChoice", "Shape", "missing_prior"]

Shape = tuple[int, int, int]
KINDS = {
    "denoiser": ("denoiser prior", "mnist or natural"),
    "generator": ("generator prior", "vae-mnist"),
    "sparsity": ("sparsity prior", "wavelet"),
    "low-rank": ("low-rank prior", "low-rank"),
}
"""Kind of prior to its words and to what to choose where one is wanted."""
LONGEST_AUTO = 512
"""Longest side that a picture keeps on its own; a set size may be larger."""


@dataclass(frozen=True)
class PriorChoice(Choice):
    """A prior that can be chosen by name; ``kind`` is one of :data:`KINDS` and decides which algorithms take it.

    ``image_shape`` is the size it was made for, ``any_size`` whether it takes others, ``channels`` the numbers of
    colour channels it knows. ``facts`` hold at least ``mean`` and ``card`` (a dictionary),
    those of a denoiser also ``sigma_min`` and ``sigma_max``.
    """

    kind: ClassVar[str] = "denoiser"
    any_size: ClassVar[bool] = False

    @property
    def image_shape(self) -> Shape:
        raise NotImplementedError

    @property
    def channels(self) -> tuple[int, ...]:
        return (self.image_shape[0],)

    @property
    def facts(self) -> dict[str, Any]:
        raise NotImplementedError

    def load(self, device: str = "cpu", shape: Shape | None = None) -> Prior:
        """The prior for images of ``shape`` (its own where None) on a torch device."""
        raise NotImplementedError

    def quick(self, device: str) -> PriorChoice:
        """The same as a preview that nobody keeps may call it on a torch device: with bfloat16 products where these are quicker
        and do little harm. It depends on the machine, so no recipe is made of it."""
        return self

    def denoising_profile(self, channels: int) -> DenoisingProfile | None:
        """Its denoising errors on held-out pictures with so many channels, where they are known one by one."""
        return None

    def shape_for(self, picture: Shape, size: tuple[int, int] | None = None) -> Shape:
        """The shape (channels, height, width) in which a picture of shape ``picture`` is reconstructed.

        ``size`` (height, width) is the one asked for; None keeps the picture's own where the prior takes it, up to
        ``LONGEST_AUTO`` on the longer side. Raises InputError where the prior cannot take that size.
        """
        own = self.image_shape
        if not self.any_size:
            if size is not None and size != own[1:]:
                raise InputError(
                    f"The prior '{self.name}' is for images of {own[2]} x {own[1]} only; set the size to auto, or take a "
                    "prior for any size such as natural."
                )
            return own
        channels = picture[0] if picture[0] in self.channels else self.channels[0]
        if size is None:
            share = min(1.0, LONGEST_AUTO / max(picture[1:]))
            size = max(1, round(picture[1] * share)), max(1, round(picture[2] * share))
        return (channels, *size)

    @classmethod
    def describe(cls) -> dict:
        return super().describe() | {"kind": cls.kind}

    def takes(self, shape: Shape) -> bool:
        """Whether images of this shape can be reconstructed with it."""
        return shape == self.image_shape or (self.any_size and shape[0] in self.channels)


@dataclass(frozen=True)
class FilePrior(PriorChoice):
    """A prior kept in weights files, one per number of channels; subclasses made by the library give ``variants``, and
    their ``kind``."""

    variants: ClassVar[dict[int, tuple[Path, dict[str, Any]]]]

    @classmethod
    def main(cls) -> tuple[Path, dict[str, Any]]:
        """File and facts of the variant with the fewest channels."""
        return cls.variants[min(cls.variants)]

    @property
    def path(self) -> Path:
        return self.main()[0]

    @property
    def facts(self) -> dict[str, Any]:
        return self.main()[1]

    @property
    def image_shape(self) -> Shape:
        return tuple(self.facts["image_shape"])

    @property
    def channels(self) -> tuple[int, ...]:
        return tuple(sorted(self.variants))

    @classmethod
    def summary(cls) -> str:
        card = cls.main()[1]["card"]
        licence = card.get("licence", "")
        return card.get("data", "") + (f". {licence}." if licence else "")

    @classmethod
    def describe(cls) -> dict:
        main = cls.main()[1]
        facts = {k: main[k] for k in ("image_shape", "sigma_min", "sigma_max", "card") if k in main}
        more = {"any_size": cls.any_size, "channels": sorted(cls.variants)}
        cards = {str(c): v[1]["card"] for c, v in sorted(cls.variants.items())}
        return super().describe() | facts | more | ({"cards": cards} if len(cards) > 1 else {})

    def denoising_profile(self, channels: int) -> DenoisingProfile | None:
        facts = self.variants.get(channels, (None, None))[1]
        return None if facts is None else _profile(facts)

    def load(self, device: str = "cpu", shape: Shape | None = None) -> Prior:
        from engine.priors.networks.registry import load_prior

        channels = min(self.variants) if shape is None else shape[0]
        if shape is not None and not self.takes(shape):
            raise InputError(
                f"The prior '{self.name}' takes images of shape {self.image_shape}"
                f"{' or any height and width' if self.any_size else ''}, not {shape}; choose another prior."
            )
        return load_prior(self.variants[channels][0], device)


@dataclass(frozen=True)
class DenoiserFile(FilePrior):
    """A denoiser kept in weights files."""

    precision: str = one_of(
        "float32",
        ("float32", "bfloat16"),
        "Precision",
        "Of the network's products. bfloat16 is quicker on processors with instructions for it, row by row, and loses up to "
        "0.02 dB of denoising from the noise level 0.02 on, more below; imported networks that predict noise lose much.",
        expert=True,
    )

    def __post_init__(self) -> None:
        if self.precision == "auto":  # in recipes written when the processor decided it
            object.__setattr__(self, "precision", "float32")
        super().__post_init__()

    def quick(self, device: str) -> PriorChoice:
        from engine.priors.precision import has_bfloat16

        # what an imported network predicts is multiplied by the noise level, and its rounding with it: 0.3 at level 42
        ours = all(facts.get("kind", "edm") == "edm" for _, facts in self.variants.values())
        return self.replace(precision="bfloat16") if ours and has_bfloat16(device) else self

    def load(self, device: str = "cpu", shape: Shape | None = None) -> Prior:
        from engine.priors.precision import at_precision

        return at_precision(super().load(device, shape), self.precision)  # type: ignore[arg-type]


def _profile(facts: dict[str, Any]) -> DenoisingProfile | None:
    """The profile that the card tells; None where it does not, or not as it should: cards may come from others."""
    import numpy as np

    from engine.sensing.evolution import DenoisingProfile

    try:
        told = facts["card"]["quality"]
        sigma, pictures = np.array(told["sigma"], float), told["pictures"]
        mse = np.array(pictures["rmse"], float) ** 2
        clamped = np.array(pictures["clamped"], float) ** 2
        mean, power = np.array(pictures["mean"], float), np.array(pictures["power"], float)
        variance, by_extent = float(facts["deviation"]) ** 2, bool(facts.get("extent"))
        contrast = float((facts.get("extent") or facts.get("contrast") or (0, 0))[1])
    except (KeyError, TypeError, ValueError, IndexError):
        return None
    fits = (
        mse.shape == clamped.shape == (len(mean), len(sigma))
        and mean.shape == power.shape
        and len(sigma) > 1
        and len(mean)
    )
    numbers = (sigma, mse, clamped, mean, power, variance, contrast)
    if not fits or not all(np.isfinite(n).all() for n in numbers) or bool((np.diff(sigma) <= 0).any()):
        return None
    if min(sigma.min(), mse.min(), clamped.min(), variance) <= 0 or contrast < 0:
        return None
    return DenoisingProfile(sigma, mse, clamped, mean, power, variance, contrast, by_extent)


def missing_prior(name: str, kind: str, facts: dict[str, Any], any_size: bool) -> PriorChoice:
    """Stands for a prior that an old run names and this machine does not have, so that the run can still be looked at."""

    @dataclass(frozen=True)
    class MissingPrior(PriorChoice):
        """Not installed here."""

        def __post_init__(self) -> None:
            pass

        @property
        def image_shape(self) -> Shape:
            return tuple(facts["image_shape"])

        @property
        def facts(self) -> dict[str, Any]:
            return facts

        def load(self, device: str = "cpu", shape: Shape | None = None) -> Prior:
            raise InputError(f"The prior '{name}' of this run is not installed here; train or import it first.")

    MissingPrior.name, MissingPrior.label = name, name
    MissingPrior.kind, MissingPrior.any_size = kind, any_size
    return MissingPrior()
