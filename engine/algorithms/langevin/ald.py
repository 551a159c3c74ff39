"""ALD (Jalal et al., NeurIPS 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.algorithms.langevin.dynamics import Langevin, Score
from engine.errors import InputError
from engine.sensing.operators.norm import largest_eigenvalue
from engine.settings import number

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.choice import PriorChoice
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["Ald"]


@dataclass(frozen=True)
class Ald(Langevin):
    """ALD of Jalal et al. (2021): Langevin dynamics on linear measurements with a heuristic annealing term."""

    name = "ald"
    label = "ALD (Jalal et al.)"

    annealing: float = number(
        1.0, "Annealing", "gamma_t / beta_t: the noise variance is raised by gamma_t^2.", low=0, high=1000, expert=True
    )

    def unsuited(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        if quantizer.bits_per_measurement is not None:
            return "ald knows no quantizer; choose the quantizer 'none', or take qcs-sgm"
        if not operator.is_linear:
            return "ald needs a linear operator; take guided"
        return None

    def likelihood_score(self, measurement: Measurement) -> tuple[Score, float, Any]:
        values, operator = measurement.values, measurement.operator
        if values is None:
            raise InputError("The algorithm 'ald' needs measurements that are not quantized; take qcs-sgm.")

        def score(x: Tensor, sigma: float, _: Tensor) -> Tensor:
            variance = measurement.noise**2 + (self.annealing * sigma) ** 2
            return operator.adjoint((values - measurement.predict(x)) / max(variance, 1e-24))

        return score, 2 / (1 + largest_eigenvalue(operator) / max(self.annealing**2, 1e-12)), None
