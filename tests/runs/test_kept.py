"""What is kept of runs stays true: folders of results, added samples, documents, the library."""

import dataclasses
import json
import os
import zipfile

import numpy as np
import pytest
import torch

from engine.cli import main
from engine.errors import EngineError, InputError
from engine.images import save_png
from engine.runs import RunSpec, open_run, reconstruct, save_run
from engine.runs.film import write_film
from engine.runs.job import prepare
from engine.runs.keyframes import Spread
from engine.runs.library import Library, is_made_up, new_name
from engine.runs.report import report

SPEC = RunSpec(algorithm="turbo rounds=2 levels=2", operator="gaussian measurements=150", samples=2)


@pytest.fixture(scope="module")
def result():
    return reconstruct(SPEC)


def strict(text):
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


# -- folders of results ------------------------------------------------------------------------------------------------


def test_a_folder_of_results_keeps_no_pictures_of_an_earlier_one(result, tmp_path):
    result.write(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    estimate = dataclasses.replace(result, std=None, samples=result.samples[:0])
    estimate.write(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"mean.png", "result.json", "result.npz", "notes.txt"}


def test_a_picture_of_the_users_own_is_no_picture_of_an_earlier_result(result, tmp_path):
    save_png(tmp_path / "std.png", result.mean)
    dataclasses.replace(result, std=None).write(tmp_path)
    assert (tmp_path / "std.png").is_file()


def test_a_folder_of_frames_keeps_none_of_a_longer_film(result, tmp_path):
    save_png(tmp_path / "9999.png", result.mean)
    write_film(result, tmp_path)
    longer = {p.name for p in tmp_path.iterdir()}
    write_film(dataclasses.replace(result, keyframes=result.keyframes[-2:]), tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"0000.png", "0001.png", "9999.png"} < longer


def test_numbers_that_grew_too_large_are_null_with_a_sentence(result, tmp_path):
    history = result.history | {"loss": [float("inf")] * len(result.history["step"])}
    grown = dataclasses.replace(result, history=history, predicted_rmse=float("nan"))
    told = strict((grown.write(tmp_path) / "result.json").read_text())
    assert told["metrics"]["predicted_rmse"] is None and told["history"]["loss"][0] is None
    assert any("null" in note for note in told["notes"]) and not any("null" in note for note in result.notes)
    opened = open_run(save_run(tmp_path / "a.qcs", grown))
    assert opened.predicted_rmse is None and any("null" in note for note in opened.notes)
    assert report([opened])


# -- added samples -----------------------------------------------------------------------------------------------------


def test_added_samples_are_judged_with_the_rest():
    spec = RunSpec(algorithm="guided steps=4", operator="gaussian measurements=150", samples=2)
    earlier = dataclasses.replace(
        reconstruct(spec), failed="It has failed.", consistency=0.1, notes=("A note.", "It has failed.")
    )
    job = prepare(spec.replace(first_sample=2))
    for _ in job.stream():
        pass
    joined = job.added_to(earlier)
    assert joined.consistency == float(job.measurement.consistency(torch.from_numpy(joined.mean)[None])[0])
    assert len(joined.samples) == 4 and joined.failed == "" and joined.notes == ("A note.",)
    worse = dataclasses.replace(earlier, samples=1 - earlier.samples, failed="", notes=("A note.",))
    joined = job.added_to(worse)
    assert joined.failed and joined.notes == ("A note.", joined.failed)


# -- documents ---------------------------------------------------------------------------------------------------------


def rewritten(path, change):
    """The document with another run.json."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    facts = json.loads(members["run.json"])
    change(facts)
    members["run.json"] = json.dumps(facts).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


WRONG = {
    "history": (
        None,
        [1],
        {"step": 3},
        {"step": [1, 2], "psnr": [1]},
        {"psnr": [1]},
        {"step": [None]},
        {"step": ["a"]},
    ),
    "notes": (None, "note", [3]),
    "prior": (None, {}, {"kind": "denoiser", "any_size": True, "facts": None}),
    "seconds": (None, "long"),
    "network_calls": (1.5, None),
    "consistency": ("much", [1]),
    "failed": (None, 1),
    "recipe": (None, [], {"samples": [1]}),
    "facts": (None, 3),
}


@pytest.mark.parametrize(("key", "value"), [(k, v) for k, values in WRONG.items() for v in values])
def test_documents_with_entries_of_other_kinds_are_refused(result, tmp_path, capsys, key, value):
    path = rewritten(save_run(tmp_path / "a.qcs", result), lambda facts: facts.update({key: value}))
    with pytest.raises(InputError, match=r"^[^\n]*(damaged|valid)[^\n]*$"):
        open_run(path)
    assert main(["report", str(path), "--out", str(tmp_path / "r.html")]) == 2
    assert "internal" not in capsys.readouterr().err


@pytest.mark.parametrize("history", [None, [1], {"step": 3}])
def test_results_of_earlier_versions_with_wrong_curves_are_refused(result, tmp_path, history):
    result.write(tmp_path)
    told = json.loads((tmp_path / "result.json").read_text())
    (tmp_path / "result.json").write_text(json.dumps(told | {"history": history}))
    with pytest.raises(InputError, match="damaged"):
        open_run(tmp_path)


@pytest.mark.parametrize("name", ["mean", "samples", "std", "truth"])
def test_pictures_that_do_not_fit_together_are_refused(result, tmp_path, monkeypatch, name):
    odd = dataclasses.replace(result, **{name: getattr(result, name)[..., :-1]})
    monkeypatch.setattr(type(odd), "metrics", lambda self: {})
    with pytest.raises(InputError, match="damaged"):
        open_run(save_run(tmp_path / "a.qcs", odd))
    with pytest.raises(InputError, match="damaged"):
        open_run(odd.write_npz(tmp_path / "result.npz"))


def test_an_error_of_the_program_is_not_blamed_on_the_document(result, tmp_path, monkeypatch):
    path = save_run(tmp_path / "a.qcs", result)
    for name in ("unpack", "spec_from"):
        with monkeypatch.context() as patch:
            patch.setattr(f"engine.runs.document.{name}", lambda *_: None + 1)
            with pytest.raises(TypeError):
                open_run(path)
    result.write(tmp_path / "folder")
    monkeypatch.setattr("engine.runs.earlier.RunSpec.from_json", lambda *_: None + 1)
    with pytest.raises(TypeError):
        open_run(tmp_path / "folder")


def test_kept_frames_are_few_and_spread_by_ratio_and_evenly():
    for steps, count in ((10, 64), (64, 64), (500, 64), (100_000, 8), (3, 2)):
        spread = Spread(count)
        kept = [step for step in range(1, steps + 1) if spread.takes(step, steps)]
        assert kept[0] == 1 and kept[-1] == steps and len(kept) <= max(2, count)
        assert kept == [*range(1, steps + 1)] or steps > count
    spread = Spread(64)
    kept = np.array([step for step in range(1, 10_001) if spread.takes(step, 10_000)])
    assert len(kept) > 50 and (kept <= 100).sum() >= 12 and np.diff(kept).max() < 10_000 / 25
    assert spread.takes(5, 10_000, last=True)


# -- the library -------------------------------------------------------------------------------------------------------


def test_a_dangling_link_in_the_library_is_no_run(result):
    library = Library(budget=1)  # so that it looks at the oldest
    library.add(result, "a")
    os.symlink("nowhere.qcs", library.folder / "link.qcs")
    assert library.add(result, "b").name == "b"
    assert [e.name for e in library.list()] == ["b"]


def test_names_that_somebody_gave_are_told_from_those_made_up(result):
    assert is_made_up(new_name(result))
    assert not any(is_made_up(name) for name in ("my face", "run 0", "digit-3 turbo", "a b2"))


def test_the_index_is_not_made_anew_where_it_cannot_be_written():
    with pytest.raises(InputError, match="Cannot write to the folder"):
        Library("/proc").rebuild()


def test_a_list_reads_no_more_than_it_shows(result, monkeypatch):
    library = Library()
    path = library.add(result, "a").path
    monkeypatch.setattr("engine.runs.document.parsed_json", lambda *_: pytest.fail("all of it was read"))
    assert library.rebuild() == 1
    rewritten(path, lambda facts: facts.update(network_calls=10**400, rows=None, seed=[1]))
    entry = library.entry("a")
    assert entry.network_calls is None and entry.psnr_mean == pytest.approx(result.metrics()["psnr_mean"])
    rewritten(path, lambda facts: facts.update(metrics=None))
    assert library.list() == []


# -- failures ----------------------------------------------------------------------------------------------------------


def test_a_decomposition_that_fails_is_a_sentence(monkeypatch):
    def fail(*_, **__):
        raise torch.linalg.LinAlgError("linalg.svd: (Batch element 0): The algorithm failed to converge")

    monkeypatch.setattr(torch.linalg, "svd", fail)
    job = prepare(RunSpec(prior="low-rank", algorithm="gd", operator="gaussian measurements=150", samples=1))
    with pytest.raises(EngineError, match="could not be decomposed") as caught:
        list(job.stream())
    assert "linalg" not in str(caught.value)


@pytest.mark.parametrize("guard", [True, False])
def test_a_guard_that_is_on_is_not_advised(monkeypatch, guard):
    monkeypatch.setattr("engine.algorithms.langevin.dynamics.SAFETY", 1e9)  # as if it did not help
    job = prepare(
        RunSpec(
            algorithm=f"qcs-sgm levels=2 repeats=200 step=90 guard={guard}",
            samples=1,
            operator="gaussian measurements=150",
        )
    )
    with pytest.raises(EngineError, match="diverged") as caught:
        list(job.stream())
    assert ("guard on" in str(caught.value)) != guard


# -- commands ------------------------------------------------------------------------------------------------------------


def test_commands_print_json_that_every_reader_takes(result, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(type(result), "metrics", lambda self: {"psnr_mean": float("nan"), "cosine_mean": None})
    monkeypatch.setattr("engine.runs.job.Job.reconstructions", lambda self: [result])
    words = ["--algorithm", "turbo rounds=2 levels=2", "--samples", "2", "--no-save", "--out", str(tmp_path)]
    assert main(["run", *words]) == 0
    assert strict(capsys.readouterr().out.splitlines()[-1])["psnr_mean"] is None
