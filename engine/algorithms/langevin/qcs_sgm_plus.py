"""QCS-SGM+ (Meng and Kabashima, AAAI 2024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from engine.algorithms.langevin.dynamics import Langevin, Score
from engine.likelihoods import likelihood_refusal, make_likelihood
from engine.settings import integer, number, one_of

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.choice import PriorChoice
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["QcsSgmPlus"]


@dataclass(frozen=True)
class QcsSgmPlus(Langevin):
    """QCS-SGM+: Langevin dynamics with the likelihood score by expectation propagation, for general A."""

    name = "qcs-sgm-plus"
    label = "QCS-SGM+ (EP Langevin)"
    # Matrix products of fewer rows are summed in another order. That is rounding, but an unsettled EP, restarted or not,
    # turns it into another chain: with as many rows at least, a sample is the same alone and among others.
    least_rows: ClassVar = 4

    gamma: float = number(
        1.0, "Weight gamma", "Factor of the likelihood score; 1 is Bayes' rule.", above=0, high=100, expert=True
    )
    ep_iterations: int = integer(
        8, "EP iterations", "At most, in each step; messages are kept between steps.", low=1, high=1000
    )
    guidance: str = one_of(
        "bayes",
        ("bayes", "norm-ratio"),
        "Guidance",
        "norm-ratio is the published code's: the likelihood score gets gamma times the norm of the prior score.",
        expert=True,
    )

    def likelihood_score(self, measurement: Measurement) -> tuple[Score, float, Any]:
        made, adjoint = make_likelihood("ep", measurement, self.ep_iterations), measurement.operator.adjoint

        def score(x: Tensor, sigma: float, prior_score: Tensor) -> Tensor:
            pull = adjoint(made.score(x, sigma))
            if self.guidance == "norm-ratio":
                norms = [t.flatten(1).norm(dim=1).clamp_min(1e-30) for t in (prior_score, pull)]
                pull = pull * (norms[0] / norms[1]).reshape(-1, 1, 1, 1)
            return self.gamma * pull

        return score, 2 / (1 + self.gamma), made

    def unsuited(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        return likelihood_refusal("ep", operator, quantizer)
