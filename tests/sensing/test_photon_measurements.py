"""Photons as they are simulated, kept in files, and taken by likelihoods and splittings."""

import math

import numpy as np
import pytest
import torch

from engine.errors import InputError
from engine.likelihoods.consistency import make_consistency
from engine.likelihoods.data_term import DataTerm
from engine.likelihoods.truncated import draw_conditional
from engine.seeds import RowGenerators, generator
from engine.sensing.channels import CountChannel
from engine.sensing.entries import assemble
from engine.sensing.files import pieces_of
from engine.sensing.measurement import simulate
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS

SHAPE = (1, 8, 8)
KINDS = [
    "photons", "photons frames=16", "photons kind=counts light=3 dark=0.5", "photons kind=counts light=3 read=0.8",
    "photons kind=counts light=3 full=4",
]  # fmt: skip
OPERATORS_TRIED = [
    "identity", "inpainting", "blur", "blur border=cropped width=0.5", "single-pixel measurements=40 differential=false",
    "tomography angles=6", "gaussian measurements=40", "patterns measurements=20",
]  # fmt: skip


def seen(operator="identity", quantizer="photons frames=16", images=1, offset=0.0):
    truth = torch.rand((images, *SHAPE), generator=generator(0, "truth"))
    return simulate(
        truth, OPERATORS.parse(operator).build(SHAPE, 0), QUANTIZERS.parse(quantizer), 0.0, 0, offset=offset
    )


def rows(count):
    return RowGenerators([generator(0, "draws", i) for i in range(count)])


@pytest.mark.parametrize(
    "operator", ["identity", "single-pixel measurements=64 differential=false", "gaussian measurements=64"]
)
def test_mid_grey_gives_the_light_that_was_asked_for(operator):
    truth = torch.full((200, *SHAPE), 0.5)
    built = OPERATORS.parse(operator).build(SHAPE, 0)
    clicks = simulate(truth, built, QUANTIZERS.parse("photons frames=3 light=0.4 dark=0.1"), 0.0, 0).codes.double()
    counts = simulate(
        truth, built, QUANTIZERS.parse("photons kind=counts frames=3 light=0.4 dark=0.1"), 0.0, 0
    ).codes.double()
    spread = 0.0 if operator == "identity" else 0.12  # rows differ, and a Gaussian matrix sees grey as a picture
    assert float(clicks.mean()) == pytest.approx(3 * (1 - math.exp(-0.5)), rel=0.03 + spread)
    assert float(counts.mean()) == pytest.approx(1.5, rel=0.03 + spread)


def test_an_image_is_measured_alike_alone_and_among_others():
    truth = torch.rand((3, *SHAPE), generator=generator(0, "truth"))
    operator, photons = OPERATORS.parse("identity").build(SHAPE, 0), QUANTIZERS.parse("photons frames=4")
    among = simulate(truth, operator, photons, 0.0, 5)
    alone = simulate(truth[2:], operator, photons, 0.0, 5, [2])
    assert torch.equal(among.codes[2:], alone.codes)
    assert not torch.equal(among.codes, simulate(truth, operator, photons, 0.0, 6).codes)


@pytest.mark.parametrize("quantizer", KINDS)
def test_a_file_says_the_same(quantizer):
    choice = OPERATORS.parse("single-pixel measurements=30 differential=false")
    truth = torch.rand((1, *SHAPE), generator=generator(0, "truth"))
    before = simulate(truth, choice.build(SHAPE, 3), QUANTIZERS.parse(quantizer), 0.0, 3)
    after = assemble(pieces_of(before, choice, 3))
    z = before.predict(truth).double()
    assert type(after.channel) is type(before.channel)
    for a, b in zip(before.channel.local(z, 0.0), after.channel.local(z, 0.0), strict=True):
        assert torch.allclose(a, b)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"photons": '{"kind": "drops"}'}, "clicks"),
        ({"photons": '{"kind": "clicks", "frames": 1}'}, "frames"),
        ({"photons": '{"kind": "clicks", "frames": 16, "read": 1}'}, "neither"),
        ({"photons": '{"kind": "clicks", "surprise": 16}'}, "JSON"),
        ({"y": np.full(64, 0.5)}, "whole numbers"),
        ({"gain": np.array([1.0, 2.0])}, "each of the 64 rows"),
        ({"gain": np.array(-1.0)}, "above 0"),
    ],
)
def test_bad_files_of_photons_are_one_sentence(changes, words):
    pieces = pieces_of(seen(quantizer="photons frames=16 light=0.3"), OPERATORS.parse("identity"), 0)
    with pytest.raises(InputError, match=words):
        assemble(pieces | {k: np.array(v) for k, v in changes.items()})


