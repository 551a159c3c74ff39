"""Tables of runs, films of them, reports about them."""

import numpy as np
import pytest
from PIL import Image

from engine.cli.main import main
from engine.errors import InputError
from engine.runs.comparison import compare, difference
from engine.runs.film import film_frames, write_film
from engine.runs.job import reconstruct
from engine.runs.report import report
from engine.runs.spec import RunSpec

QUICK = "turbo rounds=2 levels=3"


@pytest.fixture(scope="module")
def results():
    base = RunSpec(algorithm=QUICK, samples=2)
    return [
        reconstruct(base),
        reconstruct(base.replace(quantizer="uniform bits=3", algorithm="turbo rounds=3 levels=3")),
    ]


def test_only_what_differs_is_listed_and_the_best_is_marked(results):
    found = compare(results)
    labels = [label for label, _ in found.rows]
    assert "Quantizer" in labels and "Rounds" in labels
    assert not {"Noise", "Seed", "Prior", "Sensing matrix", "Sampling levels", "Bits"} & set(labels)
    row = labels.index("PSNR (dB)")
    assert (row, 1) in found.best and (row, 0) not in found.best
    assert found.columns[0] != found.columns[1]
    assert found.as_csv().splitlines()[0].count(",") == 2
    assert np.array_equal(difference(*results), results[0].mean - results[1].mean)


def test_a_run_beside_itself_differs_in_nothing(results):
    found = compare([results[0], results[0]])
    assert not [label for label, _ in found.rows if label in ("Quantizer", "Algorithm", "Noise")]
    assert not found.best


def test_films(results, tmp_path):
    result = results[0]
    frames = list(film_frames(result))
    assert len(frames) == len(result.keyframes)
    assert frames[0].dtype == np.uint8 and frames[0].shape[2] == 3 and min(frames[0].shape[:2]) >= 256
    with Image.open(write_film(result, tmp_path / "film.gif", rate=5)) as film:
        assert len(frames) - 2 <= film.n_frames <= len(frames)  # equal neighbours are one that stays longer
        assert film.info["duration"] % 200 == 0
    folder = write_film(result, tmp_path / "frames", "samples")
    assert sorted(p.name for p in folder.iterdir()) == ["0000.png", "0001.png"]
    with pytest.raises(InputError, match="not 'sides'"):
        list(film_frames(result, "sides"))
    with pytest.raises(InputError, match=r"ends in \.gif"):
        write_film(result, tmp_path / "film.avi")
    with pytest.raises(InputError, match="pictures a second"):
        write_film(result, tmp_path / "film.gif", rate=1000)


def test_mp4_is_written_or_says_what_it_needs(results, tmp_path):
    try:
        import imageio_ffmpeg  # noqa: F401
    except ImportError:
        with pytest.raises(InputError, match="imageio-ffmpeg"):
            write_film(results[0], tmp_path / "film.mp4")
    else:
        assert write_film(results[0], tmp_path / "film.mp4").stat().st_size > 1000


def test_a_report_stands_alone(results):
    page = report(results)
    assert page.count("data:image/png;base64,") >= 6
    assert 'src="http' not in page and "<script" not in page and "href" not in page
    assert "Recipe" in page and "qcs run" in page
    assert "<td class=best>" in page
    assert "Comparison" not in report(results[:1])


def test_names_in_a_report_are_text(results):
    from dataclasses import replace

    page = report([replace(results[0], notes=("<img src=x onerror=alert(1)>",))])
    assert "<img src=x" not in page and "&lt;img" in page


@pytest.mark.slow
def test_the_command_line_films_and_reports(tmp_path, capsys):
    run = ["run", "--image", "sample:digit-1", "--algorithm", QUICK, "--samples", "2", "--save", "one"]
    assert main([*run, "--out", str(tmp_path / "r")]) == 0
    assert main(["film", "one", "--out", str(tmp_path / "f.gif"), "--view", "mean"]) == 0
    assert main(["report", "one", "one", "--out", str(tmp_path / "r.html")]) == 0
    assert main(["report", "one", "--out", str(tmp_path / "r.csv")]) == 0
    assert (tmp_path / "f.gif").stat().st_size > 500
    capsys.readouterr()
    assert main(["film", "nobody", "--out", str(tmp_path / "f.gif")]) == 2
    assert main(["report", "one", "--out", str(tmp_path / "r.pdf")]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 2


@pytest.mark.slow
def test_a_comparison_says_whether_the_runs_saw_the_same_data(tmp_path):
    from engine.runs.document import open_run, save_run
    from engine.runs.job import reconstruct
    from engine.runs.spec import RunSpec

    spec = RunSpec(quantizer="uniform", algorithm="turbo rounds=2 levels=2", samples=1, device="cpu")
    one = reconstruct(spec)
    same = reconstruct(one.spec.replace(prior="fashion-mnist"))
    other = reconstruct(spec.replace(prior="fashion-mnist"))
    assert compare([one, same]).sentence == "One measurement, 2 reconstructions."
    kept = open_run(save_run(tmp_path / "kept.qcs", same))
    assert compare([one, same, kept]).measurements == 1
    assert "2 different measurements" in compare([one, same, other]).sentence
    assert compare([one]).sentence == ""
