"""Pictures that a camera took as measurements, with a kernel in a file beside them."""

import numpy as np
import pytest

from engine.errors import InputError
from engine.images import save_png
from engine.sensing.entries import assemble
from engine.sensing.files import read_pieces
from engine.sensing.own import Completion


@pytest.fixture
def kernel(tmp_path):
    kernel = np.zeros((1, 3, 5))
    kernel[0, 1], kernel[0, 0, 0] = 0.4, 0.8
    save_png(tmp_path / "kernel.png", kernel)
    return kernel[0]


def completed(tmp_path, recipe, seen="seen.png"):
    recipe = recipe.replace("FILE", str(tmp_path / "kernel.png"))
    return assemble(Completion(recipe=recipe, noise=0.01).apply(read_pieces(tmp_path / seen)))


@pytest.mark.parametrize(("channels", "border"), [(1, "cropped"), (3, "cropped"), (1, "dark")])
def test_the_scene_of_a_camera_follows_from_picture_kernel_and_border(tmp_path, kernel, channels, border):
    seen = np.random.default_rng(0).random((channels, 12, 20))
    save_png(tmp_path / "seen.png", seen)
    made = completed(tmp_path, f"blur kernel=image file=FILE border={border}")
    assert made.operator.image_shape == (channels, *((14, 24) if border == "cropped" else (12, 20)))
    np.testing.assert_allclose(made.values[0].numpy().reshape(seen.shape), np.rint(seen * 255) / 255, atol=1e-6)
    assert made.operator.kernel.sum() == pytest.approx(1)


def test_a_turned_kernel_is_turned(tmp_path, kernel):
    save_png(tmp_path / "seen.png", np.zeros((1, 12, 20)))
    made = [completed(tmp_path, f"blur kernel=image file=FILE border=cropped turned={t}") for t in ("false", "true")]
    np.testing.assert_allclose(made[1].operator.kernel, made[0].operator.kernel.flip(0, 1))
    assert not np.allclose(made[1].operator.kernel, made[0].operator.kernel)


def test_a_kernel_that_is_drawn_needs_no_file(tmp_path, kernel):
    save_png(tmp_path / "seen.png", np.zeros((1, 12, 20)))
    assert completed(tmp_path, "blur width=0.5 border=cropped").operator.image_shape == (1, 16, 24)
    assert completed(tmp_path, "blur width=0.5").operator.image_shape == (1, 12, 20)


def test_a_periodic_camera_is_refused_with_the_way_out(tmp_path, kernel):
    save_png(tmp_path / "seen.png", np.zeros((1, 12, 20)))
    with pytest.raises(InputError, match="border=cropped"):
        completed(tmp_path, "blur kernel=image file=FILE")


def test_a_picture_alone_is_asked_for_its_operator(tmp_path):
    save_png(tmp_path / "seen.png", np.zeros((1, 12, 20)))
    with pytest.raises(InputError, match="blur kernel=image"):
        assemble(read_pieces(tmp_path / "seen.png"))
