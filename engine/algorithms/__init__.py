"""Reconstruction algorithms. A new one is one new file and one line in the list below."""

from engine.algorithms.base import AlgorithmChoice, Draws, Iterate
from engine.algorithms.guided import Guided
from engine.algorithms.langevin import Ald, QcsSgm, QcsSgmPlus
from engine.algorithms.turbo import Turbo
from engine.algorithms.unconditional import Unconditional
from engine.settings import Family

__all__ = ["ALGORITHMS", "AlgorithmChoice", "Draws", "Iterate"]

ALGORITHMS: Family[AlgorithmChoice] = Family("algorithm", [Turbo, Guided, QcsSgm, QcsSgmPlus, Ald, Unconditional])
