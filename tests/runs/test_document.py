"""Runs as documents and the library of them: arrays, damage, kills, names, the index."""

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest

from engine.cli import main
from engine.errors import InputError
from engine.runs import RunSpec, open_run, reconstruct, save_run
from engine.runs.library import Library

SPEC = RunSpec(algorithm="turbo rounds=3 levels=4", samples=3)


@pytest.fixture(scope="module")
def result():
    return reconstruct(SPEC)


def qcs(*words):
    return main([*words])


def test_a_document_gives_back_all_that_was_in_it(result, tmp_path):
    opened = open_run(save_run(tmp_path / "a.qcs", result))
    for name in ("samples", "mean", "std", "truth"):
        assert np.array_equal(getattr(opened, name), getattr(result, name))
    assert opened.spec == result.spec and opened.metrics() == result.metrics() and opened.history == result.history
    assert opened.notes == result.notes and opened.facts == result.facts and opened.status == "done"
    assert [f.step for f in opened.keyframes] == [f.step for f in result.keyframes]
    assert opened.keyframes[-1].step == 8 and opened.keyframes[0].iterate.dtype == np.float16
    assert set(opened.measured) == {"y", "noise", "shape", "offset", "operator", "thresholds"}


def test_results_of_earlier_versions_open(result, tmp_path):
    result.write(tmp_path)
    for path in (tmp_path, tmp_path / "result.npz", tmp_path / "result.json"):
        opened = open_run(path)
        assert np.array_equal(opened.samples, result.samples) and opened.spec == result.spec
        assert opened.metrics() == pytest.approx(result.metrics()) and opened.own_mean
    (tmp_path / "result.json").unlink()
    assert np.array_equal(open_run(tmp_path / "result.npz").mean, result.mean)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no 'result\.npz'"):
        open_run(tmp_path / "empty")


@pytest.mark.slow
def test_mutated_documents_open_right_or_are_refused_in_one_sentence(result, tmp_path):
    raw, rng = save_run(tmp_path / "a.qcs", result).read_bytes(), random.Random(1)
    for _ in range(200):
        damaged = bytearray(raw)
        for _ in range(rng.choice((1, 2, 30))):
            damaged[rng.randrange(len(raw))] ^= rng.randrange(1, 256)
        if rng.random() < 0.2:
            damaged = damaged[: rng.randrange(len(raw))]
        (tmp_path / "b.qcs").write_bytes(damaged)
        opened = None
        with contextlib.suppress(InputError):  # one sentence; any other error fails the test
            opened = open_run(tmp_path / "b.qcs")
        if opened is not None:
            assert np.array_equal(opened.mean, result.mean) and np.array_equal(opened.samples, result.samples)


def test_newer_foreign_and_missing_files_are_refused(result, tmp_path):
    import zipfile

    for content, words in (
        ({"format": "qcs-studio run", "version": 99}, "newer"),
        ({"format": "x"}, "damaged"),
        ([1], "damaged"),
    ):
        with zipfile.ZipFile(tmp_path / "c.qcs", "w") as file:
            file.writestr("run.json", json.dumps(content))
        with pytest.raises(InputError, match=words):
            open_run(tmp_path / "c.qcs")
    with pytest.raises(InputError, match="does not exist"):
        open_run(tmp_path / "none.qcs")


def test_a_run_whose_prior_is_gone_can_be_looked_at(result, tmp_path, monkeypatch):
    path = save_run(tmp_path / "a.qcs", result)
    monkeypatch.setattr("engine.runs.document.priors", lambda: type("Family", (), {"choices": {}})())
    opened = open_run(path)
    assert opened.spec.prior.name == "mnist" and np.array_equal(opened.mean, result.mean)
    with pytest.raises(InputError, match="not installed here"):
        opened.spec.prior.load()


def test_the_library_lists_sorts_searches_names_pins_and_deletes(result):
    library = Library()
    first, second = library.add(result, "first"), library.add(result)
    assert [e.name for e in library.list(sort="name", descending=False)][-1] == "first" or second.name < "first"
    assert len(library.list("turbo digit-3")) == 2 and not library.list("fashion")
    assert len(library.list(where={"algorithm": "turbo"})) == 2 and first.psnr_mean == pytest.approx(
        result.metrics()["psnr_mean"]
    )
    with pytest.raises(InputError, match="already"):
        library.add(result, "first")
    with pytest.raises(InputError, match="not a name"):
        library.add(result, "../first")
    with pytest.raises(InputError, match="did you mean psnr_mean"):
        library.list(sort="psnr")
    assert library.pin("first").pinned and library.rename("first", "kept").path.parent.name == "pinned"
    assert np.array_equal(library.open("kept").mean, result.mean)
    assert library.rebuild() == 2 and library.entry("kept").pinned
    library.delete("kept")
    with pytest.raises(InputError, match="no run named 'kept'"):
        library.open("kept")


