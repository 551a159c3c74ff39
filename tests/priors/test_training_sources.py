"""Where training batches come from."""

import numpy as np
import pytest
import torch

from engine.errors import InputError
from engine.images import save_png
from engine.priors.training.settings import DenoiserTraining
from engine.priors.training.sources import PhotoCrops, make_source


@pytest.fixture
def photos(tmp_path):
    """Twenty pictures of different sizes whose pixel values tell where they are."""
    for i in range(20):
        height, width = 40 + i, 60 - i
        ramp = np.add.outer(np.arange(height), np.arange(width)) / (height + width)
        save_png(tmp_path / f"{i:02}.png", np.stack([ramp, ramp[::-1], np.full_like(ramp, i / 20)]).astype(np.float32))
    return tmp_path


def test_crops_are_seeded_cut_from_the_photographs_and_turned(photos):
    source = make_source(DenoiserTraining(images=str(photos), out="x.safetensors", crops=True, side=16))
    assert isinstance(source, PhotoCrops)
    assert source.shape == (3, 16, 16)
    first, again, other = (source.batch(64, torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == (64, 3, 16, 16)
    flat = first[:, 2].flatten(1)
    assert float((flat.max(1).values - flat.min(1).values).max()) == 0  # the third channel names the photograph
    assert len(flat[:, 0].unique()) > 10
    slopes = first[:, 0, -1, 0] - first[:, 0, 0, 0]
    assert (slopes > 0).any() and (slopes < 0).any()  # turned and mirrored
    everything = torch.cat([p.flatten() for p in source.photos]).double() / 255
    assert source.mean == pytest.approx(float(everything.mean()), abs=1e-6)
    assert source.deviation == pytest.approx(float(everything.std(correction=0)), abs=1e-6)


def test_colour_can_be_made_grey_and_held_out_images_keep_their_size(photos):
    source = make_source(DenoiserTraining(images=str(photos), out="x.safetensors", crops=True, side=16, colour="grey"))
    assert source.shape == (1, 16, 16)
    held = source.held_out(str(photos))
    assert held[0].shape == (1, 40, 60)


def test_too_little_to_train_on_is_one_sentence(photos, tmp_path):
    with pytest.raises(InputError, match="too few"):
        make_source(DenoiserTraining(images=str(photos), out="x.safetensors", crops=True, side=58))
    (tmp_path / "set.idx").write_bytes(b"")
    with pytest.raises(InputError, match="IDX"):
        make_source(DenoiserTraining(images=str(tmp_path / "set.idx"), out="x.safetensors", crops=True))


def test_squares_are_cut_where_it_is_said_and_changed_only_when_asked(photos):
    settings = DenoiserTraining(images=str(photos), out="x.safetensors", side=16, region="25,20,30")
    plain = make_source(settings)
    assert plain.shape == (3, 16, 16)
    assert plain.kept[0].shape == (3, 16, 16)  # of twenty, every sixteenth is kept
    draw = plain.batch(200, torch.Generator().manual_seed(0)).flatten(1)
    assert len(draw.unique(dim=0)) <= 19
    varied = make_source(settings.replace(augment=True))
    first, again, other = (varied.batch(200, torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len(first.flatten(1).unique(dim=0)) == 200
    assert bool((first >= 0).all() and (first <= 1).all())
    assert varied.mean == plain.mean  # judged by what is not changed
    slopes = first[:, 0, 8, -1] - first[:, 0, 8, 0]
    assert (slopes > 0).any() and (slopes < 0).any()  # mirrored
    tones = first[:, 2].flatten(1)
    assert float((tones.max(1).values - tones.min(1).values).max()) < 0.02  # the third channel stays flat
    assert varied.held_out(str(photos))[0].equal(plain.held_out(str(photos))[0])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"region": "1,2"}, "three numbers"),
        ({"region": "1,2,x"}, "three numbers"),
        ({"region": "1,2,-5"}, "side of at least 1"),
        ({"region": "20,20,10", "crops": True}, "leave out augment and region"),
        ({"augment": True, "crops": True}, "leave out augment and region"),
    ],
)
def test_regions_that_make_no_sense_are_one_sentence(photos, words, says):
    with pytest.raises(InputError, match=says):
        make_source(DenoiserTraining(images=str(photos), out="x.safetensors", side=16, **words))


@pytest.mark.parametrize("crops", [True, False])
def test_broken_pictures_are_left_out_and_said(photos, crops):
    settings = DenoiserTraining(images=str(photos), out="x.safetensors", crops=crops, side=16)
    whole = make_source(settings)
    cropped = "" if crops else "19 pictures are not square: the middle was taken, at 16 x 16."
    assert whole.note == cropped
    (photos / "00a.png").write_bytes(b"no picture")
    assert make_source(settings).note.removesuffix(cropped).strip() == (
        "1 picture could not be read and was left out: '00a.png'."
    )
    (photos / "000.png").write_bytes((photos / "03.png").read_bytes()[:200])  # the very first one
    source = make_source(settings)
    assert (
        source.note.removesuffix(cropped).strip()
        == "2 pictures could not be read and were left out, the first of them '000.png'."
    )
    assert source.shape == whole.shape
    first, second = (s.batch(8, torch.Generator().manual_seed(0)) for s in (whole, source))
    assert torch.equal(first, second)
    for i in range(5):
        (photos / f"{i:02}.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"15 .*too few to train on; give at least 16"):
        make_source(settings)
    for path in photos.iterdir():
        path.write_bytes(b"")
    with pytest.raises(InputError, match="0 images are too few to train on; give at least 16"):
        make_source(settings)


def test_tables_do_not_leave_pictures_out(photos):
    from engine.images.datasets import Pictures, load_images

    (photos / "07a.png").write_bytes(b"no picture")
    for read in (lambda: list(Pictures(photos)), lambda: load_images(photos, (3, 16, 16))):
        with pytest.raises(InputError, match=r"'07a\.png'"):
            read()


def test_a_square_that_is_not_moved_is_the_plain_one(photos):
    from engine.priors.training.squares import _moved

    settings = DenoiserTraining(images=str(photos), out="x.safetensors", side=16, region="25,20,30", augment=True)
    source = make_source(settings)
    wide, nothing = source.wide[:6].float() / 255, torch.zeros(6)
    still = _moved(wide, 16, nothing, torch.zeros(6, 2), nothing + 1, nothing > 0)
    assert float((still - source.plain[:6]).square().mean().sqrt()) < 0.004
    mirrored = _moved(wide, 16, nothing, torch.zeros(6, 2), nothing + 1, nothing < 1)
    assert torch.allclose(mirrored.flip(3), still, atol=1e-4)
    aside = _moved(wide, 16, nothing, torch.tensor([[0.0625, 0.0]]).expand(6, 2), nothing + 1, nothing > 0)
    assert torch.allclose(aside[..., 2:-3], still[..., 3:-2], atol=0.02)  # one pixel of sixteen


def test_levels_are_weighed_by_their_running_losses():
    from engine.priors.training.stepping import LevelBalance

    balance = LevelBalance(0.01, 10.0, "cpu")
    sigma = torch.tensor([0.02, 5.0] * 32)
    assert torch.equal(balance.weights(sigma), torch.ones(64))
    for _ in range(20):
        balance.learn(sigma, torch.where(sigma < 1, 0.4, 0.1))
    weights = balance.weights(sigma)
    assert float(weights.mean()) == pytest.approx(1)
    assert float(weights[1] / weights[0]) == pytest.approx(4, rel=0.01)
