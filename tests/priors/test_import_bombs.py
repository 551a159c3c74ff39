"""Small checkpoints that were made to take all memory or never to end."""

import pickle
import struct
import time
import zipfile

import pytest
import torch
from made_networks import nothing_written, score_net

from engine.errors import InputError
from engine.priors.importing.checkpoints import read_checkpoint

START, TWICE = b"\x80\x02", b"q\x00h\x00\x86"
KEY = b"X\x01\x00\x00\x00a"


def name(module, word):
    return f"c{module}\n{word}\n".encode()


def whole(number):
    return b"\x8a\x08" + struct.pack("<q", number)


def tensor(stored, shape, strides, offset=0):
    storage = b"(X\x07\0\0\0storage" + name("torch", "FloatStorage") + b"X\x01\0\0\x000X\x03\0\0\0cpu" + whole(stored)
    lists = b"".join(b"(" + b"".join(map(whole, numbers)) + b"t" for numbers in (shape, strides))
    made = name("torch._utils", "_rebuild_tensor_v2") + b"(" + storage + b"tQ" + whole(offset) + lists
    return made + b"\x89" + name("collections", "OrderedDict") + b")RtR"


def entry(value):
    return START + b"}" + KEY + value + b"s."


resource = pytest.importorskip("resource")

BOMBS = {
    "lists": START + b"(" + b"]" * (3 << 20) + b"l.",
    "dropped lists": START + b"]0" * (2 << 20) + b"].",
    "kept lists": START + b"]" * (4_000_000) + b".",
    "many lists": START + b"(" + b"]" * (60 << 20) + b"l.",
    "endless hash": START + b"})" + TWICE * 60 + b"K\x01s.",
    "deep hash": START + b"})" + b"\x85" * 300_000 + b"K\x01s.",
    "deep list": START + b"]" * 100_000 + b"a" * 99_999 + b".",
    "bytes": entry(name("builtins", "bytearray") + whole(1 << 32) + b"\x85R"),
    "empty tensor": entry(name("torch", "Tensor") + whole(1 << 32) + b"\x85R"),
    "empty storage": entry(name("torch", "FloatStorage") + whole(1 << 32) + b"\x85R"),
    "repeated": entry(tensor(4, (1 << 40,), (0,))),
    "repeated little": entry(tensor(4, (1 << 20,), (0,))),
    "beyond": entry(tensor(4, (5,), (1,))),
    "beyond by offset": entry(tensor(4, (4,), (1,), 1)),
    "large storage": entry(tensor(1 << 40, (1 << 40,), (1,))),
    "many": START + b"}(" + b"".join(b"X\x04\0\0\0%04d" % i + tensor(4, (1 << 12,), (0,)) for i in range(2000)) + b"u.",
    "negative": entry(tensor(4, (-4,), (1,))),
}


def archived(path, content, packing):
    with zipfile.ZipFile(path, "w", packing) as archive:
        archive.writestr("a/data.pkl", content)
        archive.writestr("a/byteorder", "little")
        archive.writestr("a/data/0", bytes(16))
        archive.writestr("a/version", "3\n")


@pytest.mark.slow
@pytest.mark.parametrize("way", ["packed", "stored", "plain"])
@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_one_sentence(tmp_path, bomb, way):
    path = tmp_path / "bomb.pth"
    if way == "plain":
        path.write_bytes(BOMBS[bomb])
    else:
        archived(path, BOMBS[bomb], zipfile.ZIP_DEFLATED if way == "packed" else zipfile.ZIP_STORED)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with pytest.raises(InputError) as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - start < 8  # two where nothing else runs
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10
    assert nothing_written()


@pytest.mark.parametrize("new", [True, False])
def test_what_good_checkpoints_hold_passes(tmp_path, new):
    state = score_net().state_dict()  # an ordered dictionary with attributes
    network = torch.nn.Linear(3, 3)
    optimiser = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    content = {
        "state_dict": state | {"turned": torch.arange(6.0).reshape(2, 3).T, "scalar": torch.tensor(3), "none": torch.zeros(0, 4)},
        "ema": {k: torch.nn.Parameter(v) for k, v in state.items() if k != "sigmas"},
        "optimiser": optimiser.state_dict(), "random": torch.get_rng_state(), "size": torch.Size([1, 2]), "kind": torch.float16,
        "words": ["a", b"bytes", None, 1.5, (1, 2)], "set": {1, 2}, "device": torch.device("cpu"),
    }  # fmt: skip
    torch.save(content, tmp_path / "n.pth", _use_new_zipfile_serialization=new)
    read = read_checkpoint(tmp_path / "n.pth", ema=False).tensors
    assert torch.equal(read["turned"], torch.tensor([[0.0, 3], [1, 4], [2, 5]]))
    assert read["none"].shape == (0, 4)
    assert all(torch.equal(read[k], v) for k, v in state.items())


def test_plain_pickles_are_no_checkpoints(tmp_path):
    (tmp_path / "n.pth").write_bytes(pickle.dumps({"a": [1, 2, 3]}, protocol=2))
    with pytest.raises(InputError, match="not a whole checkpoint"):
        read_checkpoint(tmp_path / "n.pth")
