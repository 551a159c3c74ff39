"""Damaged and hostile MATLAB files: each is read right or refused in one sentence, and none ends the program."""

import contextlib
import random
import time

import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_matrix

from engine.errors import InputError
from engine.foreign.arrays import read_arrays

ENTRIES = {"y": np.arange(6.0), "shape": [2, 3], "S": csc_matrix(np.eye(4))}


def written(path, packed=False):
    savemat(path, ENTRIES, do_compression=packed)
    return path.read_bytes()


@pytest.mark.parametrize("packed", [False, True])
def test_a_good_file_is_read_right_and_soon(tmp_path, packed):
    written(tmp_path / "m.mat", packed)
    start = time.monotonic()
    arrays = read_arrays(tmp_path / "m.mat")
    assert time.monotonic() - start < 10  # half a second where nothing else runs
    assert arrays["y"].tolist() == [[0, 1, 2, 3, 4, 5]]
    assert (arrays["S"] == np.eye(4)).all()


@pytest.mark.slow
@pytest.mark.parametrize(("at", "value"), [(145, 9), (176, 0), (177, 9), (361, 1), (371, 255), (397, 14)])
def test_files_on_which_scipy_crashes_are_one_sentence(tmp_path, at, value):
    content = bytearray(written(tmp_path / "m.mat"))
    content[at] = value
    (tmp_path / "m.mat").write_bytes(content)
    with pytest.raises(InputError, match=r"^'m.mat' (cannot be read|unpacks|takes too long)[^\n]*$"):
        read_arrays(tmp_path / "m.mat")


@pytest.mark.slow
def test_random_damage(tmp_path):
    draw = random.Random(0)
    for number in range(12):
        content = bytearray(written(tmp_path / "m.mat", packed=number % 2 == 1))
        for _ in range(draw.choice((1, 4))):
            content[draw.randrange(128, len(content))] = draw.randrange(256)
        (tmp_path / "m.mat").write_bytes(content[: draw.choice((None, None, draw.randrange(len(content))))])
        with contextlib.suppress(InputError):
            assert all(isinstance(a, np.ndarray) for a in read_arrays(tmp_path / "m.mat").values())


def test_structs_are_flat_names(tmp_path):
    inner = {"angles": np.arange(3.0), "text": "two words", "lists": np.array([1, "a"], object)}
    savemat(tmp_path / "m.mat", {"scan": {"type": "2d", "values": np.eye(2), "more": inner}}, do_compression=True)
    arrays = read_arrays(tmp_path / "m.mat")
    assert sorted(arrays) == ["scan.more.angles", "scan.more.text", "scan.type", "scan.values"]
    assert str(arrays["scan.more.text"]) == "two words"
    assert (arrays["scan.values"] == np.eye(2)).all()
    savemat(tmp_path / "bomb.mat", {"scan": {"values": np.zeros((5000, 5000))}}, do_compression=True)
    with pytest.raises(InputError, match=r"bomb\.mat"):
        read_arrays(tmp_path / "bomb.mat")


def test_files_that_unpack_to_far_more_are_not_unpacked(tmp_path):
    savemat(tmp_path / "dense.mat", {"A": np.zeros((5000, 5000))}, do_compression=True)
    savemat(tmp_path / "sparse.mat", {"A": csc_matrix((100_000, 100_000))})
    for name in ("dense", "sparse"):
        with pytest.raises(InputError, match="far less"):
            read_arrays(tmp_path / f"{name}.mat")
