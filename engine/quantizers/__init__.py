"""Quantizers. A new one is one new file and one line in the list below."""

from engine.quantizers.base import Levels, Quantizer, QuantizerChoice
from engine.quantizers.dithered import Dithered
from engine.quantizers.linear import NoQuantizer
from engine.quantizers.lloyd_max import LloydMax
from engine.quantizers.one_bit import OneBit
from engine.quantizers.thresholds import Thresholds
from engine.quantizers.uniform import Uniform
from engine.settings import Family

__all__ = ["QUANTIZERS", "Levels", "Quantizer", "QuantizerChoice"]

QUANTIZERS: Family[QuantizerChoice] = Family(
    "quantizer", [OneBit, Dithered, Uniform, LloydMax, Thresholds, NoQuantizer]
)
