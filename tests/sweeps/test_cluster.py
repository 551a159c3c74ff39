"""Cells on a Dask cluster on this machine."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import pytest

from engine.errors import InputError
from engine.sweeps.definition import Sweep
from engine.sweeps.runner import run_sweep
from engine.sweeps.table import rows_of

distributed = pytest.importorskip("distributed")
from engine.sweeps.cluster import Cluster  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


def table(result):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows_of(result.plan.sweep, result.rows)]


@contextlib.contextmanager
def cluster(workers: int):
    """A scheduler and so many workers, each a process, as ``qcs worker`` starts them: the address, and the workers."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": {**os.environ, "OMP_NUM_THREADS": "1"}}
    code = (
        "import asyncio, sys, distributed\n"
        "async def serve():\n"
        "    async with distributed.Scheduler(port=0, host='127.0.0.1', dashboard=False) as scheduler:\n"
        "        print(scheduler.address, flush=True)\n"
        "        await scheduler.finished()\n"
        "asyncio.run(serve())\n"
    )
    scheduler = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    address = scheduler.stdout.readline().strip()
    command = [sys.executable, "-m", "engine.cli", "worker", address]
    processes = [subprocess.Popen(command, **quiet) for _ in range(workers)]
    try:
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=120)
        yield address, processes
    finally:
        for process in [*processes, scheduler]:
            process.kill()
            process.wait()
        scheduler.stdout.close()


@pytest.mark.slow
def test_one_of_two_workers_is_killed_half_way(grid, tmp_path):
    sweep = Sweep.parse(f"limit = 4\n{grid.read_text()}", beside=grid.parent)
    here = run_sweep(sweep, tmp_path / "here")
    with cluster(2) as (address, workers):

        def told(progress):
            if progress.done >= progress.total // 2 and workers[0].poll() is None:
                workers[0].kill()

        there = run_sweep(sweep, tmp_path / "there", Cluster(address), progress=told)
        assert workers[0].poll() is not None
    assert table(there) == table(here)


@pytest.mark.slow
def test_priors_of_the_user_travel(grid, tmp_path, monkeypatch):
    """A worker that has another data folder computes with weights that came with the sweep."""
    import shutil
    from pathlib import Path

    from safetensors import safe_open  # noqa: F401

    from engine.priors.library import priors, user_folder

    user_folder().mkdir(parents=True)
    shipped = priors().get("vae-mnist").variants[1][0]
    content = Path(shipped).read_bytes().replace(b'\\"name\\": \\"vae-mnist\\"', b'\\"name\\": \\"my-mnist!\\"')
    assert content != Path(shipped).read_bytes()
    (user_folder() / "mine.safetensors").write_bytes(content)
    assert "my-mnist!" in priors().choices
    shutil.rmtree(tmp_path / "elsewhere", ignore_errors=True)
    text = 'images = ["sample:digit-3"]\n[fixed]\nprior = "my-mnist!"\nalgorithm = "csgm steps=5"\nsamples = 2\ndevice = "cpu"\n'
    sweep = Sweep.parse(text)
    monkeypatch.setenv("QCS_STUDIO_DATA", str(tmp_path / "elsewhere"))
    with cluster(1) as (address, _):
        monkeypatch.setenv("QCS_STUDIO_DATA", str(tmp_path / "data"))
        result = run_sweep(sweep, tmp_path / "out", Cluster(address))
    assert not result.errors and len(result.rows) == 1


def test_no_scheduler_is_a_sentence(grid, tmp_path, monkeypatch):
    monkeypatch.setattr("engine.sweeps.cluster.SECONDS_TO_CONNECT", 0.2)
    with pytest.raises(InputError, match=r"no Dask scheduler at 'tcp://127\.0\.0\.1:9'"):
        run_sweep(Sweep.read(grid), tmp_path / "out", Cluster("tcp://127.0.0.1:9"))
