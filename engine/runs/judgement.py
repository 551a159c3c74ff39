"""Whether a result is worth less than a trivial one: then it is called failed, wherever it is shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from engine.runs.metrics import rmse

if TYPE_CHECKING:
    from engine.runs.score import Score

__all__ = ["PRIOR_MEAN", "SEEN", "chance_consistency", "doubt", "failure", "unseen_failure"]

MARGIN = 1.02
"""A result as good as the trivial one up to this factor, which is what a flat truth gives, is not called worse."""
PRIOR_MEAN = "the prior's mean"
SEEN = "what was seen"
_WORDS = {PRIOR_MEAN: "which looks at no measurement", SEEN: "interpolated or back-projected without any prior"}


OUTSIDE, FAR = 0.1, 1.0
"""Root-mean-square distance of pixels from the range of black to white at which a picture has left it, and at which its
measurements are in other units."""
WORSE_BITS, SURE = 0.02, 2.0
"""Bits of a measurement by which a trivial picture must predict better, and in how many standard errors of the mean."""
OVERSURE = 4.0
"""Ratio of mean squared errors, fitted to predicted, from which a method did not know its error."""
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


def unseen_failure(mean: np.ndarray, score: Score | None, predicted_z: float | None = None) -> str:
    """One sentence on why the estimate ``mean`` (c, h, w) cannot be right, seen without knowing the truth, or nothing.

    ``score`` is that of measurements that were left out, or of all; ``predicted_z`` the variance of the error of A x that the
    method predicts.
    """
    away = float(np.sqrt(np.mean(np.square(mean - np.clip(mean, 0, 1)))))
    if away > FAR:
        return (
            f"This reconstruction has failed: its pixels lie {away:.3g} from the range of black (0) to white (1); either the "
            "measurements are in other units (divide y by the gain of the instrument), or the method diverged (take another one)."
        )
    if away > OUTSIDE:
        return (
            f"This reconstruction has failed: its pixels lie {away:.2f} from the range of black (0) to white (1), as no "
            "picture does; choose another algorithm, or check offset and gain."
        )
    if score is None:
        return ""
    margin = WORSE_BITS + SURE / math.sqrt(score.rows)
    what = "measurements that were left out" if score.held_out else "its own measurements"
    if score.result < -margin:
        return (
            f"This reconstruction has failed: it predicts {what} worse than the prior's mean does ({score.result:+.2f} bits "
            "each); choose another algorithm, or check matrix, order of pixels and noise if all do so."
        )
    if score.held_out and score.result < score.trivial - margin:
        return (
            f"This reconstruction has failed: it predicts {what} worse ({score.result:+.2f} bits each) than the picture "
            f"interpolated from the others ({score.trivial:+.2f}); choose another algorithm."
        )
    if score.held_out and predicted_z and score.rows >= 1 / WORSE_BITS and score.error > OVERSURE * predicted_z + 1e-12:
        ratio = math.sqrt(score.error / predicted_z)
        return (
            f"This reconstruction is doubtful: what was left out shows {ratio:.1f} times the error that the method predicts; "
            "choose another algorithm, or check matrix and noise if all do so."
        )
    return ""
