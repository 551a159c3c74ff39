"""Every sampler against exact posteriors: bias of the mean, ratio of the std, coverage by ranks, time and calls.

The priors are a correlated Gaussian and a mixture of two; the oracle is Gibbs sampling of (part, x, t), t = A x + n: all three
conditionals are known exactly, so that long chains are the posterior within Monte-Carlo error.

``python -m studies.calibration``, for the table of docs/correctness.md. No sweep: its priors and truths are no pictures in files.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.algorithms import ALGORITHMS, Draws
from engine.algorithms.base import SAMPLES
from engine.errors import EngineError, InputError
from engine.likelihoods.truncated import draw_conditional
from engine.priors.exact.choices import GaussianChoice
from engine.priors.exact.gaussian import GaussianPrior, MixturePrior
from engine.runs.calibration import coverage
from engine.runs.job import environment
from engine.seeds import RowGenerators, generator
from engine.sensing.measurement import Measurement, simulate
from engine.sensing.operators import OPERATORS
from engine.sensing.operators.base import OperatorChoice
from engine.sensing.quantizers import QUANTIZERS

__all__ = ["calibration", "oracle"]

SHAPE, PIXELS = (1, 8, 8), 64
OPERATOR, NOISE = "gaussian measurements=32", 0.1
QUANTIZERS_SHOWN = {"real values": "none", "3 bits": "uniform bits=3", "one bit": "one-bit"}
IMAGES, DRAWS = 6, 24
CHAINS, BURN, SWEEPS = 200, 150, 150


@dataclass(frozen=True)
class Exact:
    """Mean and deviation of the posterior, (images, pixels), float64."""

    mean: Tensor
    deviation: Tensor


def priors_compared() -> dict[str, tuple[list[tuple[Tensor, Tensor]], Tensor, GaussianPrior | MixturePrior]]:
    """Name to parts (mean, covariance), weights and the prior."""
    index = torch.arange(8, dtype=torch.float64)
    along = 0.8 ** (index[:, None] - index).abs()
    covariance = torch.kron(along, along)
    ramp = torch.linspace(-0.25, 0.25, 8, dtype=torch.float64).repeat(8)
    made = {}
    gaussian = [(torch.full((PIXELS,), 0.4, dtype=torch.float64), 0.3**2 * covariance)]
    parts = [(0.45 + s * ramp, 0.18**2 * covariance) for s in (1.0, -1.0)]
    for name, chosen in (("Gaussian", gaussian), ("mixture", parts)):
        built = [GaussianPrior(SHAPE, mean, matrix) for mean, matrix in chosen]
        weights = torch.ones(len(built), dtype=torch.float64) / len(built)
        made[name] = chosen, weights, built[0] if len(built) == 1 else MixturePrior(built, weights)
    return made


def oracle(measurement: Measurement, parts: list[tuple[Tensor, Tensor]], weights: Tensor, seed: int = 0) -> Exact:
    """The posterior of every image by long Gibbs chains; for real values t is known and the parts' shares are exact too."""
    matrix = measurement.operator.matrix.double()  # type: ignore[attr-defined]
    noise = measurement.noise**2 * torch.eye(len(matrix), dtype=torch.float64)
    terms = []
    for mean, covariance in parts:
        gram = torch.linalg.cholesky(matrix @ covariance @ matrix.T + noise)
        gain = torch.cholesky_solve(matrix @ covariance, gram).T
        spread = covariance - gain @ matrix @ covariance
        root = torch.linalg.cholesky(spread + 1e-12 * torch.eye(len(mean), dtype=torch.float64))
        terms.append((mean, gram, gain, root))
    seen = measurement.for_rows(CHAINS)
    rows = RowGenerators([generator(seed, "oracle", i) for i in range(seen.images)])
    x = terms[0][0].expand(seen.images, -1)
    total, squares = torch.zeros_like(x), torch.zeros_like(x)
    for sweep in range(BURN + SWEEPS):
        if seen.values is not None:
            t = seen.values.double()
        else:
            assert seen.channel is not None
            z = x @ matrix.T
            t = draw_conditional(seen.channel, z, torch.full_like(z, measurement.noise**2), 0.0, rows)
        logs, draws = [], []
        white = rows.normal((len(terms[0][0]),)).double()
        for (mean, gram, gain, root), weight in zip(terms, weights, strict=True):
            residual = t - mean @ matrix.T
            scaled = torch.linalg.solve_triangular(gram, residual.T, upper=False)
            logs.append(weight.log() - gram.diagonal().log().sum() - 0.5 * scaled.square().sum(0))
            draws.append(mean + residual @ gain.T + white @ root.T)
        share = torch.softmax(torch.stack(logs), 0).cumsum(0)
        chosen = (rows.uniform((1,))[:, 0].double() > share).sum(0).clamp_max(len(terms) - 1)
        x = torch.stack(draws)[chosen, torch.arange(len(chosen))]
        if sweep >= BURN:
            total, squares = total + x, squares + x.square()
    each = (total / SWEEPS).unflatten(0, (-1, CHAINS)).mean(1)
    power = (squares / SWEEPS).unflatten(0, (-1, CHAINS)).mean(1)
    return Exact(each, (power - each.square()).clamp_min(1e-12).sqrt())


