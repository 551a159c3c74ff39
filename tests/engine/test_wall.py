"""The wall around readers of foreign files: what goes wrong behind it is one sentence here."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from engine.errors import InputError
from engine.foreign.wall import Answer, read_behind_wall

HERE = "behind_the_wall"
ROOT = Path(__file__).resolve().parents[2]


def read(what, path="file.mat", memory=64 << 20, seconds=1.0, largest=1 << 20):
    return read_behind_wall(f"{HERE}:{what}", Path(path), memory, seconds, largest)


def test_arrays_and_facts_come_back_as_they_are():
    answer = read("plain")
    assert isinstance(answer, Answer)
    assert answer.facts == {"path": "file.mat", "modules": []}
    assert answer.arrays["turned"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert answer.arrays["big"].dtype == np.dtype(">f8")
    assert str(answer.arrays["word"]) == "wörd"
    assert answer.arrays["none"].shape == (0, 3)


@pytest.mark.parametrize("what", ["crash", "hang", "objects", "too_much", "lies", "error", "deep"])
def test_what_goes_wrong_there_is_one_sentence_here(what, capfd):
    start = time.monotonic()
    with pytest.raises(InputError, match=r"^'file.mat' .*damaged; save it again\.$"):
        read(what)
    assert time.monotonic() - start < 20
    assert capfd.readouterr().err == ""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="no limit of memory")
def test_memory_is_limited():
    with pytest.raises(InputError, match="damaged"):
        read("greedy", seconds=20.0)


def test_sentences_come_through():
    with pytest.raises(InputError, match=r"^no such luck\.$"):
        read("refuse")


def test_it_works_from_threads():
    found = []
    threads = [threading.Thread(target=lambda: found.append(read("plain", seconds=20.0))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3


@pytest.mark.parametrize("way", ["stdin", "file"])
def test_the_script_that_reads_is_not_run_twice(tmp_path, way):
    """Neither one without a main guard nor one that comes from a pipe."""
    np.savez(tmp_path / "m.npz", y=np.ones(3))
    script = (
        f"import sys; sys.path[:0] = [{str(Path(__file__).parent)!r}]; print('once')\n"
        "from pathlib import Path; from engine.foreign.wall import read_behind_wall\n"
        f"print(read_behind_wall('{HERE}:plain', Path('x.mat'), 1 << 26, 20.0, 1 << 20).facts['path'])\n"
    )
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "-" if way == "stdin" else str(tmp_path / "script.py")],
        input=script, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.stdout.split(), done.stderr) == (["once", "x.mat"], "")
