"""Stacks of frames in one TIFF file: added up, and taken for what the user says they are."""

import json
import warnings

import numpy as np
import pytest
import tifffile
from PIL import Image

from engine.cli import main
from engine.errors import InputError
from engine.images import is_stack, read_stack
from engine.sensing.entries import assemble
from engine.sensing.files import read_pieces

RNG = np.random.default_rng(0)
CLICKS = (RNG.random((12, 6, 8)) < 0.3).astype(np.uint8)
COUNTS = RNG.poisson(4, (5, 6, 8)).astype(np.uint16)


@pytest.mark.parametrize("frames", [CLICKS, 255 * CLICKS, CLICKS.astype(bool), CLICKS.astype(np.float32)])
def test_clicks_are_binomial_counts(tmp_path, frames):
    tifffile.imwrite(tmp_path / "clicks.tif", frames, photometric="minisblack")
    pieces = read_pieces(tmp_path / "clicks.tif")
    assert (pieces["y"] == CLICKS.sum(0)).all()
    assert json.loads(str(pieces["photons"])) == {"kind": "clicks", "frames": 12}
    recipe = np.array(json.dumps({"recipe": "identity", "seed": 0}))
    seen = assemble(pieces | {"operator": recipe, "shape": np.array([6, 8]), "noise": np.array(0.0)})
    assert seen.quantizer.frames == 12


def test_frames_of_numbers_are_what_the_user_says(tmp_path):
    path = tmp_path / "counts.tif"
    tifffile.imwrite(path, COUNTS, photometric="minisblack")
    with pytest.raises(InputError, match="holds 5 frames; say whether they are single-photon clicks"):
        read_pieces(path)
    with pytest.raises(InputError, match="no stack of clicks"):
        read_pieces(path, "clicks")
    with pytest.raises(InputError, match="give one of auto, clicks"):
        read_pieces(path, "median")
    assert (read_pieces(path, "sum")["y"] == COUNTS.sum(0)).all()
    assert json.loads(str(read_pieces(path, "counts")["photons"])) == {"kind": "counts", "frames": 5}
    assert read_pieces(path, "mean")["y"] == pytest.approx(COUNTS.mean(0) / 65535)


def test_pillow_writes_stacks_too_and_colour_is_kept(tmp_path):
    frames = [Image.fromarray(RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)) for _ in range(3)]
    frames[0].save(tmp_path / "colour.tif", save_all=True, append_images=frames[1:], compression="tiff_lzw")
    mean = read_pieces(tmp_path / "colour.tif", "mean")["y"]
    expected = np.mean([np.asarray(f) for f in frames], 0).transpose(2, 0, 1) / 255
    assert mean == pytest.approx(expected)


@pytest.mark.parametrize("count", [3, 4])
def test_three_or_four_frames_as_tifffile_writes_them_unless_told(tmp_path, count):
    frames, path = COUNTS[:count], tmp_path / "few.tif"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer versions want to be told
        tifffile.imwrite(path, frames)
    with tifffile.TiffFile(path) as tiff:
        assert len(tiff.pages) == 1, "planes of colours"
    assert (read_pieces(path, "sum")["y"] == frames.sum(0)).all()
    assert json.loads(str(read_pieces(path, "counts")["photons"])) == {"kind": "counts", "frames": count}
    assert not is_stack(path), "a picture, as long as nobody asks for frames"


def test_single_pictures_and_bad_stacks(tmp_path):
    tifffile.imwrite(tmp_path / "one.tif", COUNTS[0])
    assert not is_stack(tmp_path / "one.tif")
    with pytest.raises(InputError, match="no TIFF file of several frames"):
        read_pieces(tmp_path / "one.tif", "sum")
    with tifffile.TiffWriter(tmp_path / "odd.tif") as writer:
        for shape in ((6, 8), (6, 8), (4, 4)):
            writer.write(np.ones(shape, np.uint8), contiguous=False)
    with pytest.raises(InputError, match=r"Frame 3 of 'odd\.tif'"):
        read_stack(tmp_path / "odd.tif")
    content = (tmp_path / "odd.tif").read_bytes()
    (tmp_path / "cut.tif").write_bytes(content[:60])
    with pytest.raises(InputError):
        read_pieces(tmp_path / "cut.tif")


def test_a_stack_on_the_command_line(tmp_path):
    tifffile.imwrite(tmp_path / "clicks.tif", CLICKS, photometric="minisblack")
    words = ["run", "--measurement", str(tmp_path / "clicks.tif"), "--operator", "identity", "--gain", "12", "--prior"]
    words += ["total-variation", "--algorithm", "lasso iterations=3 penalty=0.1", "--no-save", "--device", "cpu"]
    assert main([*words, "--stack", "clicks", "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "result.json").is_file()
    assert main(["run", "--image", "sample:digit-3", "--stack", "sum", "--out", str(tmp_path / "other")]) == 2


def test_a_vector_from_a_table(tmp_path):
    np.savetxt(tmp_path / "y.csv", np.arange(5.0) / 4, delimiter=",")
    assert read_pieces(tmp_path / "y.csv")["y"].tolist() == [0, 0.25, 0.5, 0.75, 1]