def calibration(seed: int = 0, tell: Callable[[dict], None] = lambda row: None) -> dict:
    """The table; one row per prior, kind of measurement and sampler."""
    operator, rows = OPERATORS.parse(OPERATOR), []
    for prior_name, (parts, weights, prior) in priors_compared().items():
        draw = generator(seed, "calibration", len(parts))
        truth = torch.cat([prior.sample(1, draw) for _ in range(IMAGES)])
        for seen_name, written in QUANTIZERS_SHOWN.items():
            measurement = simulate(truth, operator.build(SHAPE, seed), QUANTIZERS.parse(written), NOISE, seed)
            exact = oracle(measurement, parts, weights, seed)
            for name in _samplers(operator, written):
                row = {"prior": prior_name, "measurement": seen_name, "algorithm": name}
                rows.append(row | _judged(name, measurement, prior, exact, truth, seed))
                tell(rows[-1])
    return {
        "rows": rows,
        "operator": OPERATOR,
        "noise": NOISE,
        "images": IMAGES,
        "samples": DRAWS,
        **environment("cpu"),
    }


def _samplers(operator: OperatorChoice, quantizer: str) -> list[str]:
    seen, prior = QUANTIZERS.parse(quantizer), GaussianChoice()
    return [
        name for name, cls in ALGORITHMS.choices.items()
        if cls.reconstructs and cls.rows_are == SAMPLES and "denoiser" in cls.takes
        and ALGORITHMS.parse(name).refusal(operator, seen, prior) is None
    ]  # fmt: skip


def _judged(
    name: str, measurement: Measurement, prior: GaussianPrior | MixturePrior, exact: Exact, truth: Tensor, seed: int
) -> dict:
    start, last = time.perf_counter(), None
    try:
        for last in ALGORITHMS.parse(name).iterates(measurement, prior, Draws(seed, range(IMAGES), range(DRAWS))):
            pass
    except (EngineError, InputError) as error:
        return {"failed": str(error)}
    assert last is not None
    seconds = time.perf_counter() - start
    x = last.x.double().reshape(IMAGES, DRAWS, -1)
    if not bool(torch.isfinite(x).all()):
        return {"failed": "not finite"}
    mean, variance = x.mean(1), x.var(1)
    # what the mean of so many perfect draws would be off by is not bias
    off = ((mean - exact.mean) / exact.deviation).square().mean() - (variance / exact.deviation**2).mean() / DRAWS
    inside = [coverage(x[i].numpy(), truth[i].flatten().double().numpy()).mean() for i in range(IMAGES)]
    return {
        "bias": math.sqrt(max(float(off), 0.0)), "std_ratio": float((variance.mean() / exact.deviation.square().mean()).sqrt()),
        "coverage_90": float(np.mean(inside)), "seconds": seconds, "calls": last.network_calls,
    }  # fmt: skip


def _print(row: dict) -> None:
    print("  ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()), flush=True)


if __name__ == "__main__":
    calibration(tell=_print)
    sys.exit(0)
