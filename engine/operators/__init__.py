"""Sensing operators. A new one is one new file and one line in the list below."""

from engine.operators.base import GramEigenbasis, Operator, OperatorChoice
from engine.operators.gaussian import GaussianMatrix
from engine.operators.spectra import CorrelatedMatrix, IllConditionedMatrix, OrthogonalMatrix
from engine.operators.transforms import RandomDct, RandomDft, RandomHadamard
from engine.settings import Family

__all__ = ["OPERATORS", "GramEigenbasis", "Operator", "OperatorChoice"]

OPERATORS: Family[OperatorChoice] = Family(
    "operator",
    [GaussianMatrix, OrthogonalMatrix, IllConditionedMatrix, CorrelatedMatrix, RandomDct, RandomHadamard, RandomDft],
)
