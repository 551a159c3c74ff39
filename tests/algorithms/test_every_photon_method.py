"""Every algorithm takes photons as it takes cells."""

import itertools
import math

import pytest
import torch

from engine.algorithms import ALGORITHMS, Draws
from engine.errors import InputError
from engine.priors.library import priors
from engine.runs import RunSpec, prepare
from engine.sensing.measurement import simulate
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS

PRIORS = {"denoiser": "gaussian", "generator": "gan-mnist", "sparsity": "wavelet", "low-rank": "low-rank"}
NAMES = [name for name, cls in ALGORITHMS.choices.items() if cls.reconstructs]

QUICK = {"latent-langevin": "latent-langevin particles=16"}
"""Whether it runs does not hang on how many particles there are."""


@pytest.mark.parametrize(
    ("operator", "quantizer"),
    [
        ("identity", "photons frames=4 light=0.4"),
        ("single-pixel measurements=60 differential=false", "photons kind=counts light=5"),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_an_algorithm_runs_with_photons_or_says_why_not(name, quantizer, operator):
    kind = ALGORITHMS.get(name).takes[0]
    chosen = ALGORITHMS.parse(QUICK.get(name, name))
    built, seen = OPERATORS.parse(operator), QUANTIZERS.parse(quantizer)
    if chosen.refusal(built, seen, priors().parse(PRIORS[kind])) is not None:
        with pytest.raises(InputError, match=name):
            RunSpec(operator=operator, quantizer=quantizer, prior=PRIORS[kind], algorithm=name)
        return
    spec = RunSpec(
        image="sample:digit-3", operator=built, quantizer=seen, prior=PRIORS[kind], algorithm=chosen, samples=1, noise=0.0,
        device="cpu", **({} if kind == "generator" else {"size": "16x16"}),
    )  # fmt: skip
    job = prepare(spec)
    iterates = list(itertools.islice(job.stream(), 4))
    assert iterates and bool(iterates[-1].x.isfinite().all())


def test_backtracking_finds_the_minimum_where_pixels_are_dark():
    """Two pixels, one of them nearly without photons: the steps that a bright one allows are far too long for it."""
    truth = torch.tensor([0.9, 0.02]).repeat(32).reshape(1, 1, 8, 8)
    pixels, photons = OPERATORS.parse("identity").build((1, 8, 8), 0), QUANTIZERS.parse("photons kind=counts light=50")
    measurement = simulate(truth, pixels, photons, 0.0, 0)
    prior = priors().parse("pixels").load("cpu", (1, 8, 8))
    lasso = ALGORITHMS.parse("lasso penalty=1e-9 iterations=3000 tolerance=1e-9")
    *_, last = lasso.iterates(measurement, prior, Draws(0, (0,), (0,)))
    made = measurement.channel
    best = ((made.counts / made.gain).clamp_min(made.floor / made.gain))[0]
    assert float((last.x.flatten().double() - best)[made.counts[0] > 0].abs().max()) < 2e-3


def test_more_frames_give_a_better_picture_and_exact_photons_beat_decoded_ones():
    def psnr(quantizer, algorithm):
        spec = RunSpec(
            image="sample:photo-camera", operator="identity", quantizer=quantizer, prior="gaussian", algorithm=algorithm,
            samples=1, noise=0.0, device="cpu", size="32x32",
        )  # fmt: skip
        job = prepare(spec)
        *_, last = job.stream()
        return -10 * math.log10(float((last.mean - job.measurement.truth).square().mean()))

    few, many = (psnr(f"photons frames={n}", "plug-and-play") for n in (4, 256))
    assert many > few + 4
    assert few > psnr("photons frames=4", "plug-and-play data=as-values") + 0.1
