"""Quantizers: cells hold what they code, and the paper's equations."""

import math

import pytest
import torch

from engine.errors import InputError
from engine.quantizers import QUANTIZERS, Quantizer

SCALE, NOISE = 3.9, 0.05


@pytest.mark.parametrize("written", ["one-bit", *[f"uniform bits={b}" for b in range(1, 9)]])
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
