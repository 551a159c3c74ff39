"""Every operator, quantizer, prior and algorithm on a GPU, beside the CPU. Skipped where there is none."""

from __future__ import annotations

import pytest
import torch

from engine.algorithms import ALGORITHMS
from engine.errors import InputError
from engine.priors.library import priors
from engine.runs import RunSpec, reconstruct
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS

DEVICE = "cuda"
pytestmark = [
    pytest.mark.cuda,
    pytest.mark.slow,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU that torch can use"),
]
APART = 0.05
"""Decibels between the two devices: what single precision in another order makes of a picture."""
FIT = {  # an operator, a quantizer and a prior that goes with each kind
    "denoiser": ("gaussian measurements=200", "one-bit", "mnist"),
    "generator": ("gaussian measurements=200", "one-bit", "vae-mnist"),
    "sparsity": ("gaussian measurements=400", "none", "wavelet"),
    "low-rank": ("gaussian measurements=400", "none", "low-rank rank=2"),
}
METHODS = {
    "denoiser": "guided steps=4", "generator": "csgm steps=20", "sparsity": "lasso iterations=20",
    "low-rank": "scaled-gd iterations=20", "dcs-mnist": "dcs", "sdlss-mnist": "sdlss",
}  # fmt: skip
SWEEP = """
images = ["sample:digit-3", "sample:digit-7"]
batch = 1
[fixed]
algorithm = "turbo rounds=2"
samples = 1
"""
OTHERS = {"dcs": ("dcs-mnist", "none"), "sdlss": ("sdlss-mnist", "none"), "sim-dmis": ("mnist", "one-bit")}
FEW = {"steps": 10, "rounds": 3, "levels": 20, "anneal": 4, "hold": 2, "iterations": 30}


def agree(**recipe):
    """The PSNR of the same recipe on both devices."""
    made = {}
    for device in ("cpu", DEVICE):
        result = reconstruct(RunSpec(image="sample:digit-3", samples=1, device=device, **recipe))
        assert result.facts["device"] == device
        made[device] = result.metrics()["psnr_mean"]
    assert made[DEVICE] == pytest.approx(made["cpu"], abs=APART)


def shortened(name):
    """The algorithm with fewer steps: agreement needs no good picture."""
    choice = ALGORITHMS.parse(name)
    return choice.replace(**{k: v for k, v in FEW.items() if k in choice.settings() and choice.name != "turbo"})


@pytest.mark.parametrize("name", [n for n in OPERATORS.choices if n != "matrix"])
def test_operators(name):
    for method in ("turbo rounds=2", "plug-and-play steps=3", "split-gibbs anneal=2 hold=1"):
        try:
            RunSpec(operator=name, prior="mnist", algorithm=method, quantizer="none")
        except InputError:
            continue
        agree(operator=name, prior="mnist", algorithm=method, quantizer="none", noise=0.05)
        return
    pytest.fail(f"no method takes the operator {name}")


@pytest.mark.parametrize("name", [n for n in QUANTIZERS.choices if n != "thresholds"])
def test_quantizers(name):
    agree(operator="gaussian measurements=100", quantizer=name, algorithm="turbo rounds=2")


@pytest.mark.parametrize("name", list(priors().choices))
def test_priors(name):
    choice = priors().parse(name)
    recipe = {"prior": name, "operator": "gaussian measurements=150", "quantizer": "none", "noise": 0.05}
    if choice.any_size:
        recipe["size"] = "16"
    agree(algorithm=METHODS.get(name, METHODS[choice.kind]), **recipe)


@pytest.mark.parametrize("name", [n for n, c in ALGORITHMS.choices.items() if c.reconstructs])
def test_algorithms(name):
    operator, quantizer, prior = FIT[ALGORITHMS.choices[name].takes[0]]
    prior, quantizer = OTHERS.get(name, (prior, quantizer))
    choice = shortened(name)
    for other in (quantizer, "none", "one-bit"):
        try:
            RunSpec(operator=operator, quantizer=other, prior=prior, algorithm=choice)
        except InputError:
            continue
        agree(operator=operator, quantizer=other, prior=prior, algorithm=choice, noise=0.05, size="28")
        return
    pytest.fail(f"nothing goes together with {name}")


def test_a_sweep_gives_each_process_a_gpu(tmp_path):
    from engine.sweeps.definition import Sweep
    from engine.sweeps.runner import run_sweep
    from engine.sweeps.workers import Pool, gpus

    sweep = Sweep.parse(SWEEP)
    result = run_sweep(sweep, tmp_path / "out", Pool(gpus(sweep), gpus=gpus(sweep)))
    assert [record.facts["device"] for record in result.rows] == ["cuda", "cuda"]
