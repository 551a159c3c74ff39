"""The usual faults of measurement files. A new one is one file here and its name in the list, where the likelier ones are
first."""

from engine.doctor.hypotheses.base import Finding, Hypothesis, Mend
from engine.doctor.hypotheses.codes import BitsOfCodes
from engine.doctor.hypotheses.columns import OrderOfColumns
from engine.doctor.hypotheses.kernel import KernelTurned
from engine.doctor.hypotheses.noise import NoiseLevel
from engine.doctor.hypotheses.order import OrderOfMeasurements
from engine.doctor.hypotheses.signs import SignsOfRows
from engine.doctor.hypotheses.thresholds import Thresholds
from engine.doctor.hypotheses.units import DarkLevel, GainAndOffset, LightOfPhotons

__all__ = ["HYPOTHESES", "Finding", "Hypothesis", "Mend"]

HYPOTHESES: tuple[Hypothesis, ...] = (
    KernelTurned(), OrderOfColumns(), OrderOfMeasurements(), SignsOfRows(), BitsOfCodes(), Thresholds(), DarkLevel(),
    GainAndOffset(), LightOfPhotons(), NoiseLevel(),
)  # fmt: skip
