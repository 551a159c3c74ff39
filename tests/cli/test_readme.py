"""The example of the README writes a file that reconstructs."""

import re
from pathlib import Path

import numpy as np
import pytest

from engine.cli import main

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_numpy_example_reconstructs(tmp_path, monkeypatch, capsys):
    (code,) = re.findall(r"```python\n(import numpy.*?)```", README, re.S)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(code, names)
    assert main(["run", "--measurement", "mine.npz", "--samples", "2", "--threads", "1", "--out", "result"]) == 0
    mean = np.load("result/result.npz")["mean"][0]
    truth = names["x"]
    assert np.vdot(mean, truth) / np.linalg.norm(mean) / np.linalg.norm(truth) > 0.8
    assert "psnr" not in capsys.readouterr().out


@pytest.mark.slow
def test_noise_is_estimated_where_the_file_has_none(tmp_path, monkeypatch, capsys):
    import json

    (code,) = re.findall(r"```python\n(import numpy.*?)```", README, re.S)
    monkeypatch.chdir(tmp_path)
    exec(code.replace(", noise=0.05)", ")"), {})
    assert main(["run", "--measurement", "mine.npz", "--samples", "1", "--threads", "1", "--out", "result"]) == 0
    notes = json.loads((tmp_path / "result/result.json").read_text())["notes"]
    noise = float(re.findall(r"noise (\d[\d.]*\d)", " ".join(notes))[0])
    assert 0.01 < noise < 0.25


def test_a_matrix_that_does_not_belong_to_the_bits_is_told(tmp_path, monkeypatch, capsys):
    import json

    (code,) = re.findall(r"```python\n(import numpy.*?)```", README, re.S)
    monkeypatch.chdir(tmp_path)
    exec(code.replace("A=A,", "A=A[::-1],"), {})
    assert main(["run", "--measurement", "mine.npz", "--samples", "1", "--threads", "1", "--out", "result"]) == 0
    assert "belong to them" in json.loads((tmp_path / "result/result.json").read_text())["notes"][-1]
