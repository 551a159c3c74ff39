"""How large a step of Langevin dynamics may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.sensing.operators.norm import largest_eigenvalue

if TYPE_CHECKING:
    from engine.sensing.operators import Operator

__all__ = ["stable_step"]


def stable_step(operator: Operator) -> float:
    """Largest stable epsilon / beta_T^2 of the recursion with a calibrated score and the diagonal likelihood.

    The prior's score has curvature at most 1 / sigma^2 and the pseudo-likelihood's at most
    lambda_max(D^-1/2 A A^T D^-1/2) / sigma^2 with D the squared row norms (noise only lowers it), and a Langevin step
    is stable below two over their sum. For a non-linear operator the operator's own bound on its Jacobian is used.
    """
    if not operator.is_linear:
        return 2 / (1 + operator.gain_bound() / float(operator.row_norms_squared().min()))
    norms = operator.row_norms_squared()
    inverse_roots = norms.clamp_min(1e-30).rsqrt() * (norms > 1e-30)  # 0 for rows that measure nothing
    return 2 / (1 + largest_eigenvalue(operator, inverse_roots))
