"""Every choice with its settings, as plain data: what ``qcs describe --json`` prints."""

from __future__ import annotations

from engine.algorithms import ALGORITHMS
from engine.images.bundled import MEASUREMENT, PICTURE, sample_names
from engine.priors.library import priors
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS

__all__ = ["describe"]


def describe() -> dict[str, list[dict]]:
    """Family name (plural) to the list of its choices; torch is not imported."""
    return {
        "operators": OPERATORS.describe(),
        "quantizers": QUANTIZERS.describe(),
        "priors": priors().describe(),
        "algorithms": ALGORITHMS.describe(),
        "samples": [
            {"name": f"sample:{name}", "summary": f"bundled sample {words}", "settings": {}}
            for kind, words in ((PICTURE, "image"), (MEASUREMENT, "measurement"))
            for name in sample_names(kind)
        ],
    }
