"""What is said of a result once it is there: how much of the measurements it explains, and whether it can be right."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from engine.runs.judgement import PRIOR_MEAN, SEEN, chance_consistency, failure, unseen_failure
from engine.runs.score import Score, score

if TYPE_CHECKING:
    from engine.algorithms import AlgorithmChoice
    from engine.runs.reconstruction import Reconstruction
    from engine.sensing.holding_out import HeldOut
    from engine.sensing.measurement import Measurement

__all__ = ["Judge", "Verdict", "worth"]


class Verdict(NamedTuple):
    """``consistency``: share of the reports agreed with; ``failed``: why the result has failed, if it has; ``score``: how well it
    predicts measurements; ``unseen``: why it cannot be right as far as is seen without the truth."""

    consistency: float | None
    failed: str
    score: Score | None
    unseen: str


@dataclass(frozen=True)
class Judge:
    """``held`` is what was left out of the ``measurement`` to judge by, if anything; ``seed`` draws what the judgement draws."""

    measurement: Measurement
    held: HeldOut | None
    seed: int

    def verdict(
        self, index: int, algorithm: AlgorithmChoice, mean: np.ndarray, prior_mean: np.ndarray, samples: np.ndarray,
        predicted: float | None,
    ) -> Verdict:  # fmt: skip
        """Of the estimate ``mean`` (c, h, w) of image ``index``, with posterior ``samples`` (n, c, h, w), which may be none, and
        the error that the method predicts; beside ``prior_mean``, a picture or a number, which looks at no measurement."""
        one = self.measurement.select([index])
        seen = one.consistency(torch.from_numpy(mean)[None])
        consistency = None if seen is None else float(seen[0])
        if not algorithm.reconstructs or algorithm.shows_a_part:
            return Verdict(consistency, "", None, "")
        fitted = one if self.held is None else self.held.fitted.select([index])
        interpolated = fitted.simple_estimate()[0].clamp(0, 1).cpu().numpy()
        judge, rows = (one, None) if self.held is None else (self.held.judge.select([index]), self.held.rows[index])
        found = score(judge, mean, interpolated, prior_mean, samples, predicted, rows, self.seed)
        norm = float(one.operator.row_norms_squared().double().mean())
        unseen = unseen_failure(mean, found, None if predicted is None else predicted**2 * norm)
        truth = None if one.truth is None else one.truth[0].numpy()
        chance = None if one.codes is None else chance_consistency(one.codes[0].cpu().numpy())
        residuals = None if one.values is None else (one.residual_rms(mean), one.residual_rms(prior_mean))
        trivial = {PRIOR_MEAN: prior_mean, SEEN: interpolated}
        failed = failure(mean, truth, trivial, consistency, chance, residuals)
        return Verdict(consistency, failed or ("" if truth is not None else unseen), found, unseen)


def worth(result: Reconstruction) -> tuple[bool, float]:
    """Orders results of several methods on the same data, without a look at the truth."""
    return not result.unseen_failure, -math.inf if result.score is None else result.score.result
