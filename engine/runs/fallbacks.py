"""What goes on where the advised algorithm cannot be right, in the order in which it is tried."""

from __future__ import annotations

from engine.algorithms import ALGORITHMS, AlgorithmChoice
from engine.runs.spec import RunSpec

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
MOST = 2


def fallbacks(spec: RunSpec) -> list[AlgorithmChoice]:
    """The methods, beside the advised one, that go with what is measured and the prior; two at most."""
    seen = spec.instrument
    order = ORDER[spec.prior.kind]
    if spec.prior.kind == "denoiser" and seen.operator.is_linear and not seen.operator.has_eigenbasis:
        order = UNDECOMPOSED
    others = [ALGORITHMS.parse(name) for name in order if name != spec.algorithm.name]
    return [a for a in others if a.refusal(seen.operator, seen.quantizer, spec.prior) is None][:MOST]
