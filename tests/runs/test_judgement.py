"""Results that are worth less than a trivial one are called failed, and names are in the summary."""

import json

import numpy as np
import pytest

from engine.cli import main
from engine.runs.judgement import PRIOR_MEAN, SEEN, chance_consistency, failure


def test_failure_by_error_and_by_consistency():
    truth, good, bad = np.full((1, 4, 4), 0.5), np.full((1, 4, 4), 0.52), np.full((1, 4, 4), 0.9)
    flat = {PRIOR_MEAN: np.array(0.3)}
    assert failure(good, truth, flat, 0.9, 0.5) == ""
    assert "prior's mean" in failure(bad, truth, flat, 0.9, 0.5)
    assert "less than by chance" in failure(good, None, flat, 0.3, 0.5)
    assert failure(good, None, flat, None, None) == ""
    assert "than that of what was seen" in failure(good, truth, flat | {SEEN: np.full((1, 4, 4), 0.51)})
    assert failure(good, truth, flat | {SEEN: np.full((1, 4, 4), 0.4)}) == ""
    assert "explains the measurements worse" in failure(good, None, flat, residuals=(0.3, 0.2))


def test_chance_is_that_of_codes_drawn_alike():
    assert chance_consistency(np.array([0, 1, 0, 1])) == pytest.approx(0.5)
    assert chance_consistency(np.array([0, 0, 0, 1])) == pytest.approx(0.625)


def test_a_failed_evaluation_says_so_and_names_its_images(tmp_path, capsys):
    words = ["--algorithm", "qcs-sgm levels=2 repeats=1 sigma_first=1 sigma_last=0.5 final_denoising=false"]  # noise
    from shutil import copy

    from engine.images.bundled import sample_path

    (tmp_path / "in").mkdir()
    for digit in (3, 7):
        copy(sample_path(f"sample:digit-{digit}"), tmp_path / "in")
    out = str(tmp_path / "out")
    assert (
        main(["evaluate", "--images", str(tmp_path / "in"), *words, "--samples", "2", "--threads", "1", "--out", out])
        == 0
    )
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert [row["name"] for row in summary["images"]] == ["digit-3", "digit-7"]
    assert summary["failed"] == 2 and "is larger than that of" in summary["images"][0]["failed"]
    assert summary["rows"] == "posterior samples" and "2 of 2 reconstructions have failed" in capsys.readouterr().err


def test_one_estimate_has_null_metrics_of_samples(tmp_path):
    out = str(tmp_path / "out")
    assert main(["run", "--prior", "pixels", "--no-save", "--threads", "1", "--out", out]) == 0
    told = json.loads((tmp_path / "out/result.json").read_text())
    assert told["rows"] == "one estimate" and told["metrics"]["psnr_sample"] is None and told["samples"] == 0
    assert not (tmp_path / "out/std.png").exists() and not (tmp_path / "out/samples.png").exists()
