"""Photons: a detector that counts them, or that clicks where there is at least one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.sensing.quantizers.base import Levels, Quantizer, QuantizerChoice
from engine.settings import integer, number, one_of

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from engine.sensing.channels.photons import PhotonChannel

__all__ = ["PhotonDetector", "Photons"]

USUAL = 4.0
"""Typical counts that a usual count does not exceed, for pictures of counts."""


class PhotonDetector(Quantizer):
    """Reports photons of a rate ``gain`` z + ``dark``, of all frames together; ``gain`` and ``dark`` (rows,) or a number,
    ``typical`` the rate of a typical picture. Clicks of ``frames`` binary frames where ``clicks``, else counts, with Gaussian
    noise ``read`` and no further than ``full``. A rate below 0 is none.
    """

    is_random = True

    def __init__(
        self, gain: Tensor | float, dark: Tensor | float, typical: float, frames: int = 1, clicks: bool = True,
        read: float = 0.0, full: float = math.inf,
    ) -> None:  # fmt: skip
        import torch

        super().__init__(None)
        self.gain, self.dark = (torch.as_tensor(t, dtype=torch.float64) for t in (gain, dark))
        if (
            not bool((self.gain > 0).all() and self.gain.isfinite().all() and self.dark.isfinite().all())
            or typical <= 0
        ):
            raise InputError("The gain of photons must be above 0 and their dark rate finite; check both.")
        self.typical, self.frames, self.clicks, self.read, self.full = float(typical), frames, clicks, read, full

    @property
    def is_linear(self) -> bool:
        return False

    @property
    def cells(self) -> int:
        """Different reports that are usual; 0 where they are no whole numbers."""
        if self.read:
            return 0
        if self.clicks:
            return self.frames + 1
        return 1 + math.ceil(min(self.full, USUAL * self.typical + 5))

    @property
    def words(self) -> str:
        if self.clicks:
            return "single-photon clicks" + (f" of {self.frames} frames" if self.frames > 1 else "")
        return "photon counts"

    def detect(self, z: Tensor, draw: Generator) -> Tensor:
        """A random report of one image's z (rows,): int64, or float64 with read-out noise."""
        import torch

        rate = (self.gain * z.double() + self.dark).clamp_min(0)
        if self.clicks:
            p = -torch.expm1(-rate / self.frames)
            return torch.binomial(torch.full_like(p, self.frames), p, generator=draw).long()
        counts = torch.poisson(rate, generator=draw)
        if self.read:
            return counts + self.read * torch.randn(counts.shape, generator=draw, dtype=torch.float64)
        return counts.clamp_max(self.full).long()

    def channel(self, codes: Tensor) -> PhotonChannel:
        from engine.sensing.channels import ClickChannel, CountChannel, NoisyCountChannel

        gain, dark = (t.to(codes.device).expand(codes.shape).contiguous() for t in (self.gain, self.dark))
        given = (codes.double(), gain, dark, self.typical)
        if self.clicks:
            return ClickChannel(*given, frames=self.frames)
        if self.read:
            return NoisyCountChannel(*given, read=self.read)
        return CountChannel(*given, full=self.full)


@dataclass(frozen=True)
class Photons(QuantizerChoice):
    """Photons: clicks of single-photon frames, P(1) = 1 - exp(-rate), or counts, at a rate that follows z."""

    # Where rows have both signs a bias of light keeps the rate above zero: the least z that is likely gives none.

    name = "photons"
    label = "Photons"

    frames: int = integer(1, "Frames", "Binary frames, or frames whose counts are added up.", low=1, high=65535)
    light: float = number(
        0.1, "Light", "Photons per measurement and frame from a mid-grey picture.", unit="photons", above=0, high=1e9
    )
    dark: float = number(
        0.0,
        "Dark counts",
        "Photons per measurement and frame without any light.",
        unit="photons",
        low=0,
        high=1e9,
        expert=True,
    )
    kind: str = one_of(
        "clicks",
        ("clicks", "counts"),
        "Detector",
        "clicks: a frame says whether there was at least one photon; counts: how many.",
    )
    read: float = number(
        0.0, "Read-out noise", "Standard deviation of what reading the sum of all frames adds to counts.", unit="photons",
        low=0, high=1e6, expert=True)  # fmt: skip
    full: int = integer(
        0,
        "Full well",
        "Counts of all frames together end here; 0 has no end.",
        unit="photons",
        low=0,
        high=10**9,
        expert=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind == "clicks" and (self.read or self.full):
            raise InputError(
                "A click has no read-out noise and no full well; take kind=counts, or leave read and full."
            )
        if self.read and self.full:
            raise InputError("Counts have read-out noise or a full well, not both; leave one of read and full.")

    @property
    def in_words(self) -> str:
        return f"photon {self.kind}, {self.frames} frame{'s' if self.frames != 1 else ''}"

    @property
    def bits_per_measurement(self) -> int:
        """Of usual reports."""
        most = self.frames if self.kind == "clicks" else USUAL * self.frames * (self.light + self.dark) + 5
        return math.ceil(math.log2(1 + min(most, self.full or math.inf)))

    @property
    def has_thresholds(self) -> bool:
        return False

    def build(self, levels: Levels) -> Quantizer:
        import torch

        lowest, centre = (torch.as_tensor(t, dtype=torch.float64) for t in (levels.lowest, levels.centre))
        usual = float((centre - lowest).mean())
        gain = self.frames * self.light / (usual if math.isfinite(usual) and usual > 0 else levels.scale)
        base = lowest if math.isfinite(usual) else centre - levels.scale
        return PhotonDetector(
            gain, self.frames * self.dark - gain * base, self.frames * (self.light + self.dark), self.frames,
            self.kind == "clicks", self.read, self.full or math.inf,
        )  # fmt: skip
