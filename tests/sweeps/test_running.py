"""Sweeps while they run: resumed, stopped, failing, in other processes; always the same table."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from engine.control import Control
from engine.errors import EngineError, InputError
from engine.sweeps import work
from engine.sweeps.definition import Sweep
from engine.sweeps.records import Store
from engine.sweeps.runner import run_sweep
from engine.sweeps.table import rows_of
from engine.sweeps.workers import InProcess, Pool


def table(result):
    """The rows without their times, which no two runs share."""
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows_of(result.plan.sweep, result.rows)]


@pytest.fixture
def small(grid):
    """Four combinations of three pictures."""
    text = (
        grid.read_text()
        .replace("[20, 40, 60]", "[20, 40]")
        .replace('["one-bit", "uniform bits=2", "none"]', '["one-bit"]')
    )
    grid.write_text(f"limit = 3\n{text}")
    return Sweep.read(grid)


def test_every_cell_has_a_row_with_its_settings(small, tmp_path):
    result = run_sweep(small, tmp_path / "out")
    rows = rows_of(small, result.rows)
    assert len(rows) == 12 and not result.errors
    assert [(r["operator.measurements"], r["method"], r["index"]) for r in rows[:4]] == [
        (20, "lasso", 0), (20, "lasso", 1), (20, "lasso", 2), (20, "biht", 0),
    ]  # fmt: skip
    assert rows[0]["image"] == "picture-0" and "measurements=20" in rows[0]["operator"]
    assert all(isinstance(row["psnr_mean"], float) for row in rows)


def test_a_cell_is_what_a_run_of_that_recipe_gives(small, tmp_path, pictures):
    from engine.runs import RunSpec, reconstruct

    result = run_sweep(small, tmp_path / "out")
    record = result.rows[0]
    again = reconstruct(RunSpec.from_dict(record.recipe))
    assert record.recipe["image"] == str(pictures / "picture-0.png")
    assert again.metrics()["psnr_mean"] == pytest.approx(record.values["psnr_mean"], abs=1e-4)


def test_what_is_done_is_not_done_again(small, tmp_path, monkeypatch):
    whole = run_sweep(small, tmp_path / "out")
    cells = sorted((tmp_path / "out/cells").iterdir())
    cells[0].unlink()
    cells[1].write_text(cells[1].read_text()[:-20])  # cut short, as by a full disk
    computed = []
    real = work.compute
    monkeypatch.setattr(work, "compute", lambda task, *more: computed.append(task.indices) or real(task, *more))
    again = run_sweep(small, tmp_path / "out")
    assert again.found == 10
    assert 1 <= len(computed) <= 2
    assert table(again) == table(whole)


def test_other_values_are_added_to_what_is_there(small, grid, tmp_path):
    run_sweep(small, tmp_path / "out")
    more = Sweep.parse(grid.read_text().replace("[20, 40]", "[20, 30, 40]"), beside=grid.parent)
    result = run_sweep(more, tmp_path / "out")
    assert result.found == 12 and len(result.rows) == 18
    assert Store(tmp_path / "out").sweep() == more


def test_a_cell_that_fails_is_one_row_with_its_sentence(small, tmp_path, monkeypatch):
    real, made = work._together, []

    def failing(task, pixels, which, control):
        made.append(list(which))
        if any(task.indices[n] == 1 for n in which) and "biht" in task.recipe["algorithm"]:
            raise EngineError("The picture is no longer finite.")
        return real(task, pixels, which, control)

    monkeypatch.setattr(work, "_together", failing)
    result = run_sweep(small, tmp_path / "out")
    assert [(r.labels["method"], r.index, r.error) for r in result.errors] == [
        ("biht", 1, "The picture is no longer finite.")
    ] * 2
    assert len(result.rows) == 12
    monkeypatch.undo()
    assert run_sweep(small, tmp_path / "out").found == 12  # an error is a result, too
    mended = run_sweep(small, tmp_path / "out", retry=True)
    assert not mended.errors and mended.found == 10


def test_refused_combinations_are_rows(grid, tmp_path):
    text = grid.read_text().replace('biht = { algorithm = "biht iterations=5" }', 'no = { algorithm = "turbo" }')
    result = run_sweep(Sweep.parse(f"limit = 1\n{text}", beside=grid.parent), tmp_path / "out")
    assert len(result.rows) == 18 and len(result.errors) == 9
    assert all("denoiser prior" in record.error for record in result.errors)


def test_cancelling_keeps_what_is_done(small, tmp_path):
    control = Control()
    result = run_sweep(small, tmp_path / "out", control=control, progress=lambda p: p.done >= 4 and control.cancel())
    assert result.cancelled and 4 <= len(result.rows) < 12
    whole = run_sweep(small, tmp_path / "out")
    assert whole.found == len(result.rows) and len(whole.rows) == 12


def test_a_paused_sweep_computes_nothing_until_it_is_resumed(small, tmp_path):
    control, paused, seen = Control(), threading.Event(), []

    def told(progress):
        seen.append(progress)
        if progress.done == 2 and not paused.is_set():
            control.pause()
        if progress.paused:
            paused.set()

    worker = threading.Thread(
        target=lambda: results.append(run_sweep(small, tmp_path / "out", control=control, progress=told))
    )
    results: list = []
    worker.start()
    assert paused.wait(60)
    assert len(list((tmp_path / "out/cells").iterdir())) == 2
    control.resume()
    worker.join(60)
    assert len(results[0].rows) == 12


def test_documents_open_as_runs(small, grid, tmp_path):
    from engine.runs import open_run

    text = grid.read_text().replace("documents = false", "").replace("limit = 3", "limit = 2")
    sweep = Sweep.parse(text, beside=grid.parent)
    result = run_sweep(sweep, tmp_path / "out")
    record = result.rows[1]
    run = open_run(result.store.document(record.identity))
    assert run.metrics()["psnr_mean"] == pytest.approx(record.values["psnr_mean"])
    assert run.spec.image == record.recipe["image"]
    assert len(run.measured["y"]) == 20  # of its own picture, though two were computed together


def test_scores_are_columns(grid, tmp_path):
    text = grid.read_text().replace('"uniform bits=2", "none"', "").replace("[20, 40, 60]", "[40]")
    text = 'limit = 1\nscores = ["trivial", "linear"]\n' + text
    result = run_sweep(Sweep.parse(text, beside=grid.parent), tmp_path / "out")
    assert not result.errors
    for row in rows_of(result.plan.sweep, result.rows):
        assert row["psnr_trivial"] >= row["psnr_seen"] > 0 and row["psnr_linear"] > 0
    with pytest.raises(InputError, match="Unknown score 'trivia'; did you mean trivial"):
        Sweep.parse(text.replace('"trivial"', '"trivia"'), beside=grid.parent)


@pytest.mark.slow
def test_a_pool_gives_the_table_of_one_process(small, tmp_path):
    here = run_sweep(small, tmp_path / "here", InProcess())
    there = run_sweep(small, tmp_path / "there", Pool(2))
    assert table(there) == table(here)


@pytest.mark.slow
def test_a_process_that_is_killed_loses_no_cell(small, tmp_path):
    """The one at fault is found among those that were computed beside it, and the others are computed."""
    here = run_sweep(small, tmp_path / "here")
    killed = []

    def told(progress):
        if progress.done >= 2 and not killed:
            import psutil

            killed.append(True)
            for child in psutil.Process().children():
                if any("spawn_main" in word for word in child.cmdline()):
                    child.kill()
                    break

    there = run_sweep(small, tmp_path / "there", Pool(2), progress=told)
    assert killed and table(there) == table(here)


@pytest.mark.slow
def test_a_pool_is_paused_and_cancelled(small, tmp_path):
    control = Control()
    result = run_sweep(small, tmp_path / "out", Pool(2), control, lambda p: p.done >= 2 and control.cancel())
    assert result.cancelled and len(result.rows) < 12


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on(grid, tmp_path):
    """3 x 3 x 2 combinations of 8 pictures, killed with -9 five times."""
    sweep, out = Sweep.read(grid), tmp_path / "out"
    whole = run_sweep(sweep, tmp_path / "whole")
    moments = random.Random(1)
    before: dict[str, int] = {}
    for kill in range(5):
        goal = len(before) + moments.randrange(4, 28)
        process = subprocess.Popen(
            [sys.executable, "-m", "engine.cli", "sweep", str(grid), "--out", str(out), "--jobs", "1"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        while len(list(out.glob("cells/[!.]*.json"))) < goal and process.poll() is None:
            time.sleep(0.005)
        assert process.poll() is None, f"it was done before kill {kill}"
        process.send_signal(signal.SIGKILL)
        process.wait()
        now = {p.name: p.stat().st_mtime_ns for p in out.glob("cells/[!.]*.json")}
        assert before.items() <= now.items(), "a finished cell was computed again"
        before = now
    result = run_sweep(sweep, out)
    assert result.found == len(before) < 144
    assert table(result) == table(whole)
