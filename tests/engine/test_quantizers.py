"""Quantizers: cells hold what they code, and the paper's equations."""

import math

import pytest
import torch

from engine.errors import InputError
from engine.quantizers import QUANTIZERS, Quantizer

SCALE, NOISE = 3.9, 0.05


WRITTEN = [
    "one-bit",
    *[f"{q} bits={b}" for q in ("uniform", "lloyd-max") for b in range(1, 9)],
    "thresholds values=-1,0,2",
]


@pytest.mark.parametrize("written", WRITTEN)
def test_every_value_lies_in_its_cell(written):
    choice = QUANTIZERS.parse(written)
    quantizer = choice.build(SCALE, NOISE)
    z = 3 * torch.randn(2000, dtype=torch.float64)
    codes = quantizer.quantize(z)
    lower, upper = quantizer.cells(codes)
    assert ((z >= lower) & (z < upper)).all()
    assert codes.min() >= 0
    assert codes.max() < 2**choice.bits_per_measurement
    assert len(quantizer.thresholds) == 2**choice.bits_per_measurement - 1


def test_one_bit_is_the_sign_and_zero_is_positive():
    quantizer = QUANTIZERS.parse("one-bit").build(SCALE, NOISE)
    assert quantizer.quantize(torch.tensor([-1.0, -0.0, 0.0, 1.0])).tolist() == [0, 1, 1, 1]
    lower, upper = quantizer.cells(torch.tensor([0, 1]))
    assert lower.tolist() == [-math.inf, 0.0]
    assert upper.tolist() == [0.0, math.inf]


def test_uniform_thresholds_are_equation_4():
    delta, bits = 0.7, 3
    quantizer = QUANTIZERS.parse(f"uniform bits={bits} step={delta}").build(SCALE, NOISE)
    lower, upper = quantizer.cells(torch.arange(2**bits))
    for r in range(1, 2**bits + 1):  # the paper counts codewords from 1
        want_low = -math.inf if r == 1 else (r - 2 ** (bits - 1) - 1) * delta
        want_high = math.inf if r == 2**bits else (r - 2 ** (bits - 1)) * delta
        assert lower[r - 1] == pytest.approx(want_low)
        assert upper[r - 1] == pytest.approx(want_high)
        if r not in (1, 2**bits):  # equation 3: the codeword is the middle of its cell
            assert (lower[r - 1] + upper[r - 1]) / 2 == pytest.approx((2 * r - 2**bits - 1) * delta / 2)


def test_default_step_follows_scale_and_noise_not_data():
    for bits, factor in ((2, 0.996), (3, 0.586), (4, 0.335)):
        thresholds = QUANTIZERS.parse(f"uniform bits={bits}").build(SCALE, NOISE).thresholds
        want = factor * math.sqrt(SCALE * 0.35**2 + NOISE**2)
        assert float(thresholds[1] - thresholds[0]) == pytest.approx(want, rel=2e-3)


def test_no_quantizer_keeps_values():
    quantizer = QUANTIZERS.parse("none").build(SCALE, NOISE)
    z = torch.randn(5)
    assert quantizer.is_linear
    assert torch.equal(quantizer.quantize(z), z)


def test_thresholds_must_increase():
    with pytest.raises(InputError, match="increase"):
        Quantizer(torch.tensor([0.0, 0.0]))


def test_lloyd_max_is_optimal_for_a_gaussian():
    """Max (1960), table I: thresholds of 2 bits at 0 and 0.9816, of 3 bits at 0.5006, 1.050 and 1.748."""
    thresholds = QUANTIZERS.parse("lloyd-max bits=2 scale=1").build(SCALE, NOISE).thresholds
    assert thresholds.tolist() == pytest.approx([-0.9816, 0, 0.9816], abs=1e-4)
    thresholds = QUANTIZERS.parse("lloyd-max bits=3 scale=2").build(SCALE, NOISE).thresholds
    assert thresholds[4:].tolist() == pytest.approx([2 * t for t in (0.5006, 1.050, 1.748)], abs=2e-3)


@pytest.mark.parametrize("values", ["1,0", "0,0", "a", "", "0,nan", "0,inf", "0,,1"])
def test_bad_thresholds_are_refused(values):
    with pytest.raises(InputError, match="increasing"):
        QUANTIZERS.parse(f"thresholds values='{values}'")
