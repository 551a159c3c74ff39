"""Low-rank priors: pictures become matrices and tensors and come back, adjoints by dot-test, what does not fit is refused."""

import pytest
import torch

from engine.errors import InputError
from engine.priors.low_rank.choice import LowRank
from engine.runs import RunSpec

FORMS = [
    (LowRank(), (1, 12, 9)),
    (LowRank(), (3, 12, 9)),
    (LowRank(form="patches", patch=4), (1, 14, 10)),
    (LowRank(form="patches", patch=4), (3, 13, 12)),
    (LowRank(form="patches", patch=4, overlap=False), (1, 12, 8)),
    (LowRank(form="patches", patch=4, overlap=False), (3, 12, 8)),
    (LowRank(form="frames", frames=4), (1, 12, 5)),
    (LowRank(form="frames", frames=4), (3, 12, 5)),
]


@pytest.mark.parametrize(("choice", "shape"), FORMS)
def test_pictures_come_back_and_the_transpose_is_one(choice, shape):
    prior, x = choice.load("cpu", shape), torch.randn((2, *shape), dtype=torch.float64)
    matrices = prior.matricise(x)
    assert matrices.shape == (2, prior.parts, *prior.sides)
    assert torch.allclose(prior.depict(matrices), x)
    m = torch.randn_like(matrices)
    assert float((prior.depict(m) * x).sum()) == pytest.approx(float((m * prior.spread(x)).sum()))
    assert prior.overlap == pytest.approx(matrices.numel() / x.numel())


@pytest.mark.parametrize(("choice", "shape"), [f for f in FORMS if f[0].form != "patches" or not f[0].overlap])
def test_tensors_come_back_and_pixels_know_their_entry(choice, shape):
    prior, x = choice.load("cpu", shape), torch.randn((2, *shape), dtype=torch.float64)
    tensors = prior.tensorise(x)
    assert tensors.ndim == 4 and torch.allclose(prior.depict_tensor(tensors), x)
    pixels = torch.arange(x[0].numel())
    part, row, column = prior.entries(pixels)
    assert torch.equal(prior.matricise(x)[0][part, row, column], x[0].flatten())


def test_a_column_of_a_film_is_a_frame():
    prior = LowRank(form="frames", frames=4).load("cpu", (1, 12, 5))
    x = torch.rand((1, 1, 12, 5))
    assert torch.equal(prior.matricise(x)[0, 0, :, 2], x[0, 0, 6:9].flatten())


def test_overlapping_patches_have_no_single_entry():
    assert LowRank(form="patches").load("cpu", (1, 32, 32)).entries(torch.arange(5)) is None


@pytest.mark.parametrize(
    ("written", "size", "words"),
    [
        ("low-rank rank=40", "30x20", "rank=40 is above the shorter side of the 20 x 30 matrix; give at most 20"),
        ("low-rank form=frames frames=7", "16x48", "does not hold frames=7 of the same height"),
        ("low-rank form=patches patch=32", "16x48", "patch=32 is larger than the picture of 16 x 48"),
        ("low-rank form=frames frames=6 rank=9", "16x48", "give at most 6"),
    ],
)
def test_what_cannot_be_cut_is_refused_at_once(written, size, words):
    with pytest.raises(InputError, match=words):
        RunSpec(prior=written, size=size, image="sample:photo-camera")
