"""Sensing operators. A new one is one new file and one line in the list below."""

from engine.operators.base import GramEigenbasis, Operator, OperatorChoice
from engine.operators.blur import Blur
from engine.operators.gaussian import GaussianMatrix
from engine.operators.matrix_file import MatrixFile
from engine.operators.phase import PhaseRetrieval
from engine.operators.pixels import Identity, Inpainting
from engine.operators.single_pixel import SinglePixel
from engine.operators.spectra import CorrelatedMatrix, IllConditionedMatrix, OrthogonalMatrix
from engine.operators.super_resolution import SuperResolution
from engine.operators.transforms import RandomDct, RandomDft, RandomHadamard
from engine.settings import Family

__all__ = ["OPERATORS", "GramEigenbasis", "Operator", "OperatorChoice"]

OPERATORS: Family[OperatorChoice] = Family(
    "operator",
    [
        GaussianMatrix, OrthogonalMatrix, IllConditionedMatrix, CorrelatedMatrix, RandomDct, RandomHadamard, RandomDft,
        SinglePixel, Inpainting, Blur, SuperResolution, Identity, PhaseRetrieval, MatrixFile,
    ],
)  # fmt: skip
