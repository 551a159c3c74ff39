"""Low-rank priors: pictures that are, cut into matrices or a tensor, of low rank. A new one is one file and one line below."""

from engine.priors.choice import PriorChoice
from engine.priors.low_rank.choice import LowRank

__all__ = ["LOW_RANK"]

LOW_RANK: list[type[PriorChoice]] = [LowRank]
