"""Quantizers: scalar, memoryless, declared by their thresholds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from engine.errors import InputError
from engine.settings import Choice

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    import numpy as np
    from torch import Generator, Tensor

    from engine.sensing.channels import Channel
    from engine.sensing.evolution import Evolution, QuantizedView

__all__ = ["Levels", "Quantizer", "QuantizerChoice", "Response", "normal_quantiles", "rounded", "seen_by"]


class Response(NamedTuple):
    """How an operator answers typical pictures, A (x - offset): its ``centre`` (a number, or one per row), its ``deviation``, and
    the ``span`` that it does not leave, if there is one; ``lowest`` (like ``centre``) is the least that is likely."""

    deviation: float
    centre: Tensor | float = 0.0
    span: float = math.inf
    lowest: Tensor | float = -math.inf


@dataclass(frozen=True)
class Levels:
    """What is known about z = A (x - offset) + n before it is measured, and what thresholds may follow: its typical
    ``centre`` (a number, or one per row) and ``scale``, and the ``span`` that it does not leave, if there is one; the number
    of ``rows`` and the ``seed`` for random thresholds. ``lowest`` (like ``centre``) is the least z that is likely.
    ``evolution`` predicts, where it can, how good the result will be."""

    @classmethod
    def of(cls, response: Response, noise: float, rows: int, seed: int, evolution: Evolution | None = None) -> Levels:
        """From the operator's typical response, the noise and what is predicted with the prior; never from the data."""
        scale = (response.deviation**2 + noise**2) ** 0.5
        return cls(scale, response.centre, rows, seed, response.span + 2 * noise, response.lowest, evolution)

    scale: float
    centre: Tensor | float = 0.0
    rows: int = 1
    seed: int = 0
    span: float = math.inf
    lowest: Tensor | float = -math.inf
    evolution: Evolution | None = None


