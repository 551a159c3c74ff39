"""Reconstruction algorithms. A new one is one new file and one line in the list below."""

from engine.algorithms.base import AlgorithmChoice, Draws, Iterate
from engine.algorithms.diffusion.guided import Guided
from engine.algorithms.diffusion.unconditional import Unconditional
from engine.algorithms.langevin.ald import Ald
from engine.algorithms.langevin.qcs_sgm import QcsSgm
from engine.algorithms.langevin.qcs_sgm_plus import QcsSgmPlus
from engine.algorithms.messages.turbo import Turbo
from engine.algorithms.sparse.biht import Biht
from engine.algorithms.sparse.lasso import Lasso
from engine.settings import Family

__all__ = ["ALGORITHMS", "AlgorithmChoice", "Draws", "Iterate"]

ALGORITHMS: Family[AlgorithmChoice] = Family(
    "algorithm", [Turbo, Guided, QcsSgm, QcsSgmPlus, Ald, Lasso, Biht, Unconditional]
)
