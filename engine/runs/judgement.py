"""Whether a result is worth less than a trivial one: then it is called failed, wherever it is shown."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.runs.metrics import rmse

__all__ = ["PRIOR_MEAN", "SEEN", "chance_consistency", "doubt", "failure"]

MARGIN = 1.02
"""A result as good as the trivial one up to this factor, which is what a flat truth gives, is not called worse."""
PRIOR_MEAN = "the prior's mean"
SEEN = "what was seen"
_WORDS = {PRIOR_MEAN: "which looks at no measurement", SEEN: "interpolated or back-projected without any prior"}


DOUBTFUL = 0.75
"""Share of own measurements below which the result is doubted aloud: wrong matrices give half of the bits."""


def doubt(truth: np.ndarray | None, consistency: float | None) -> str:
    """One sentence on measurements that may not be what they are said to be, or nothing."""
    if truth is not None or consistency is None or consistency >= DOUBTFUL:
        return ""
    return (
        f"The result agrees with only {consistency:.0%} of the measurements: check that the matrix, "
        "the order of its columns, the thresholds and the noise belong to them."
    )


def chance_consistency(codes: np.ndarray) -> float:
    """Share of the codes (rows,) that codes drawn at random with the same frequencies would agree with."""
    shares = np.unique(codes, return_counts=True)[1] / codes.size
    return float(np.square(shares).sum())


def failure(
    mean: np.ndarray, truth: np.ndarray | None, trivial: Mapping[str, np.ndarray], consistency: float | None = None,
    chance: float | None = None, residuals: tuple[float, float] | None = None,
) -> str:  # fmt: skip
    """One sentence on why the estimate ``mean`` (c, h, w) has failed, or nothing.

    ``trivial`` holds what can be had without a method, by PRIOR_MEAN and SEEN, (c, h, w) or a number each: the estimate is
    compared with the better one where the truth is known. Otherwise by ``consistency`` against ``chance``, and by
    ``residuals``, the root-mean-square residuals of real values of the estimate and of the prior's mean.
    """
    if truth is not None:
        errors = {name: rmse(np.broadcast_to(picture, truth.shape), truth) for name, picture in trivial.items()}
        name = min(errors, key=lambda key: errors[key])
        error = rmse(mean, truth)
        if error > MARGIN * errors[name]:
            return (
                f"This reconstruction has failed: its error ({error:.3f} RMSE) is larger than that of {name} "
                f"({errors[name]:.3f}), {_WORDS.get(name, '')}; choose another algorithm."
            )
    if consistency is not None and chance is not None and consistency < chance:
        return (
            f"This reconstruction has failed: it agrees with {consistency:.1%} of the measurements, less than by chance "
            f"({chance:.1%})."
        )
    if residuals is not None and residuals[0] > MARGIN * residuals[1]:
        return (
            f"This reconstruction has failed: it explains the measurements worse (residual {residuals[0]:.3g}) than "
            f"{PRIOR_MEAN} does ({residuals[1]:.3g})."
        )
    return ""
