"""Quantizers. A new one is one new file and one line in the list below."""

from engine.sensing.quantizers.base import Levels, Quantizer, QuantizerChoice
from engine.sensing.quantizers.dithered import Dithered
from engine.sensing.quantizers.linear import NoQuantizer
from engine.sensing.quantizers.lloyd_max import LloydMax
from engine.sensing.quantizers.one_bit import OneBit
from engine.sensing.quantizers.photons import Photons
from engine.sensing.quantizers.thresholds import Thresholds
from engine.sensing.quantizers.uniform import Uniform
from engine.settings import Family

__all__ = ["QUANTIZERS", "Levels", "Quantizer", "QuantizerChoice"]

QUANTIZERS: Family[QuantizerChoice] = Family(
    "quantizer", [OneBit, Dithered, Uniform, LloydMax, Thresholds, Photons, NoQuantizer]
)
