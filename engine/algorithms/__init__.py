"""Reconstruction algorithms. A new one is one new file and one line in the list below."""

from engine.algorithms.base import AlgorithmChoice, Draws, Iterate
from engine.algorithms.diffusion.daps import Daps
from engine.algorithms.diffusion.diffpir import DiffOneBit, DiffPir
from engine.algorithms.diffusion.dmps import Dmps
from engine.algorithms.diffusion.dps import Dps
from engine.algorithms.diffusion.guided import Guided
from engine.algorithms.diffusion.pigdm import Pigdm
from engine.algorithms.diffusion.sim_dmis import SimDmis
from engine.algorithms.diffusion.unconditional import Unconditional
from engine.algorithms.langevin.ald import Ald
from engine.algorithms.langevin.qcs_sgm import QcsSgm
from engine.algorithms.langevin.qcs_sgm_plus import QcsSgmPlus
from engine.algorithms.latent.bipg import Bipg
from engine.algorithms.latent.csgm import Csgm
from engine.algorithms.latent.dcs import Dcs
from engine.algorithms.latent.langevin import LatentLangevin
from engine.algorithms.latent.oneshot import OneShot
from engine.algorithms.latent.sdlss import Sdlss
from engine.algorithms.lowrank.gd import Gd
from engine.algorithms.lowrank.robust_pca import RobustPca
from engine.algorithms.lowrank.scaled_gd import ScaledGd
from engine.algorithms.lowrank.scaled_gd_lambda import ScaledGdLambda
from engine.algorithms.lowrank.tucker_gd import TuckerGd
from engine.algorithms.messages.turbo import Turbo
from engine.algorithms.sparse.biht import Biht
from engine.algorithms.sparse.convex_concave import ConvexConcave
from engine.algorithms.sparse.lasso import Lasso
from engine.algorithms.splitting.dpnp import Dpnp
from engine.algorithms.splitting.plug_and_play import PlugAndPlay
from engine.algorithms.splitting.pnp_onebit import PnpOneBit
from engine.algorithms.splitting.split_gibbs import SplitGibbs
from engine.settings import Family

__all__ = ["ALGORITHMS", "AlgorithmChoice", "Draws", "Iterate"]

ALGORITHMS: Family[AlgorithmChoice] = Family(
    "algorithm",
    [
        *(Turbo, PlugAndPlay, SplitGibbs, Dpnp, Guided, QcsSgm, QcsSgmPlus, Ald),
        *(Dps, Pigdm, DiffPir, Daps, Dmps, DiffOneBit, PnpOneBit, SimDmis),
        *(Csgm, LatentLangevin, Bipg, OneShot, Dcs, Sdlss),
        *(Lasso, Biht, ConvexConcave),
        *(ScaledGd, ScaledGdLambda, Gd, TuckerGd, RobustPca),
        Unconditional,
    ],
)
