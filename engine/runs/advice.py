"""Which algorithm suits an operator and a quantizer, and why: what the window chooses until the user does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.algorithms.messages.turbo import Turbo

if TYPE_CHECKING:
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["recommend"]


def recommend(operator: OperatorChoice, quantizer: QuantizerChoice) -> tuple[str, str]:
    """The written form of the algorithm to take and the reason, in one clause."""
    turbo = Turbo()
    refused = turbo.refusal(operator, quantizer)
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
