"""Whether a result is worth less than a trivial one: then it is called failed, wherever it is shown."""

from __future__ import annotations

import numpy as np

from engine.runs.metrics import rmse

__all__ = ["chance_consistency", "failure"]

MARGIN = 1.02
"""A result as good as the trivial one up to this factor, which is what a flat truth gives, is not called worse."""


def chance_consistency(codes: np.ndarray) -> float:
    """Share of the codes (rows,) that codes drawn at random with the same frequencies would agree with."""
    shares = np.unique(codes, return_counts=True)[1] / codes.size
    return float(np.square(shares).sum())


def failure(
    mean: np.ndarray, truth: np.ndarray | None, trivial: np.ndarray, consistency: float | None, chance: float | None
) -> str:
    """One sentence on why the estimate ``mean`` (c, h, w) has failed, or nothing.

    ``trivial`` is the prior's mean, (c, h, w) or a number: what can be said of the picture without measuring it.
    """
    if truth is not None:
        error, flat = rmse(mean, truth), rmse(np.broadcast_to(trivial, truth.shape), truth)
        if error > MARGIN * flat:
            return (
                f"This reconstruction has failed: its error ({error:.3f} RMSE) is larger than that of the prior's mean "
                f"({flat:.3f}), which looks at no measurement."
            )
    if consistency is not None and chance is not None and consistency < chance:
        return (
            f"This reconstruction has failed: it agrees with {consistency:.1%} of the measurements, less than by chance "
            f"({chance:.1%})."
        )
    return ""