class Quantizer:
    """Maps z to the number of the cell it falls into: code k for thresholds[k-1] <= z < thresholds[k].

    ``thresholds`` is increasing, float64: (cells - 1,) for all rows alike or (rows, cells - 1) for each row its own; None
    for "not quantized", when codes are z itself. The outer cells are half-infinite, and a value on a threshold belongs
    to the cell above, so sign(0) = +1. ``flip`` is the probability that the one bit is reported wrongly.
    """

    is_random: bool = False
    """Whether the same z is reported differently each time (photons): then :meth:`detect` reports it."""

    def __init__(self, thresholds: Tensor | None, flip: float = 0.0) -> None:
        if thresholds is not None and bool((thresholds.diff(dim=-1) <= 0).any()):
            raise InputError("The thresholds of a quantizer must increase; sort them and remove repeated ones.")
        if flip and (thresholds is None or thresholds.shape[-1] != 1):
            raise InputError("A bit-flip probability goes with one bit only; leave flip=0.")
        self.thresholds, self.flip = thresholds, flip

    @property
    def is_linear(self) -> bool:
        return self.thresholds is None

    @property
    def cells(self) -> int:
        """Number of cells, 0 where nothing is quantized."""
        return 0 if self.thresholds is None else self.thresholds.shape[-1] + 1

    @property
    def words(self) -> str:
        """What a report is, in words."""
        return "real values" if self.is_linear else "one bit each" if self.cells == 2 else f"{self.cells} cells"

    def detect(self, z: Tensor, draw: Generator) -> Tensor:
        """A random report of one image's z (rows,)."""
        raise NotImplementedError

    def quantize(self, z: Tensor) -> Tensor:
        """Codes 0 .. cells - 1 (int64), of the shape (images, rows) of z; z itself where nothing is quantized."""
        import torch

        if self.thresholds is None:
            return z
        edges = self.thresholds.to(z.device)
        if edges.ndim == 1:
            return torch.bucketize(z.double().contiguous(), edges, right=True)
        return (z.double()[..., None] >= edges).sum(-1)

    def report(self, codes: Tensor, draw: Tensor) -> Tensor:
        """What the sensor reports of the codes; ``draw`` are uniform random numbers of their shape."""
        import torch

        return torch.where(draw < self.flip, 1 - codes, codes) if self.flip else codes

    def edges(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Lower and upper edges of the cells, float64, of the shape of ``codes`` (images, rows)."""
        import torch

        assert self.thresholds is not None, "a linear measurement has no cells"
        inner = self.thresholds.double().to(codes.device)
        ends = torch.full_like(inner[..., :1], torch.inf)
        edges = torch.cat([-ends, inner, ends], dim=-1)
        if edges.ndim == 1:
            return edges[codes], edges[codes + 1]
        rows = torch.arange(len(edges), device=codes.device)
        return edges[rows, codes], edges[rows, codes + 1]

    def channel(self, codes: Tensor) -> Channel:
        """What the codes say about z."""
        from engine.sensing.channels import CellChannel

        return CellChannel(*self.edges(codes), flip=self.flip)


@dataclass(frozen=True)
class QuantizerChoice(Choice):
    """Settings of a quantizer; :meth:`build` makes it."""

    @property
    def bits_per_measurement(self) -> int | None:
        """None where nothing is quantized."""
        return None

    @property
    def in_words(self) -> str:
        """What a measurement is after it, as people say it: "2 bits", "no quantizer"."""
        bits = self.bits_per_measurement
        amount = "no quantizer" if bits is None else f"{bits} bit{'s' if bits != 1 else ''}"
        return f"{amount}, {self.label}"

    @property
    def has_thresholds(self) -> bool:
        """Whether reports are cells between thresholds, which state evolution can follow."""
        return True

    def build(self, levels: Levels) -> Quantizer:
        """The quantizer. Its range may follow the operator's response, the noise and the prior, never the data."""
        raise NotImplementedError

    def candidates(self, levels: Levels) -> Sequence[Self]:
        """What ``auto`` may stand for, with nothing left open: the one that is predicted to serve the prior best is taken.
        One alone is taken as it is."""
        return [self]

    def typical_thresholds(self, levels: Levels) -> np.ndarray:
        """Thresholds (cells - 1,) about the centre of z, where nothing is left open to a prediction; (rows, cells - 1) of
        some typical rows if each has its own. Made without torch: a window asks at every change."""
        raise NotImplementedError

    @property
    def typical_weights(self) -> Sequence[float] | None:
        """Share of all rows that each of the typical ones stands for; None where they are alike."""
        return None

    @property
    def forgotten_deviation(self) -> float:
        """Standard deviation of thresholds that were not recorded; 0 where they were, or are left to a rule."""
        return 0.0

    @property
    def is_settled(self) -> bool:
        """Whether it says all thresholds in numbers, so that neither operator nor prior decide any."""
        return all(getattr(self, key) is not None for key in self.settings())

    def settled(self, levels: Levels) -> Self:
        """This choice with every ``auto`` a number: what state evolution predicts to be best, where it can be asked, else what
        the rule says."""
        if self.is_settled:
            return self
        tried = self.candidates(levels)
        if len(tried) == 1 or levels.evolution is None:
            return self.by_rule(levels)
        return tried[levels.evolution.best(str(self), lambda: seen_by(tried, levels))]

    def by_rule(self, levels: Levels) -> Self:
        """The same without a prediction."""
        return self

    def about(self, centre: Tensor | float, unit: list[float] | tuple[float, ...]) -> Tensor:
        """Thresholds ``unit`` shifted to a centre, one row of them per row of the operator if the centre has rows."""
        import torch

        thresholds = torch.tensor(unit, dtype=torch.float64)
        centre = torch.as_tensor(centre, dtype=torch.float64)
        if centre.ndim and bool((centre == centre[0]).all()):
            centre = centre[0]
        return thresholds + centre[:, None] if centre.ndim else thresholds + centre


def rounded(value: float) -> float:
    """Six digits: what a recipe says of a width is what was measured with."""
    return float(f"{value:.6g}")


def normal_quantiles(count: int) -> np.ndarray:
    """So many values that stand for a standard normal one, at even quantiles; without SciPy, whose import takes longer than the
    predictions that ask."""
    from statistics import NormalDist

    import numpy as np

    normal = NormalDist()
    return np.array([normal.inv_cdf((i + 0.5) / count) for i in range(count)])


def seen_by(tried: Sequence[QuantizerChoice], levels: Levels) -> QuantizedView:
    """How z is seen through quantizers of one kind, for state evolution."""
    import numpy as np

    from engine.sensing.evolution import QuantizedView

    if tried[0].bits_per_measurement is None:
        return QuantizedView(None)
    weights = [c.typical_weights for c in tried]
    return QuantizedView(
        np.stack([c.typical_thresholds(levels) for c in tried]),
        np.array([c.forgotten_deviation for c in tried]),
        getattr(tried[0], "flip", 0.0),
        None if weights[0] is None else np.array(weights),
    )
