"""Many images under one recipe: what is there after a kill, Ctrl-C or a failure, and what the command line says of it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engine.cli import main
from engine.errors import EngineError, InputError
from engine.images import load_image, save_png
from engine.images.bundled import sample_names, sample_path
from engine.runs import RunSpec
from engine.runs.job import Job
from engine.sweeps import evaluation, runner, work

SPEC = RunSpec(algorithm="turbo rounds=2 levels=2", operator="gaussian measurements=150", samples=2, device="cpu")
PLAIN = RunSpec(
    algorithm="lasso iterations=5", prior="wavelet", operator="gaussian measurements=40", size="8", samples=1
)

WORDS = [
    "evaluate", "--prior", "wavelet", "--size", "8", "--algorithm", "lasso iterations=5", "--samples", "1", "--limit", "3",
    "--operator", "gaussian measurements=40",
]  # fmt: skip
"""PLAIN on the command line, three images."""


@pytest.fixture
def digits(tmp_path):
    (tmp_path / "digits").mkdir()
    for i, name in enumerate(sample_names()[:4]):
        save_png(tmp_path / "digits" / f"{i}.png", load_image(sample_path(f"sample:{name}")).pixels)
    return tmp_path / "digits"


@pytest.fixture
def one_by_one(monkeypatch):
    monkeypatch.setattr(evaluation, "ROWS_AT_ONCE", 1)


class Killed(BaseException):
    """What no handler sees coming."""


def killed_after(count):
    def progress(done, total, share):
        if done == count:
            raise Killed

    return progress


def strict(path):
    return json.loads(path.read_text(), parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


def test_rows_of_a_summary_say_all_and_images_are_numbered_absolutely(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "WAIT", 0.0)  # every step is told
    told = []
    found = evaluation.evaluate(PLAIN, pictures, 5, 2, progress=lambda *values: told.append(values))
    found.write(tmp_path / "out")
    summary = strict(tmp_path / "out" / "summary.json")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"summary.json", "reconstructions.png"}
    assert [(row["index"], row["name"]) for row in summary["images"]] == [(5, "picture-5"), (6, "picture-6")]
    assert (summary["count"], summary["offset"], summary["rows"]) == (2, 5, "one estimate")
    assert summary["recipe"]["image"] == str(pictures) and summary["recipe"]["seed"] == PLAIN.seed
    assert summary["mean"]["psnr_mean"] == pytest.approx(np.mean([row["psnr_mean"] for row in summary["images"]]))
    assert list(summary["images"][0])[-3:] == ["seconds", "network_calls", "failed"]
    assert load_image(tmp_path / "out" / "reconstructions.png").pixels.shape[2] >= 16
    shares = [share for _, _, share in told]
    assert shares == sorted(shares) and any(0 < share < 1 for share in shares) and shares[-1] == 1


def test_an_image_is_the_same_alone_as_among_others(digits):
    whole = evaluation.evaluate(SPEC, digits).rows()
    part = evaluation.evaluate(SPEC, digits, offset=2, limit=1).rows()
    assert part[0]["index"] == 2
    assert part[0]["psnr_mean"] == pytest.approx(whole[2]["psnr_mean"], abs=1e-2)


def test_a_killed_evaluation_goes_on_where_it_was(one_by_one, digits, tmp_path):
    evaluation.evaluate(SPEC, digits).write(tmp_path / "whole")
    out = tmp_path / "out"
    out.mkdir()
    for after in (2, 3):
        with pytest.raises(Killed):
            evaluation.evaluate(SPEC, digits, progress=killed_after(after), folder=out)
    cells = sorted((out / evaluation.UNFINISHED / "cells").iterdir())
    cells[0].write_text(cells[0].read_text()[:-20])  # cut short
    found = evaluation.evaluate(SPEC, digits, folder=out)
    assert found.taken_over == 2 and found.complete
    found.write(out)
    assert {p.name for p in out.iterdir()} == {"summary.json", "reconstructions.png"}
    told, wanted = (strict(folder / "summary.json") for folder in (out, tmp_path / "whole"))
    assert [row["index"] for row in told["images"]] == [0, 1, 2, 3] and told["recipe"] == wanted["recipe"]
    assert told["mean"]["psnr_mean"] == pytest.approx(wanted["mean"]["psnr_mean"], abs=1e-6)
    sheets = [load_image(folder / "reconstructions.png").pixels for folder in (out, tmp_path / "whole")]
    assert np.abs(sheets[0] - sheets[1]).max() <= 1.5 / 255


def test_another_recipe_or_other_pixels_take_nothing_over(one_by_one, pictures, tmp_path):
    def taken(spec):
        return evaluation.evaluate(spec, pictures, limit=2, folder=tmp_path).taken_over

    with pytest.raises(Killed):
        evaluation.evaluate(PLAIN, pictures, limit=2, progress=killed_after(1), folder=tmp_path)
    assert taken(PLAIN.replace(noise=0.1)) == 0
    (pictures / "picture-0.png").rename(pictures / "a.png")
    assert taken(PLAIN) == 1
    assert evaluation.evaluate(PLAIN, pictures, limit=2, folder=tmp_path).rows()[0]["name"] == "a"
    save_png(pictures / "a.png", np.zeros((1, 8, 8), np.float32))
    assert taken(PLAIN) == 1  # the other one


def test_ctrl_c_keeps_what_is_done_with_status_130(one_by_one, pictures, tmp_path, monkeypatch, capsys):
    plain, begun = Job.stream, []

    def stopped(self, control=None):
        begun.append(1)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return plain(self, control)

    monkeypatch.setattr(Job, "stream", stopped)
    words = [*WORDS, "--images", str(pictures), "--out", str(tmp_path / "out")]
    assert main(words) == 130
    assert strict(tmp_path / "out" / "summary.json")["count"] == 2
    assert main(words) == 0
    assert "2 images had been done before" in capsys.readouterr().err
    assert strict(tmp_path / "out" / "summary.json")["count"] == 3


@pytest.mark.parametrize(("error", "status"), [(EngineError("It broke."), 1), (InputError("It does not fit."), 2)])
def test_images_that_fail_are_told_and_the_others_kept(pictures, tmp_path, monkeypatch, capsys, error, status):
    real, broken = work._together, [1]

    def failing(task, pixels, which, control):
        if any(task.indices[n] in broken for n in which):
            raise error
        return real(task, pixels, which, control)

    monkeypatch.setattr(work, "_together", failing)
    words = [*WORDS, "--images", str(pictures), "--out", str(tmp_path / "out")]
    assert main(words) == status
    said = capsys.readouterr().err
    assert f"{error} The 2 images that could be done are in" in said
    assert [row["index"] for row in strict(tmp_path / "out" / "summary.json")["images"]] == [0, 2]
    broken.clear()
    assert main(words) == 0 and strict(tmp_path / "out" / "summary.json")["count"] == 3
    broken += [0, 1, 2]
    assert main([*words[:-1], str(tmp_path / "none")]) == status
    assert not (tmp_path / "none" / "summary.json").exists()
