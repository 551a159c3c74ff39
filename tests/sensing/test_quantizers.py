"""Quantizers: cells hold what they code, and the paper's equations."""

import math

import pytest
import torch

from engine.errors import InputError
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS, Levels, Quantizer

SCALE, NOISE = 3.9, 0.05
LEVELS = Levels((SCALE * 0.35**2 + NOISE**2) ** 0.5)


WRITTEN = [
    "one-bit",
    *[f"{q} bits={b}" for q in ("uniform", "lloyd-max") for b in range(1, 9)],
    "thresholds values=-1,0,2",
]


@pytest.mark.parametrize("written", WRITTEN)
def test_every_value_lies_in_its_cell(written):
    choice = QUANTIZERS.parse(written)
    quantizer = choice.build(LEVELS)
    z = 3 * torch.randn(5, 400, dtype=torch.float64)
    codes = quantizer.quantize(z)
    lower, upper = quantizer.edges(codes)
    assert ((z >= lower) & (z < upper)).all()
    assert codes.min() >= 0
    assert codes.max() < 2**choice.bits_per_measurement
    assert len(quantizer.thresholds) == 2**choice.bits_per_measurement - 1


def test_one_bit_is_the_sign_and_zero_is_positive():
    quantizer = QUANTIZERS.parse("one-bit").build(LEVELS)
    assert quantizer.quantize(torch.tensor([[-1.0, -0.0, 0.0, 1.0]])).tolist() == [[0, 1, 1, 1]]
    lower, upper = quantizer.edges(torch.tensor([0, 1]))
    assert lower.tolist() == [-math.inf, 0.0]
    assert upper.tolist() == [0.0, math.inf]


def test_uniform_thresholds_are_equation_4():
    delta, bits = 0.7, 3
    quantizer = QUANTIZERS.parse(f"uniform bits={bits} step={delta}").build(LEVELS)
    lower, upper = quantizer.edges(torch.arange(2**bits))
    for r in range(1, 2**bits + 1):  # the paper counts codewords from 1
        want_low = -math.inf if r == 1 else (r - 2 ** (bits - 1) - 1) * delta
        want_high = math.inf if r == 2**bits else (r - 2 ** (bits - 1)) * delta
        assert lower[r - 1] == pytest.approx(want_low)
        assert upper[r - 1] == pytest.approx(want_high)
        if r not in (1, 2**bits):  # equation 3: the codeword is the middle of its cell
            assert (lower[r - 1] + upper[r - 1]) / 2 == pytest.approx((2 * r - 2**bits - 1) * delta / 2)


def test_default_step_follows_scale_and_noise_not_data():
    for bits, factor in ((2, 0.996), (3, 0.586), (4, 0.335)):
        thresholds = QUANTIZERS.parse(f"uniform bits={bits}").build(LEVELS).thresholds
        want = factor * math.sqrt(SCALE * 0.35**2 + NOISE**2)
        assert float(thresholds[1] - thresholds[0]) == pytest.approx(want, rel=2e-3)


def test_no_quantizer_keeps_values():
    quantizer = QUANTIZERS.parse("none").build(LEVELS)
    z = torch.randn(5)
    assert quantizer.is_linear
    assert torch.equal(quantizer.quantize(z), z)


def test_thresholds_must_increase():
    with pytest.raises(InputError, match="increase"):
        Quantizer(torch.tensor([0.0, 0.0]))


def test_lloyd_max_is_optimal_for_a_gaussian():
    """Max (1960), table I: thresholds of 2 bits at 0 and 0.9816, of 3 bits at 0.5006, 1.050 and 1.748."""
    thresholds = QUANTIZERS.parse("lloyd-max bits=2 scale=1").build(LEVELS).thresholds
    assert thresholds.tolist() == pytest.approx([-0.9816, 0, 0.9816], abs=1e-4)
    thresholds = QUANTIZERS.parse("lloyd-max bits=3 scale=2").build(LEVELS).thresholds
    assert thresholds[4:].tolist() == pytest.approx([2 * t for t in (0.5006, 1.050, 1.748)], abs=2e-3)


@pytest.mark.parametrize("values", ["1,0", "0,0", "a", "", "0,nan", "0,inf", "0,,1"])
def test_bad_thresholds_are_refused(values):
    with pytest.raises(InputError, match="increasing"):
        QUANTIZERS.parse(f"thresholds values='{values}'")


def test_dithered_thresholds_are_seeded_and_spread_as_they_say():
    levels = Levels(2.0, rows=20000, seed=1)
    deviations = {"gaussian": 1.0, "uniform": 3**-0.5, "logistic": math.pi / 3**0.5}
    for kind, unit in deviations.items():
        first, again = (QUANTIZERS.parse(f"dithered kind={kind} width=0.7").build(levels) for _ in range(2))
        assert torch.equal(first.thresholds, again.thresholds)
        assert float(first.thresholds.std()) == pytest.approx(0.7 * unit, rel=0.03)
        automatic = QUANTIZERS.parse(f"dithered kind={kind}").build(levels)
        assert float(automatic.thresholds.std()) == pytest.approx(2.0, rel=0.03)
    other = QUANTIZERS.parse("dithered").build(Levels(2.0, rows=20000, seed=2))
    assert not torch.equal(other.thresholds, QUANTIZERS.parse("dithered").build(levels).thresholds)


