"""IDX files and folders of pictures."""

import gzip

import numpy as np
import pytest

from engine.errors import InputError
from engine.images import save_png
from engine.images.datasets import Pictures, load_images, load_labels

IMAGES = np.arange(5 * 4 * 4, dtype=np.uint8).reshape(5, 4, 4)


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


@pytest.mark.parametrize(
    ("name", "pack"), [("a.gz", gzip.compress), ("a", gzip.compress), ("a.gz", bytes), ("a", bytes)]
)
def test_idx_packed_or_not_whatever_its_name(tmp_path, name, pack):
    (tmp_path / name).write_bytes(pack(idx(IMAGES)))
    stack = load_images(tmp_path / name, offset=1, limit=2)
    assert stack.shape == (2, 1, 4, 4)
    assert np.allclose(stack[:, 0], IMAGES[1:3] / 255)
    assert load_images(tmp_path / name, (3, 8, 8)).shape == (5, 3, 8, 8)


def test_labels(tmp_path):
    (tmp_path / "l").write_bytes(idx(np.arange(7, dtype=np.uint8)))
    assert load_labels(tmp_path / "l").tolist() == list(range(7))


def test_folder_in_the_order_of_names(tmp_path):
    for i in (2, 0, 1):
        save_png(tmp_path / f"{i}.png", np.full((1, 6, 6), i / 4, np.float32))
    (tmp_path / "notes.txt").write_text("not a picture")
    assert np.allclose(load_images(tmp_path, (1, 6, 6)).mean((1, 2, 3)), [0, 0.25, 0.5], atol=3e-3)


def test_one_folder_for_each_class(tmp_path):
    for i, kind in enumerate(("bird", "cat")):
        (tmp_path / kind).mkdir()
        for number in (1, 2):
            save_png(tmp_path / kind / f"{number}.png", np.full((1, 6, 6), (2 * number + i) / 8, np.float32))
    pictures = Pictures(tmp_path, limit=3)
    assert pictures.labels == ["bird-1", "cat-1", "bird-2"]
    assert np.allclose([x.mean() for x in pictures], [0.25, 0.375, 0.5], atol=3e-3)
    save_png(tmp_path / "own.png", np.zeros((1, 6, 6), np.float32))
    assert Pictures(tmp_path).labels == ["own"]


def test_an_empty_folder_is_told_from_an_offset_too_high(tmp_path):
    with pytest.raises(InputError, match="holds no pictures"):
        Pictures(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        idx(IMAGES)[:-1],
        idx(IMAGES) + b"x",
        gzip.compress(idx(IMAGES), mtime=0)[:-12],
        bytes([0, 0, 8, 3]) + b"\xff" * 12,
        bytes([0, 0, 8, 3]) + bytes(4) + b"\xff" * 8,
        gzip.compress(bytes([0, 0, 8, 3]) + b"\0\0\0\1" * 3 + bytes(50_000_000), mtime=0),
    ],
)
def test_damaged_idx_is_one_sentence(tmp_path, content):
    (tmp_path / "x.gz").write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_images(tmp_path / "x.gz")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("shape", [(5, 0, 4), (5, 4, 0), (0, 0, 0), (5, 1, 4), (2**32 - 1, 0, 2**32 - 1)])
def test_pictures_without_a_side_are_refused(tmp_path, shape, pack):
    header = bytes([0, 0, 8, 3]) + np.array(shape, ">u4").tobytes()
    (tmp_path / "x").write_bytes(pack(header + bytes(20 if 1 in shape else 0)))
    for read in (load_images, Pictures):
        with pytest.raises(InputError, match=r"holds pictures of \d+ x \d+ pixels; they need at least 2"):
            read(tmp_path / "x")


@pytest.mark.parametrize(("offset", "limit"), [(5, 1), (-1, 1), (0, 0)])
def test_offsets_outside_are_refused(tmp_path, offset, limit):
    (tmp_path / "x").write_bytes(idx(IMAGES))
    with pytest.raises(InputError):
        load_images(tmp_path / "x", offset=offset, limit=limit)