def test_settings_that_contradict_one_another_are_refused():
    for written in ("photons read=1", "photons full=3", "photons kind=counts read=1 full=3"):
        with pytest.raises(InputError, match="read"):
            QUANTIZERS.parse(written)


@pytest.mark.slow
@pytest.mark.parametrize("quantizer", KINDS)
@pytest.mark.parametrize("operator", OPERATORS_TRIED)
def test_the_data_term_has_its_gradient_and_the_mode_none(operator, quantizer):
    measurement = seen(operator, quantizer)
    term, half, rho = DataTerm(measurement), make_consistency(measurement), 0.3
    x, way = torch.rand(1, *SHAPE, dtype=torch.float64), torch.randn(1, *SHAPE, dtype=torch.float64)
    gradient = term.gradient(x)
    slope = float((term.value(x + 1e-5 * way) - term.value(x - 1e-5 * way)) / 2e-5)
    assert float((gradient * way).sum()) == pytest.approx(slope, rel=1e-3, abs=1e-3)
    centre = torch.full((1, *SHAPE), 0.5)
    for _ in range(6):
        x = half.mode(centre, rho)

    def objective(x):
        return float(term.value(x)[0] + (x - centre).double().square().sum() / (2 * rho**2))

    down = term.gradient(x) + (x - centre) / rho**2
    assert min(objective(x - s * down) for s in (1e-5, 1e-4, 1e-3, 1e-2)) > objective(x) - 2e-2
    assert float(half.noise_per_pixel()) > 0


def test_the_mode_of_counts_is_the_root_of_its_quadratic():
    measurement = seen("identity", "photons kind=counts light=5")
    made, centre, rho = measurement.channel, 0.4, 0.2
    x = make_consistency(measurement).mode(torch.full((1, *SHAPE), centre), rho).double().flatten(1)
    rate = made.gain * x + made.dark
    assert float((made.gain * (made.counts / rate - 1) - (x - centre) / rho**2)[made.counts > 0].abs().max()) < 1e-3


def test_draws_are_those_of_the_posterior():
    """One pixel, three photons: a gamma law cut by a Gaussian, by quadrature."""
    count = 20000
    one = torch.ones((count, 1)).double()
    made = CountChannel(3 * one, 4 * one, 0.2 * one, 2.0)
    z = draw_conditional(made, 0.3 * one, 0.09 * one, 0.0, rows(count)).numpy()[:, 0]
    at = np.linspace(-0.05, 3, 20001)
    density = (4 * at + 0.2).clip(1e-12) ** 3 * np.exp(-4 * at) * np.exp(-((at - 0.3) ** 2) / 0.18)
    density /= density.sum()
    mean, square = (at * density).sum(), (at**2 * density).sum()
    assert z.mean() == pytest.approx(mean, abs=4 * math.sqrt(square - mean**2) / math.sqrt(count))
    assert z.var() == pytest.approx(square - mean**2, rel=0.04)


def test_decoded_photons_are_unbiased_where_there_are_many():
    measurement = seen("identity", "photons frames=4000 light=0.5")
    decoded = measurement.decoded()
    error = decoded.values - measurement.truth.flatten(1)
    assert decoded.is_linear and abs(float(error.mean())) < 0.02
    assert float(error.std()) == pytest.approx(decoded.noise, rel=0.3)
