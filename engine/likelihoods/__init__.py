"""How well an image explains what was seen, as a score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import InputError

if TYPE_CHECKING:
    from engine.likelihoods.diagonal import DiagonalLikelihood
    from engine.likelihoods.ep import EpLikelihood
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["LIKELIHOODS", "likelihood_refusal", "make_likelihood"]

LIKELIHOODS = {
    "diagonal": "Each measurement by itself (Theorem 1): exact where A A^T is diagonal.",
    "ep": "Expectation propagation (QCS-SGM+): for any A; the diagonal score where A A^T is diagonal, which is exact.",
    "exact": "The Gaussian likelihood of eq. 19, for measurements that are not quantized.",
}


def likelihood_refusal(name: str, operator: OperatorChoice, quantizer: QuantizerChoice) -> str | None:
    """Why a likelihood does not exist for an operator and quantizer, in one clause; None where it does."""
    if name == "exact" and quantizer.bits_per_measurement is not None:
        return "likelihood=exact is for measurements that are not quantized; take likelihood=ep"
    if name != "diagonal" and not operator.has_eigenbasis:
        why = "which takes too long for so many rows" if operator.is_linear else "which only linear operators have"
        return f"likelihood={name} needs the eigenbasis of A A^T, {why}; take likelihood=diagonal"
    return None


def make_likelihood(name: str, measurement: Measurement, iterations: int = 8) -> DiagonalLikelihood | EpLikelihood:
    """The likelihood of that name for a measurement; InputError where it does not exist for it.

    Where the rows of A are orthogonal every likelihood is the diagonal one, which is exact then: the scalar precisions
    of EP would lose that with rows of unequal norm.
    """
    from engine.likelihoods.diagonal import DiagonalLikelihood
    from engine.likelihoods.ep import EpLikelihood

    if name == "exact" and not measurement.is_linear:
        raise InputError("likelihood=exact is for measurements that are not quantized; take likelihood=ep.")
    basis = measurement.operator.gram_eigenbasis() if name != "diagonal" else None
    if name == "diagonal" or (basis is not None and basis.trivial):
        return DiagonalLikelihood(measurement)
    return EpLikelihood(measurement, iterations)
