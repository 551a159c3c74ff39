"""Sensing operators. A new one is one new file and one line in the list below."""

from engine.sensing.operators.base import GramEigenbasis, Operator, OperatorChoice
from engine.sensing.operators.bayer import Bayer
from engine.sensing.operators.blur import Blur
from engine.sensing.operators.gaussian import GaussianMatrix
from engine.sensing.operators.matrix_file import MatrixFile
from engine.sensing.operators.patterns import Patterns
from engine.sensing.operators.phase import PhaseRetrieval
from engine.sensing.operators.pixels import Identity, Inpainting
from engine.sensing.operators.rank_one import RankOne
from engine.sensing.operators.single_pixel import SinglePixel
from engine.sensing.operators.spectra import CorrelatedMatrix, IllConditionedMatrix, OrthogonalMatrix
from engine.sensing.operators.super_resolution import SuperResolution
from engine.sensing.operators.tomography import Tomography
from engine.sensing.operators.transforms import RandomDct, RandomDft, RandomHadamard
from engine.settings import Family

__all__ = ["OPERATORS", "GramEigenbasis", "Operator", "OperatorChoice"]

OPERATORS: Family[OperatorChoice] = Family(
    "operator",
    [
        GaussianMatrix, OrthogonalMatrix, IllConditionedMatrix, CorrelatedMatrix, RandomDct, RandomHadamard, RandomDft,
        SinglePixel, Patterns, RankOne, Inpainting, Blur, SuperResolution, Bayer, Identity, Tomography, PhaseRetrieval,
        MatrixFile,
    ],
)  # fmt: skip
