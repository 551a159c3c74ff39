"""One bit against random thresholds: the dither gives the amplitude back that a plain sign loses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.sensing.quantizers.base import Levels, Quantizer, QuantizerChoice, normal_quantiles, rounded
from engine.sensing.quantizers.uniform import SHARES
from engine.settings import flag, number, one_of

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from engine.sensing.channels import Channel

__all__ = ["Dithered"]

KINDS = ("gaussian", "uniform", "logistic")
OF_SCALE = {"gaussian": 1.0, "uniform": math.sqrt(3), "logistic": math.sqrt(3) / math.pi}
"""Width of each distribution of standard deviation 1."""
QUANTILES = 12


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

    kind: str = one_of("gaussian", KINDS, "Distribution", "Distribution of the thresholds.", expert=True)
    rule: str = one_of(
        "predicted",
        ("predicted", "typical"),
        "Width rule",
        "predicted: the width that state evolution predicts to serve the prior best, where the matrix is random-like and the "
        "prior's card tells its errors, else typical; typical: as wide as typical measurements.",
        expert=True,
    )
    width: float | None = number(
        None,
        "Width",
        "Standard deviation (gaussian), half-width (uniform) or scale (logistic) of the thresholds, in the units of A x; "
        "auto follows the width rule.",
        above=0,
    )
    known: bool = flag(
        True,
        "Thresholds recorded",
        "Recorded thresholds give exact cells; without them only their distribution is known.",
        expert=True,
    )

    @property
    def in_words(self) -> str:
        return "1 bit with dither"

    @property
    def bits_per_measurement(self) -> int:
        return 1

    def candidates(self, levels: Levels) -> list[Dithered]:
        if self.width is not None or self.rule != "predicted":
            return [self]
        return [self.replace(width=rounded(OF_SCALE[self.kind] * levels.scale * share)) for share in SHARES]

    def by_rule(self, levels: Levels) -> Dithered:
        return self.replace(width=rounded(OF_SCALE[self.kind] * levels.scale))

    def typical_thresholds(self, levels: Levels) -> np.ndarray:
        """Recorded thresholds at even quantiles; the forgotten ones only add noise, so that z is seen about its centre."""
        import numpy as np

        if not self.known:
            return np.zeros(1)
        share = (np.arange(QUANTILES) + 0.5) / QUANTILES
        gaussian = normal_quantiles(QUANTILES)
        unit = {"gaussian": gaussian, "uniform": 2 * share - 1, "logistic": np.log(share / (1 - share))}[self.kind]
        return (self.width or OF_SCALE[self.kind] * levels.scale) * unit[:, None]

    @property
    def forgotten_deviation(self) -> float:
        """Standard deviation of a dither that was not recorded; 0 where it was, or is left to a rule."""
        return 0.0 if self.known or self.width is None else self.width / OF_SCALE[self.kind]

    def build(self, levels: Levels) -> Quantizer:
        import torch

        from engine.seeds import generator

        width = self.settled(levels).width
        assert width is not None
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
