"""Tables, curves and figures."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from engine.errors import InputError
from engine.sweeps.definition import Sweep
from engine.sweeps.records import Record
from engine.sweeps.table import curves, rows_of, write_tables

TEXT = """
images = "sample:digit-3"
[axes]
noise = [0.1, 0.2]
[axes.method]
a = { algorithm = "turbo" }
b = { algorithm = "guided" }
[figure]
x = "noise"
y = ["psnr_mean"]
lines = "method"
"""


@pytest.fixture
def sweep():
    return Sweep.parse(TEXT)


@pytest.fixture
def records():
    """Two pictures; of the last cell there is no result."""
    values = {
        (0.1, "a"): (20.0, 24.0), (0.1, "b"): (18.0, 18.0), (0.2, "a"): (15.0, 16.0), (0.2, "b"): (14.0,),
    }  # fmt: skip
    made = []
    for (noise, method), found in values.items():
        for n, value in enumerate(found):
            told = {"psnr_mean": value, "ssim_mean": None, "seconds": 1.0}
            labels = {"noise": noise, "method": method}
            made.append(Record(f"{noise}{method}{n}", labels, f"p{n}", n, {"prior": "mnist"}, told))
    return [*made, Record("x", {"noise": 0.2, "method": "b"}, "p1", 1, error="No memory.")]


def test_rows_have_the_same_columns(sweep, records):
    rows = rows_of(sweep, records)
    assert len({tuple(row) for row in rows}) == 1
    assert rows[-1]["error"] == "No memory." and rows[-1]["psnr_mean"] is None
    assert list(rows[0])[:4] == ["noise", "method", "image", "index"]


def test_metrics_cut_the_table_down(records):
    rows = rows_of(Sweep.parse('metrics = ["psnr_mean"]\n' + TEXT), records)
    assert "psnr_mean" in rows[0] and "ssim_mean" not in rows[0]


def test_curves_are_means_with_standard_errors(sweep, records):
    a, b = curves(sweep, records)
    assert (a.line, a.x, a.mean) == ("a", [0.1, 0.2], [22.0, 15.5])
    assert a.error == pytest.approx([np.std([20, 24], ddof=1) / 2**0.5, np.std([15, 16], ddof=1) / 2**0.5])
    assert (b.count, b.error) == ([2, 1], [0.0, 0.0])


def test_tables_are_written_as_csv_and_parquet(sweep, records, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    write_tables(tmp_path, sweep, records)
    with (tmp_path / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["psnr_mean"] for row in rows][:2] == ["20.0", "24.0"] and rows[-1]["psnr_mean"] == ""
    assert parquet.read_table(tmp_path / "table.parquet").column("psnr_mean").to_pylist() == [
        20,
        24,
        18,
        18,
        15,
        16,
        14,
        None,
    ]
    assert len((tmp_path / "curves.csv").read_text().splitlines()) == 5


def test_words_and_numbers_on_one_axis_fit_into_parquet(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    sweep = Sweep.parse(
        'images = "sample:digit-3"\n[axes]\n"quantizer.bits" = [1, "2"]\n[fixed]\nquantizer = "uniform"\n'
    )
    records = [Record(str(b), {"quantizer.bits": b}, "p", 0) for b in (1, "2")]
    write_tables(tmp_path, sweep, records)
    assert parquet.read_table(tmp_path / "table.parquet").column("quantizer.bits").to_pylist() == ["1", "2"]


def test_a_figure_has_lines_with_names_in_every_format(sweep, records, tmp_path):
    pytest.importorskip("matplotlib")
    from engine.sweeps.figure import draw

    first = {path.suffix: path.read_bytes() for path in draw(tmp_path, sweep, records)}
    assert first[".pdf"].startswith(b"%PDF") and first[".png"].startswith(b"\x89PNG")
    text = first[".svg"].decode()
    assert "PSNR (dB)" in text and "noise sigma" in text
    assert first == {path.suffix: path.read_bytes() for path in draw(tmp_path, sweep, records)}  # to the byte


def test_panels_and_pictures_as_an_axis(records, tmp_path):
    pytest.importorskip("matplotlib")
    from engine.sweeps.figure import draw

    sweep = Sweep.parse(TEXT.replace('x = "noise"', 'x = "image"\npanels = "noise"'))
    found = curves(sweep, records)
    assert [(c.panel, c.line, c.x, c.mean) for c in found[:2]] == [
        (0.1, "a", ["p0", "p1"], [20.0, 24.0]), (0.1, "b", ["p0", "p1"], [18.0, 18.0]),
    ]  # fmt: skip
    text = draw(tmp_path, sweep, records, [".svg"])[0].read_text()
    assert "noise sigma 0.1" in text and "noise sigma 0.2" in text and "p1" in text


def test_a_long_title_and_a_legend_of_many_names_stay_within_the_figure(records, tmp_path):
    pytest.importorskip("matplotlib")
    from engine.images import load_image
    from engine.sweeps.figure import draw

    names = [f"method number {n}" for n in range(10)]
    sweep = Sweep.parse(
        f'title = "{"A title of many words " * 5}"\nimages = "sample:digit-3"\n[axes]\nnoise = [0.1, 0.2]\n[axes.method]\n'
        + "".join(f'"{name}" = {{ seed = {n} }}\n' for n, name in enumerate(names))
        + '[figure]\nx = "noise"\ny = ["psnr_mean"]\nlines = "method"\n'
    )
    made = [
        Record(f"{name}{noise}", {"noise": noise, "method": name}, "p", 0, values={"psnr_mean": 20.0 + n})
        for n, name in enumerate(names) for noise in (0.1, 0.2)
    ]  # fmt: skip
    pixels = load_image(draw(tmp_path, sweep, made, [".png"])[0]).pixels
    assert (pixels[:, :, :3] > 0.99).all() and (pixels[:, :, -3:] > 0.99).all()


def test_no_figure_without_its_description(tmp_path):
    from engine.sweeps.figure import draw

    with pytest.raises(InputError, match="figure"):
        draw(tmp_path, Sweep.parse('images = "sample:digit-3"\n'), [])
