"""Which algorithm suits operator, quantizer and prior, and why: what the window chooses until the user does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.algorithms.messages.turbo import Turbo
from engine.errors import InputError

if TYPE_CHECKING:
    from engine.priors.choice import PriorChoice
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["recommend"]


def recommend(operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> tuple[str, str]:
    """The written form of the algorithm to take and the reason, in one clause; InputError for a kind of prior that no
    algorithm takes."""
    if prior.kind not in _BY_KIND:
        raise InputError(f"No algorithm takes the prior '{prior.name}' yet; choose another prior.")
    return _BY_KIND[prior.kind](operator, quantizer, prior)


def _for_sparsity(operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> tuple[str, str]:
    return "lasso", "a convex problem with one solution, for any cells and any linear operator"


def _for_denoiser(operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> tuple[str, str]:
    refused = Turbo().refusal(operator, quantizer, prior)
    if refused is None and operator.random_like:
        return "turbo", "the matrix mixes all pixels at random, where message passing is near-optimal and fast"
    if not operator.is_linear:
        return "guided", "it needs only the gradient of the measurement, which need not be linear"
    if operator.orthogonal_rows:
        return (
            "guided",
            "no row mixes all pixels, as message passing wants; the rows are orthogonal, so the diagonal likelihood is exact",
        )
    if not operator.has_eigenbasis:
        return "guided", "the matrix is too large to decompose, which the other methods need"
    return (
        "guided likelihood=ep",
        "the rows depend on one another and do not mix all pixels, which expectation propagation takes into account",
    )


_BY_KIND = {"denoiser": _for_denoiser, "sparsity": _for_sparsity}
