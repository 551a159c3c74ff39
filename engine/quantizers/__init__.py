"""Quantizers. A new one is one new file and one line in the list below."""

from engine.quantizers.base import Quantizer, QuantizerChoice
from engine.quantizers.linear import NoQuantizer
from engine.quantizers.lloyd_max import LloydMax
from engine.quantizers.one_bit import OneBit
from engine.quantizers.thresholds import Thresholds
from engine.quantizers.uniform import Uniform
from engine.settings import Family

__all__ = ["QUANTIZERS", "Quantizer", "QuantizerChoice"]

QUANTIZERS: Family[QuantizerChoice] = Family("quantizer", [OneBit, Uniform, LloydMax, Thresholds, NoQuantizer])
