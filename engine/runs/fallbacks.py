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
MOST = 2


def fallbacks(spec: RunSpec) -> list[AlgorithmChoice]:
    """The methods, beside the advised one, that go with what is measured and the prior; two at most."""
    seen = spec.instrument
    others = [ALGORITHMS.parse(name) for name in ORDER[spec.prior.kind] if name != spec.algorithm.name]
    return [a for a in others if a.refusal(seen.operator, seen.quantizer, spec.prior) is None][:MOST]