def test_the_oldest_unpinned_runs_go_beyond_the_budget(result):
    size = Library().add(result, "a", pinned=True).bytes
    library = Library(budget=int(2.5 * size))
    for name in "bcd":
        library.add(result, name)
        time.sleep(0.01)
    assert sorted(e.name for e in library.list()) == ["a", "c", "d"]


def test_the_newest_run_stays_even_where_it_alone_is_beyond_the_budget(result):
    library = Library(budget=1)
    for name in "ab":
        assert library.add(result, name).name == name
        assert [e.name for e in library.list()] == [name]
        time.sleep(0.01)
    assert np.array_equal(library.open("b").mean, result.mean)


def test_what_a_killed_program_left_half_written_is_cleared_away(result):
    library = Library()
    library.add(result, "a")
    old, new = (library.folder / f".run-{n}.qcs" for n in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    library.add(result, "b")
    assert not old.exists() and new.exists() and [e.name for e in library.list()] == ["b", "a"]


def test_a_damaged_index_is_made_anew_and_a_damaged_document_not_listed(result):
    library = Library()
    library.add(result, "good")
    (library.folder / "bad.qcs").write_bytes(b"nothing")
    for content in (b"no database at all" * 100, b""):
        (library.folder / "index.sqlite").write_bytes(content)
        assert [e.name for e in library.list()] == ["good"]
    with pytest.raises(InputError, match="damaged"):
        library.open("bad")
    with sqlite3.connect(library.folder / "index.sqlite") as index:
        index.execute("UPDATE runs SET stamp = 'old', name = 'wrong'")
    assert [e.name for e in library.list()] == ["good"]


KILLED = """
import sys
from engine.runs import RunSpec, reconstruct
from engine.runs.library import Library
result, library = reconstruct(RunSpec(algorithm="turbo rounds=2 levels=2", samples=2)), Library()
print("ready", flush=True)
for number in range(10_000):
    name = library.add(result, f"run {number}").name
    print(name, flush=True)
    library.pin(name)
"""


@pytest.mark.slow
def test_kills_leave_no_corrupt_document_and_lose_no_finished_run(tmp_path, monkeypatch):
    rng = random.Random(0)
    for attempt in range(5):
        monkeypatch.setenv("QCS_STUDIO_DATA", str(tmp_path / f"data{attempt}"))
        with subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(rng.uniform(0.05, 0.6))
            process.send_signal(signal.SIGKILL)
            finished = [line.strip() for line in process.stdout if line.endswith("\n")]
        library = Library()
        assert {e.name for e in library.list()} >= set(finished)
        for entry in library.list():
            open_run(entry.path)


@pytest.mark.slow
def test_run_saves_repeats_and_runs_manages(tmp_path, capsys):
    base = ["run", "--algorithm", "turbo rounds=2 levels=2", "--samples", "2", "--threads", "1"]
    assert qcs(*base, "--save", "mine", "--out", str(tmp_path / "a")) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["run"] == "mine"
    assert qcs(*base, "--save", "mine", "--out", str(tmp_path / "b")) == 2
    assert "already" in capsys.readouterr().err and not (tmp_path / "b").exists()
    assert qcs("run", "--from", "mine", "--no-save", "--threads", "1", "--out", str(tmp_path / "c")) == 0
    arrays = [np.load(tmp_path / d / "result.npz")["samples"] for d in "ac"]
    assert np.array_equal(*arrays)
    assert qcs("runs", "list", "--json") == 0
    listed = json.loads("[" + capsys.readouterr().out.split("\n[", 1)[-1])
    assert [e["name"] for e in listed] == ["mine"]
    assert qcs("runs", "pin", "mine") == qcs("runs", "rename", "mine", "ours") == 0
    assert qcs("runs", "export", "ours", "--out", str(tmp_path / "d")) == 0 and (tmp_path / "d/result.json").is_file()
    assert qcs("runs", "show", "ours") == 0
    assert qcs("runs", "delete", "ours") == 0 and qcs("runs", "show", "ours") == 2
    assert qcs("run", "--from", "ours", "--noise", "0.1", "--out", str(tmp_path / "e")) == 2


@pytest.mark.slow
def test_own_measurements_are_repeated_when_their_file_has_gone(tmp_path, capsys):
    rng = np.random.default_rng(0)
    A = rng.normal(size=(60, 784)) / 8
    np.savez(tmp_path / "m.npz", y=np.sign(A @ rng.random(784)), A=A, shape=[28, 28], noise=0.1)
    words = ["run", "--algorithm", "turbo rounds=2 levels=2", "--samples", "2", "--threads", "1"]
    assert qcs(*words, "--measurement", str(tmp_path / "m.npz"), "--save", "own", "--out", str(tmp_path / "a")) == 0
    (tmp_path / "m.npz").unlink()
    assert qcs("run", "--from", "own", "--no-save", "--threads", "1", "--out", str(tmp_path / "b")) == 0
    arrays = [np.load(tmp_path / d / "result.npz")["samples"] for d in "ab"]
    assert np.array_equal(*arrays)
