"""What is expected before a run, and the designer that is built on it."""

import json

import pytest

from engine.cli import main
from engine.errors import InputError
from engine.experiments.design import design
from engine.runs.expectation import expect
from engine.runs.job import prepare
from engine.runs.levels import evolution_of
from engine.runs.spec import RunSpec

DIGIT = (1, 28, 28)


def test_the_expectation_is_near_what_a_digit_gives():
    spec = RunSpec(operator="gaussian measurements=200", quantizer="uniform bits=3", algorithm="turbo", samples=1)
    told = expect(spec, DIGIT)
    assert told.low < told.psnr < told.high
    job = prepare(spec)
    for iterate in job.stream():
        if iterate.phase != "message passing":
            break
    assert told.low - 2 < job.history["psnr_mean"][-1] < told.high + 2
    assert "expected" in told.words()


def test_more_rows_and_bits_are_expected_to_help():
    def psnr(rows, quantizer):
        return expect(RunSpec(operator=f"dct measurements={rows}", quantizer=quantizer, algorithm="turbo"), DIGIT).psnr

    by_rows = [psnr(m, "one-bit") for m in (50, 100, 200, 400, 784)]
    by_bits = [psnr(200, q) for q in ("one-bit", *(f"uniform bits={b}" for b in (2, 3, 4, 6, 8)), "none")]
    assert by_rows == sorted(by_rows)
    assert by_bits == sorted(by_bits)


def test_nothing_is_expected_where_nothing_can_be_known():
    assert expect(RunSpec(operator="inpainting", quantizer="none", algorithm="turbo"), DIGIT) is None
    assert expect(RunSpec(algorithm="qcs-sgm"), DIGIT) is None
    spec = RunSpec(prior="gaussian")
    assert evolution_of(spec.operator, spec.prior, DIGIT, spec.noise, 0.0) is None


@pytest.mark.slow
def test_the_design_spends_the_budget_and_takes_the_best():
    found = design(RunSpec(operator="dct", algorithm="turbo"), DIGIT, 0.5)
    assert all(s.rows * s.bits <= 392 for s in found.splits)
    assert found.best.psnr == max(s.psnr for s in found.splits)
    assert found.spec.operator.measurements == found.best.rows
    rows = design(RunSpec(operator="gaussian", algorithm="turbo"), DIGIT, 0.25, "rows")
    assert {s.rows for s in rows.splits} == {196}
    slow = design(RunSpec(operator="dct", algorithm="turbo", noise=0.2), DIGIT, 1.0, fixed_time=True)
    assert slow.splits[-1].noise < slow.splits[0].noise == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("spec", "budget", "says"),
    [
        (RunSpec(operator="inpainting", algorithm="auto"), 1.0, "take dct or gaussian"),
        (RunSpec(prior="gaussian", operator="dct"), 1.0, "Nothing can be predicted"),
        (RunSpec(operator="dct"), -1.0, "not valid"),
        (RunSpec(operator="dct"), 100.0, "not valid"),
        (RunSpec(operator="dct"), 1e-4, "too small"),
    ],
)
def test_what_cannot_be_designed_is_one_sentence(spec, budget, says):
    with pytest.raises(InputError, match=says):
        design(spec, DIGIT, budget)


def test_the_command_prints_it(capsys):
    assert main(["design", "--bits-per-pixel", "1", "--noise", "0.05", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["best"] in told["splits"]
    assert main(["design"]) == 2
    assert "one budget" in capsys.readouterr().err


@pytest.mark.parametrize(
    "quality",
    [{}, [1], {"sigma": ["a"], "rmse": [1]}, {"sigma": [1, 2], "rmse": "xy"}, {"sigma": [2, 1], "rmse": [1, 1]},
     {"sigma": [0.1, 0.2], "rmse": [float("nan"), 1]}, {"sigma": [0.1], "rmse": [0.0]}],
)  # fmt: skip
def test_a_card_that_tells_nonsense_tells_nothing(quality):
    import copy
    from dataclasses import replace

    import torch

    from engine.priors.library import priors

    prior = copy.copy(priors().parse("mnist").load())  # loaded once for all
    level = torch.tensor([0.1], dtype=torch.float64)
    assert float(prior.typical_error(level)) == pytest.approx(0.02731**2, rel=0.01)
    prior.card = replace(prior.card, quality=quality)
    assert prior.typical_error(level) is None


def test_what_was_measured_to_fall_short_is_taken_off():
    from engine.runs.expectation import predicted
    from engine.runs.shortfall import shortfall

    spec = RunSpec(prior="natural", operator="dct measurements=4096", quantizer="one-bit", noise=0.01, algorithm="turbo",
                   image="sample:photo-camera", size="128x128")  # fmt: skip
    shape, less = (1, 128, 128), shortfall("natural", 1, 0.25, 1)
    assert less > 0.5
    assert expect(spec, shape).psnr == pytest.approx(predicted(spec, shape).psnr - less)
    assert shortfall("natural", 1, 0.05, 1) == shortfall("natural", 1, 0.1, 1)
    assert shortfall("natural", 1, 0.5, 2) < shortfall("natural", 1, 0.35, 2) < shortfall("natural", 1, 0.25, 2)
    assert shortfall("of-nobody", 1, 0.25, 1) == 0


def test_photographs_of_another_source_lie_within_a_wider_range():
    """A small photograph has more in each pixel than a crop of a large one: 24.35 dB where 26.9 were expected."""
    from engine.runs.expectation import predicted
    from engine.runs.shortfall import elsewhere, shortfall

    spec = RunSpec(prior="natural", operator="dct measurements=2048", quantizer="uniform bits=3", noise=0.02, algorithm="turbo",
                   image="sample:photo-camera", size="64x64")  # fmt: skip
    told, alone, less = expect(spec, (1, 64, 64)), predicted(spec, (1, 64, 64)), shortfall("natural", 1, 0.5, 3)
    assert told.psnr - told.low >= 8 and told.low < alone.low - less and told.high >= alone.high - less
    one, three = elsewhere("natural", 1, 1), elsewhere("natural", 1, 3)
    assert elsewhere("natural", 1, 2) == pytest.approx([(a + b) / 2 for a, b in zip(one, three, strict=True)])
    assert elsewhere("mnist", 1, 1) is None
