"""QCS-SGM (Meng and Kabashima, ICLR 2023)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.algorithms.langevin.dynamics import Langevin, Score
from engine.algorithms.langevin.stability import stable_step
from engine.likelihoods import LIKELIHOODS, likelihood_refusal, make_likelihood
from engine.settings import one_of

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.choice import PriorChoice
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["QcsSgm"]


@dataclass(frozen=True)
class QcsSgm(Langevin):
    """QCS-SGM: annealed Langevin dynamics with the noise-perturbed pseudo-likelihood score (Algorithm 1)."""

    name = "qcs-sgm"
    label = "QCS-SGM (Langevin)"

    likelihood: str = one_of("diagonal", tuple(LIKELIHOODS), "Likelihood", "How the measurements enter.")

    def likelihood_score(self, measurement: Measurement) -> tuple[Score, float, Any]:
        made, operator = make_likelihood(self.likelihood, measurement), measurement.operator
        limit = stable_step(operator) if self.likelihood == "diagonal" else 1.0

        def score(x: Tensor, sigma: float, _: Tensor) -> Tensor:
            return operator.pull_back(x - measurement.offset, made.score(x, sigma))

        return score, limit, made

    def unsuited(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        return likelihood_refusal(self.likelihood, operator, quantizer)

    def warning(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        if self.likelihood == "diagonal" and not operator.orthogonal_rows and operator.is_linear:
            return "the diagonal likelihood is an approximation here; qcs-sgm-plus takes the correlations into account"
        return None
