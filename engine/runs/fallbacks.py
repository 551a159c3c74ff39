"""What goes on where the advised algorithm cannot be right, in the order in which it is tried."""

from __future__ import annotations

from engine.algorithms import ALGORITHMS, AlgorithmChoice
from engine.runs.spec import RunSpec
from engine.sensing.quantizers.photons import Photons

__all__ = ["fallbacks"]

ORDER = {
    "denoiser": ("split-gibbs", "plug-and-play", "guided"),
    "generator": ("csgm",),
    "sparsity": ("lasso",),
    "low-rank": ("scaled-gd", "gd"),
}
UNDECOMPOSED = ("plug-and-play", "diffpir")
"""Where a matrix is not decomposed: draws that are exact in what is seen cost a hundred times as much there, and gradients of a
likelihood that nothing bounds diverge."""
OF_PHOTONS = ("plug-and-play",)
"""Of photons, whose gain is what is usually wrong: draws cost twenty times as much as plug-and-play (16 frames of clicks of
96 x 96 pixels: 170 s for 9), and what follows gradients or is hardly regularised fits the noise (diffpir: 11 dB for 27, and the
better score, as nothing was left out)."""
MOST = 2


def fallbacks(spec: RunSpec) -> list[AlgorithmChoice]:
    """The methods, beside the advised one, that go with what is measured and the prior; two at most, none where none is worth its
    time: then the first result stands, with the reason why it cannot be right."""
    seen = spec.instrument
    order = ORDER[spec.prior.kind]
    if spec.prior.kind == "denoiser" and seen.operator.is_linear and not seen.operator.has_eigenbasis:
        order = UNDECOMPOSED
    if spec.prior.kind == "denoiser" and (seen.photons or seen.quantizer.name == Photons.name):
        order = OF_PHOTONS
    others = [ALGORITHMS.parse(name) for name in order if name != spec.algorithm.name]
    return [a for a in others if a.refusal(seen.operator, seen.quantizer, spec.prior) is None][:MOST]
