"""How well an image explains what was seen, as a score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import InputError

if TYPE_CHECKING:
    from engine.likelihoods.diagonal import DiagonalLikelihood
    from engine.likelihoods.ep import EpLikelihood
    from engine.measurements import Measurement

__all__ = ["LIKELIHOODS", "make_likelihood"]

LIKELIHOODS = {
    "diagonal": "Each measurement by itself (Theorem 1): exact where A A^T is diagonal.",
    "ep": "Expectation propagation (QCS-SGM+): for any A; exact Gaussian where nothing is quantized.",
    "exact": "The Gaussian likelihood of eq. 19, for measurements that are not quantized.",
}


def make_likelihood(name: str, measurement: Measurement, iterations: int = 8) -> DiagonalLikelihood | EpLikelihood:
    """The likelihood of that name for a measurement; InputError where it does not exist for it."""
    from engine.likelihoods.diagonal import DiagonalLikelihood
    from engine.likelihoods.ep import EpLikelihood

    if name == "diagonal":
        return DiagonalLikelihood(measurement)
    if name == "exact" and not measurement.is_linear:
        raise InputError("likelihood=exact is for measurements that are not quantized; take likelihood=ep.")
    return EpLikelihood(measurement, iterations)
