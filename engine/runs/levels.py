"""What thresholds may follow, where a recipe leaves them open: the operator's response, the noise, and what is predicted with a
prior."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from engine.priors.choice import PriorChoice, Shape
from engine.sensing.operators import OperatorChoice
from engine.sensing.quantizers import Levels

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.sensing.evolution import Evolution
    from engine.sensing.operators import Operator

__all__ = ["evolution_of", "levels_of"]


@lru_cache(maxsize=32)
def evolution_of(
    operator: OperatorChoice, prior: PriorChoice, shape: Shape, noise: float, offset: float
) -> Evolution | None:
    """The state evolution of turbo on pictures of this shape (channels, height, width); None where the operator is not
    random-like or the prior's card does not tell its errors."""
    profile = prior.denoising_profile(shape[0])
    eigenvalues = operator.typical_eigenvalues(shape) if profile is not None and operator.has_eigenbasis else None
    if profile is None or eigenvalues is None:
        return None
    import numpy as np

    from engine.sensing.evolution import Evolution

    rows, pixels = operator.rows_for(shape), shape[0] * shape[1] * shape[2]
    return Evolution(profile, np.array(eigenvalues), rows / pixels, rows, noise, offset)


def levels_of(
    operator: OperatorChoice, adviser: PriorChoice, shape: Shape, noise: float, offset: float, seed: int,
    build: Callable[[], Operator] | None = None,
) -> Levels:  # fmt: skip
    """Levels of A (x - offset) + n for pictures of this shape. The response of a matrix that mixes all pixels at random is known
    before it is made; that of others is asked of the operator that ``build`` gives."""
    evolution = evolution_of(operator, adviser, shape, noise, offset)
    known = evolution is not None or build is None
    response = operator.response(shape) if known else build().response(offset)  # type: ignore[misc]
    return Levels.of(response, noise, operator.rows_for(shape), seed, evolution)
