"""One bit against random thresholds: the dither gives the amplitude back that a plain sign loses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.sensing.quantizers.base import Levels, Quantizer, QuantizerChoice
from engine.settings import flag, number, one_of

if TYPE_CHECKING:
    from torch import Tensor

    from engine.sensing.channels import Channel

__all__ = ["Dithered"]

KINDS = ("gaussian", "uniform", "logistic")


class UnknownDither(Quantizer):
    """One bit against thresholds that are redrawn and forgotten: the bits keep only their distribution."""

    def __init__(self, thresholds: Tensor, kind: str, width: float, centre: Tensor) -> None:
        super().__init__(thresholds)
        self.kind, self.width, self.centre = kind, width, centre

    def edges(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """The half-lines above and below the centre of the dither: no cell is certain."""
        import torch

        up, centre = codes.bool(), self.centre.to(codes.device).expand(codes.shape)
        infinite = torch.full_like(centre, torch.inf)
        return torch.where(up, centre, -infinite), torch.where(up, infinite, centre)

    def channel(self, codes: Tensor) -> Channel:
        from engine.sensing.channels import DitherChannel

        return DitherChannel(*self.edges(codes), distribution=self.kind, width=self.width)


@dataclass(frozen=True)
class Dithered(QuantizerChoice):
    """One bit with dither: y = sign(A x + n - tau) with a random threshold tau per measurement."""

    name = "dithered"
    label = "1 bit with dither"

    kind: str = one_of("gaussian", KINDS, "Distribution", "Distribution of the thresholds.")
    width: float | None = number(
        None,
        "Width",
        "Standard deviation (gaussian), half-width (uniform) or scale (logistic) of the thresholds, in the units of A x; "
        "auto spreads them as wide as typical measurements.",
        above=0,
    )
    known: bool = flag(
        True,
        "Thresholds recorded",
        "Recorded thresholds give exact cells; without them only their distribution is known.",
    )

    @property
    def bits_per_measurement(self) -> int:
        return 1

    def build(self, levels: Levels) -> Quantizer:
        import torch

        from engine.seeds import generator

        # the same standard deviation for every distribution: sigma, sigma sqrt 3, sigma sqrt 3 / pi
        of_scale = {"gaussian": 1.0, "uniform": 3**0.5, "logistic": 3**0.5 / torch.pi}[self.kind]
        width = self.width if self.width is not None else of_scale * levels.scale
        draw = generator(levels.seed, "dither")
        if self.kind == "gaussian":
            unit = torch.randn(levels.rows, generator=draw, dtype=torch.float64)
        else:
            share = torch.rand(levels.rows, generator=draw, dtype=torch.float64).clamp(1e-12, 1 - 1e-12)
            unit = 2 * share - 1 if self.kind == "uniform" else torch.logit(share)
        centre = torch.as_tensor(levels.centre, dtype=torch.float64)
        thresholds = (centre + width * unit)[:, None]
        if self.known:
            return Quantizer(thresholds)
        return UnknownDither(thresholds, self.kind, width, centre)
