"""The table in the documentation is the one that greys the forms."""

import re
from pathlib import Path

import pytest

from engine.algorithms import ALGORITHMS
from engine.errors import InputError
from engine.priors.choice import KINDS
from engine.priors.library import priors
from engine.runs.spec import RunSpec
from engine.runs.validity import NO, kinds, markdown, rows
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS

PAGE = Path(__file__).resolve().parents[2] / "docs/correctness.md"


def test_the_page_holds_the_table_of_the_program():
    assert markdown() in PAGE.read_text(encoding="utf-8"), "run python docs/floors.py"


@pytest.mark.parametrize("kind", ["denoiser", "generator", "sparsity", "low-rank"])
def test_every_combination_has_something_that_runs(kind):
    assert {row["operator"].split()[0] for row in rows(kind)} == set(OPERATORS.choices)
    for row in rows(kind):
        runs = [
            key for key, value in row.items() if key not in ("operator", "measurement", "suggested") and value != NO
        ]
        if (
            kind in ("sparsity", "low-rank") and row["operator"] == "phase-retrieval"
        ):  # nothing yet, and the table says so
            assert not runs and row["suggested"] == "-"
        else:
            assert runs and row["suggested"].split()[0] in ALGORITHMS.choices


def test_the_kinds_of_the_table_are_those_that_have_a_prior():
    assert list(kinds()) == ["denoiser", "generator", "sparsity", "low-rank"]


def test_what_an_algorithm_takes_decides_its_refusals():
    gaussian, one_bit = OPERATORS.parse("gaussian"), QUANTIZERS.parse("one-bit")
    for name, prior, words in (
        ("lasso", "mnist", "lasso takes a sparsity prior: choose wavelet"),
        ("turbo", "wavelet", "turbo takes a denoiser prior: choose mnist or natural"),
    ):
        assert ALGORITHMS.parse(name).refusal(gaussian, one_bit, priors().parse(prior)) == words
        with pytest.raises(InputError, match=re.escape(words)):
            RunSpec(prior=prior, algorithm=name)
    with pytest.raises(InputError, match="choose pixels or wavelet"):
        RunSpec(prior="total-variation", algorithm="biht")
    assert RunSpec(prior="total-variation").algorithm.name == "lasso"
    assert RunSpec(prior="mnist").algorithm.name == "turbo"
    for words, name in KINDS.values():
        if words.split()[0] in kinds():
            assert all(n in priors().choices for n in name.split(" or "))


@pytest.mark.parametrize(
    ("prior", "signs", "cells"),
    [("natural", "split-gibbs", "diffpir"), ("cifar10", "diffpir", "diffpir"), ("mnist", "guided", "split-gibbs")],
)
def test_cells_of_patterns_in_order_are_not_left_to_plug_and_play(prior, signs, cells):
    size = "64" if prior == "natural" else None
    spec = RunSpec(prior=prior, operator="patterns measurements=100", quantizer="one-bit", size=size)
    assert spec.algorithm.name == signs
    assert spec.replace(quantizer="uniform bits=3", algorithm=None).algorithm.name == cells
    assert spec.replace(quantizer="none", algorithm=None).algorithm.name == "plug-and-play"


@pytest.mark.parametrize(
    ("prior", "operator", "quantizer", "level"),
    [
        ("natural", "inpainting", "none", 0.15),
        ("natural", "inpainting", "uniform bits=2", 0.07),
        ("natural", "inpainting pattern=half", "one-bit", 0.07),
        ("natural", "inpainting pattern=box", "uniform bits=2", 0.15),
        ("cifar10", "inpainting", "uniform bits=2", 0.07),
        ("cifar10", "inpainting", "none", None),
        ("natural", "super-resolution", "uniform bits=2", None),
    ],
)
def test_photographs_are_filled_in_from_lower_levels(prior, operator, quantizer, level):
    size = "64" if prior == "natural" else None
    algorithm = RunSpec(prior=prior, operator=operator, quantizer=quantizer, size=size).algorithm
    assert (algorithm.name, algorithm.level_first) == ("plug-and-play", level)