def test_known_dither_gives_exact_cells_and_unknown_only_sides():
    levels, z = Levels(1.0, rows=50), torch.randn(3, 50).double()
    known = QUANTIZERS.parse("dithered").build(levels)
    lower, upper = known.edges(known.quantize(z))
    assert ((z >= lower) & (z < upper)).all()
    assert torch.equal(torch.where(lower.isinf(), upper, lower)[0], known.thresholds[:, 0])
    unknown = QUANTIZERS.parse("dithered known=false").build(levels)
    assert torch.equal(unknown.quantize(z), known.quantize(z))
    lower, upper = unknown.edges(unknown.quantize(z))
    assert set(torch.where(lower.isinf(), upper, lower).flatten().tolist()) == {0.0}


@pytest.mark.parametrize("kind", ["gaussian", "uniform", "logistic"])
def test_unknown_dither_says_what_the_bits_do(kind):
    """The channel's probability of a one is the share of ones over many thresholds."""
    levels = Levels(1.0, rows=40000, seed=3)
    quantizer = QUANTIZERS.parse(f"dithered kind={kind} known=false width=0.8").build(levels)
    for z in (-0.6, 0.0, 1.1):
        share = float(quantizer.quantize(torch.full((1, 40000), z)).double().mean())
        ones = quantizer.channel(torch.ones((1, 1), dtype=torch.int64))
        told = ones.moments(torch.full((1, 1), z).double(), torch.full((1, 1), 1e-8).double()).log_prob.exp()
        assert share == pytest.approx(float(told), abs=0.01)


def test_flipped_bits_and_their_likelihood():
    quantizer = QUANTIZERS.parse("one-bit flip=0.2").build(Levels(1.0, rows=4))
    codes = torch.ones((1, 20000), dtype=torch.int64)
    reported = quantizer.report(codes, torch.rand(1, 20000))
    assert float(reported.double().mean()) == pytest.approx(0.8, abs=0.01)
    b = torch.tensor([[-2.0, -0.3, 0.0, 4.0]], dtype=torch.float64, requires_grad=True)
    v = torch.tensor([[0.5]], dtype=torch.float64)
    found = quantizer.channel(torch.ones((1, 4), dtype=torch.int64)).moments(b.detach(), v)
    phi = torch.special.ndtr(b / v.sqrt())
    log_z = (0.8 * phi + 0.2 * (1 - phi)).log()
    (slope,) = torch.autograd.grad(log_z.sum(), b, create_graph=True)
    (curve,) = torch.autograd.grad(slope.sum(), b)
    assert torch.allclose(found.log_prob, log_z.detach())
    assert torch.allclose(found.score, slope.detach())
    assert torch.allclose(found.ratio, 1 + v * curve)
    with pytest.raises(InputError, match="one bit only"):
        Quantizer(torch.tensor([0.0, 1.0]), flip=0.1)


def test_thresholds_follow_the_centre_of_each_row():
    centre = torch.tensor([0.0, 1.0, 2.0]).double()
    quantizer = QUANTIZERS.parse("uniform bits=2 step=0.5").build(Levels(1.0, centre, rows=3))
    assert torch.allclose(quantizer.thresholds, centre[:, None] + torch.tensor([-0.5, 0.0, 0.5]).double())
    assert quantizer.quantize(torch.tensor([[0.1, 1.1, 1.6]])).tolist() == [[2, 2, 1]]
    same = QUANTIZERS.parse("one-bit").build(Levels(1.0, torch.full((3,), 0.5).double(), rows=3))
    assert same.thresholds.tolist() == [0.5]


def test_range_rules():
    three = QUANTIZERS.parse("uniform bits=3 rule=three-sigma").build(Levels(0.4)).thresholds
    assert float(three[1] - three[0]) == pytest.approx(6 * 0.4 / 8)


def test_cells_do_not_lie_beyond_what_pictures_give():
    pixels, random = OPERATORS.parse("identity").build((1, 8, 8), 0), OPERATORS.parse("gaussian").build((1, 8, 8), 0)
    assert Levels.of(random.response(0.5), 0.02, random.rows, 0).span == math.inf
    for bits in (2, 4, 8):
        thresholds = (
            QUANTIZERS.parse(f"uniform bits={bits}")
            .build(Levels.of(pixels.response(0.0), 0.02, pixels.rows, 0))
            .thresholds
        )
        step = float(thresholds[1] - thresholds[0])
        assert step <= 1.04 / 2**bits + 1e-9
        assert float(thresholds[0]) - step >= -0.02 - 1e-9 and float(thresholds[-1]) + step <= 1.02 + 1e-9


def test_light_stays_non_negative_on_each_channel():
    written = "single-pixel differential=false measurements=10 colour=per-channel"
    grey = OPERATORS.parse(written.replace(" colour=per-channel", "")).build((1, 8, 8), 0)
    colour = OPERATORS.parse(written).build((3, 8, 8), 0)
    assert colour.typical_response(0.0)[1] == pytest.approx(grey.typical_response(0.0)[1], rel=1e-6)
