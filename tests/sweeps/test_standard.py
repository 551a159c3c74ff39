"""The tables of ``qcs benchmark``, which are sweeps."""

from __future__ import annotations

import json

import pytest

from engine.cli import main
from engine.errors import EngineError
from engine.runs.spec import RunSpec
from engine.sweeps import advising, defaulting
from engine.sweeps.definition import Sweep
from engine.sweeps.runner import run_sweep
from engine.sweeps.standard import compare_algorithms, methods

QUICK = [
    "--prior",
    "wavelet",
    "--size",
    "8",
    "--operator",
    "gaussian measurements=40",
    "--limit",
    "2",
    "--threads",
    "1",
]


def table(capsys, *words):
    assert main(["benchmark", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_bits_are_a_row_each(pictures, capsys):
    made = table(capsys, "--what", "bits", "--images", str(pictures), "--algorithm", "lasso iterations=20", *QUICK)
    assert [row["quantizer"] for row in made["rows"]] == ["1 bit", "2 bits", "3 bits", "no quantizer"]
    assert made["rows"][0]["psnr_mean"] < made["rows"][2]["psnr_mean"] < made["rows"][3]["psnr_mean"]


def test_bits_are_the_means_of_the_sweep(pictures, tmp_path, capsys):
    made = table(capsys, "--what", "bits", "--images", str(pictures), "--algorithm", "lasso iterations=20", *QUICK)
    text = (
        'limit = 2\nimages = "pictures"\n[fixed]\nprior = "wavelet"\nsize = "8"\nalgorithm = "lasso iterations=20"\n'
        'operator = "gaussian measurements=40"\n[axes]\nquantizer = ["one-bit"]\n'
    )
    result = run_sweep(Sweep.parse(text, beside=pictures.parent), tmp_path / "out")
    mean = sum(record.values["psnr_mean"] for record in result.rows) / 2
    assert made["rows"][0]["psnr_mean"] == pytest.approx(mean, abs=1e-3)


def test_methods_are_those_that_take_the_prior(pictures):
    spec = RunSpec(
        prior="wavelet", size="8", operator="gaussian measurements=40", algorithm="lasso", image=str(pictures)
    )
    heard = []
    made = methods(spec, str(pictures), 0, 1, heard.append)
    assert {row["algorithm"] for row in made["rows"]} == {"lasso", "biht"}
    assert made["rows"] == heard


def test_the_linear_estimate_stands_beside_the_method(pictures, capsys):
    made = table(capsys, "--what", "baseline", "--images", str(pictures), "--algorithm", "lasso iterations=20", *QUICK)
    assert [row["index"] for row in made["rows"]] == [0, 1]
    assert made["mean"]["psnr_lmmse"] == pytest.approx(sum(row["psnr_lmmse"] for row in made["rows"]) / 2)


def test_images_are_asked_for(capsys):
    assert main(["benchmark", "--what", "bits"]) == 2
    assert "needs images" in capsys.readouterr().err


@pytest.mark.slow
def test_time_to_the_mean_of_turbo_is_less_than_its_run():
    spec = RunSpec(operator="gaussian measurements=30", samples=2, algorithm="turbo", device="cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.sweeps.standard.COMPARED", ("turbo", "guided"))
        made = compare_algorithms(spec)["algorithms"]
    assert made["turbo"]["seconds"] < made["turbo"]["seconds_with_samples"]
    assert made["guided"]["seconds"] == made["guided"]["seconds_with_samples"]


def test_advice_prefers_what_tells_how_sure_it_is():
    """A plain estimate must be ahead by more than a little."""
    rows = [
        {
            "operator": "dct measurements=196",
            "quantizer": "none",
            "algorithm": name,
            "psnr_mean": psnr,
            "psnr_seen": 12.0,
        }
        for name, psnr in (("guided", 20.0), ("plug-and-play", 20.2))
    ]
    [row] = advising._best_of(
        [*rows, {"operator": "x", "quantizer": "none", "algorithm": "turbo", "failed": "No."}], "mnist"
    )
    assert (row["operator"], row["best"], row["doing_nothing"]) == ("dct", "guided", 12.0)
    rows[1]["psnr_mean"] = 21.0
    assert advising._best_of(rows, "mnist")[0]["best"] == "plug-and-play"


def test_advice_is_measured_for_every_combination():
    assert advising.advice_sweep("mnist").count == 11 * 4 * 5
    assert advising.advice_sweep("natural").count == 7 * 4 * 5


@pytest.mark.slow
def test_the_default_stands_beside_doing_nothing(monkeypatch):
    """What does not go together is no row; a method that breaks has found nothing, and says so."""
    from engine.runs.job import Job

    monkeypatch.setattr(defaulting, "_operators", lambda pixels: ["inpainting", "matrix"])
    monkeypatch.setattr(defaulting, "QUANTIZERS", ("none",))
    heard = []
    made = defaulting.defaults(("mnist",), heard.append)
    assert made["rows"] == heard
    by_name = {(row["operator"], row["quantizer"]): row for row in made["rows"]}
    assert ("matrix", "none") not in by_name
    row = by_name["inpainting", "none"]
    assert row["above"] == pytest.approx(row["default"] - row["trivial"], abs=0.011) and row["above"] > 0
    assert row["method"] and not row["flagged"]
    assert made["mean"]["combinations"] == len(made["rows"])

    def broken(self, control=None):
        raise EngineError("It broke.")

    monkeypatch.setattr(Job, "stream", broken)
    row = defaulting.defaults(("mnist",))["rows"][0]
    assert (row["default"], row["method"], row["flagged"]) == (0.0, "none", True) and row["above"] == -row[
        "trivial"
    ] < 0


DEFAULTS = ["--what", "defaults", "--prior", "mnist", "--operator", "identity", "--quantizer", "none"]


def test_defaults_of_pictures_of_ones_own(pictures, capsys, monkeypatch):
    """What was given is what is measured, and the row tells the worst picture too."""
    from engine.runs.job import Job

    made = table(capsys, *DEFAULTS, "--images", str(pictures), "--offset", "2", "--limit", "2", "--noise", "0.3")
    assert [(row["operator"], row["quantizer"]) for row in made["rows"]] == [("identity", "none")]
    row = made["rows"][0]
    assert row["worst"] <= row["above"] == pytest.approx(row["default"] - row["trivial"], abs=0.011)
    assert row["trivial"] < 15  # the noise that was asked for, not that of the table
    assert (
        made["mean"]["pictures_below"]
        == row["pictures_below"]
        == int(row["worst"] < -0.2) + int(2 * row["above"] - row["worst"] < -0.2)
    )

    def broken(self, control=None):
        raise EngineError("It broke.")

    monkeypatch.setattr(Job, "stream", broken)
    other = table(capsys, *DEFAULTS, "--images", str(pictures), "--offset", "2", "--limit", "2", "--noise", "0.3")
    broke = other["rows"][0]  # whose trivial picture is made of other noise
    assert broke["trivial"] == pytest.approx(row["trivial"], abs=0.5) and broke["default"] == 0 and broke["flagged"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--algorithm", "turbo"], "no algorithm can be given"),
        (["--image", "sample:digit-2"], "--images FOLDER_OR_IDX"),
        (["--limit", "2"], "go with --images"),
        (["--images", "."], "give its --prior too"),
        (["--prior", "wavelet"], "has pictures for the priors"),
        (["--prior", "mnist", "--operator", "matrix"], "goes with this prior"),
    ],
)
def test_what_defaults_cannot_be_asked_for_is_said(words, said, capsys):
    assert main(["benchmark", "--what", "defaults", *words]) == 2
    assert said in capsys.readouterr().err
