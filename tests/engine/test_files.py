"""Writes: all or none, nothing left behind, JSON that every reader takes; damaged arrays."""

import errno
import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from engine.errors import InputError
from engine.files import (
    STALE_SECONDS,
    all_or_none,
    json_text,
    make_folder,
    remove_file,
    write_atomically,
    write_json,
)
from engine.foreign.arrays import read_arrays, read_matrix, save_arrays


def put(path, content):
    return write_atomically(path, lambda p: p.write_text(content))


def write_three(folder):
    with all_or_none():
        put(folder / "a.txt", "new a")
        put(folder / "b.txt", "new b")
        remove_file(folder / "c.txt")


@pytest.fixture
def folder(tmp_path):
    for name in "ac":
        put(tmp_path / f"{name}.txt", f"old {name}")
    return tmp_path


def contents(folder):
    return {p.name: p.read_text() for p in folder.iterdir() if p.is_file()}


def test_all_is_written_and_removed_at_the_end(folder):
    write_three(folder)
    assert contents(folder) == {"a.txt": "new a", "b.txt": "new b"}


def test_a_rename_that_fails_undoes_those_before_it(folder):
    (folder / "b.txt").mkdir()  # a folder stands where the second file belongs
    with pytest.raises(InputError, match=r"b\.txt"):
        write_three(folder)
    assert contents(folder) == {"a.txt": "old a", "c.txt": "old c"}


@pytest.mark.parametrize("links", [True, False], ids=["second names", "copies"])
@pytest.mark.parametrize("fails", range(3))
def test_whichever_change_fails_none_is_made(folder, monkeypatch, fails, links):
    count = iter(range(9))
    replace, unlink = Path.replace, Path.unlink

    def fail_or(do):
        def change(path, *more, **how):
            target = Path(more[0]) if more else path
            if target.suffix == ".txt" and not target.name.startswith(".") and next(count) == fails:
                raise OSError(errno.EIO, "Input/output error")
            return do(path, *more, **how)

        return change

    monkeypatch.setattr(Path, "replace", fail_or(replace))
    monkeypatch.setattr(Path, "unlink", fail_or(unlink))
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(errno.EPERM, "no links here")))
    with pytest.raises(InputError, match="Input/output error"):
        write_three(folder)
    assert contents(folder) == {"a.txt": "old a", "c.txt": "old c"}


def test_a_block_within_another_ends_with_it(folder):
    def write_four():
        with all_or_none():
            write_three(folder)
            put(folder / "no folder" / "d.txt", "")

    with pytest.raises(InputError, match=r"d\.txt"):
        write_four()
    assert contents(folder) == {"a.txt": "old a", "c.txt": "old c"}


def test_what_a_killed_program_left_is_swept_and_nothing_else(tmp_path):
    names = {".qcs-half-abc.npz": 2, ".qcs-now-abc.npz": 0, ".mine.npz": 2, "plain.npz": 2}
    for number, write in enumerate((make_folder, lambda folder: put(folder / "x.txt", ""))):
        place = tmp_path / str(number)
        place.mkdir()
        for name, hours in names.items():
            (place / name).write_bytes(b"half")
            then = (place / name).stat().st_mtime - hours * STALE_SECONDS
            os.utime(place / name, (then, then))
        write(place)
        assert {p.name for p in place.iterdir()} - {"x.txt"} == names.keys() - {".qcs-half-abc.npz"}


def test_json_has_null_for_what_is_no_number(tmp_path):
    value = {"a": [1.0, float("nan"), {"b": -float("inf")}], "c": (np.float64("inf"), "inf")}
    wanted = {"a": [1.0, None, {"b": None}], "c": [None, "inf"]}
    assert json.loads(json_text(value), parse_constant=pytest.fail) == wanted
    assert json.loads(write_json(tmp_path / "a.json", value).read_text(), parse_constant=pytest.fail) == wanted


def test_what_is_written_is_never_taken_for_a_bomb(tmp_path):
    mask = np.zeros((1024, 784), np.float32)
    mask[np.arange(784), np.arange(784)] = 1
    assert np.array_equal(read_arrays(save_arrays(tmp_path / "m.npz", {"A": mask}))["A"], mask)
    np.savez_compressed(tmp_path / "bomb.npz", A=mask)
    with pytest.raises(InputError, match="from far less"):
        read_arrays(tmp_path / "bomb.npz")
    noise = np.random.default_rng(0).normal(size=(600, 784))
    whole = np.round(noise).astype(np.int64)  # what does not shrink to nothing stays compressed
    assert save_arrays(tmp_path / "n.npz", {"A": whole}).stat().st_size < whole.nbytes / 4


HEADERS = [
    "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4)",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (03, 4)}",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (" + "9" * 30 + ", 4)}",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 4)}",
    "{b'descr': '<f8', 'fortran_order': False, 'shape': (3, 4)}",
    "{'descr': {}, 'fortran_order': False, 'shape': (3, 4)}",
    "(" * 3000,
    "\0",
]


@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
def test_a_malformed_header_of_an_array_is_a_sentence(tmp_path, header):
    import zipfile

    text = header.encode() + b"\n"
    raw = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + b"\0" * 96
    (tmp_path / "a.npy").write_bytes(raw)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("A.npy", raw)
    for name in ("a.npy", "a.npz"):
        with pytest.raises(InputError, match=rf"^'{name}' [^\n]+\.$"):
            read_matrix(tmp_path / name)
