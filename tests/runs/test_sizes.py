"""Pictures of any size: shapes, tiles, row groups, and what is said before a run."""

import itertools
import json

import numpy as np
import pytest
import torch

from engine.cli import main
from engine.errors import InputError
from engine.images import load_image, picture_shape, save_png
from engine.images.bundled import sample_path
from engine.priors.base import Card
from engine.priors.library import priors
from engine.priors.networks.denoisers import build, shape_of
from engine.priors.networks.edm import EdmDenoiser
from engine.priors.networks.pieces import in_pieces, spans
from engine.priors.networks.unet import UNet, UNetShape
from engine.runs.estimates import estimate
from engine.runs.fit import fit_between, suited
from engine.runs.spec import RunSpec


def network(**more):
    torch.manual_seed(0)
    net = UNet(UNetShape(width=16, blocks=1, attention=False, **more))
    for p in net.parameters():
        torch.nn.init.normal_(p, std=0.2)
    return net.eval().requires_grad_(False)


def lean():
    torch.manual_seed(0)
    net = build(shape_of("lean", 1, 16, 3, 1, False))
    for p in net.parameters():
        torch.nn.init.normal_(p, std=0.2)
    return net.eval().requires_grad_(False)


@pytest.mark.parametrize("make", [network, lean])
def test_tiles_give_what_the_whole_picture_gives(make):
    net = make()
    x, label = torch.randn(2, 1, 203, 318), torch.tensor([0.1, -0.4])
    whole = net(x, label)
    tiled = in_pieces(net, x, label, net.shape.reach, net.shape.multiple, at_once=160 * 160)
    assert torch.allclose(whole, tiled, atol=1e-4 * float(whole.abs().max()))


@pytest.mark.parametrize("make", [network, lean])
def test_reach_is_how_far_an_output_pixel_sees(make):
    net = make()
    x = torch.randn(1, 1, 256, 256)
    other = x.clone()
    other[0, 0, 128, 128] += 10.0
    with torch.no_grad():
        rows = (net(other, torch.zeros(1)) - net(x, torch.zeros(1))).abs().amax((0, 1, 3)).nonzero()
    seen = int((rows - 128).abs().max())
    assert 0.5 * net.shape.reach <= seen <= net.shape.reach


@pytest.mark.slow
def test_groups_of_rows_and_their_gradients():
    net = network()
    x, label = torch.randn(5, 1, 16, 16, requires_grad=True), torch.zeros(5)
    (whole,) = torch.autograd.grad(net(x, label).square().sum(), x)
    pieces = in_pieces(net, x, label, net.shape.reach, net.shape.multiple, at_once=512)
    (apart,) = torch.autograd.grad(pieces.square().sum(), x)
    assert torch.allclose(whole, apart, rtol=1e-4, atol=1e-4)


def test_spans_cover_a_side_once():
    kept = [(a, b) for a, b, _, _ in spans(1000, 300, 44, 4)]
    assert kept[0][0] == 0 and kept[-1][1] == 1000
    assert all(x[1] == y[0] for x, y in itertools.pairwise(kept))


def test_shapes_follow_picture_prior_and_size(tmp_path):
    wide = tmp_path / "wide.png"
    save_png(wide, np.random.default_rng(0).random((3, 40, 700)).astype(np.float32))
    grey = tmp_path / "grey.png"
    save_png(grey, np.repeat(np.random.default_rng(0).random((1, 30, 20)).astype(np.float32), 3, 0))
    assert picture_shape(grey) == (1, 30, 20)
    assert RunSpec(image=str(wide), prior="gaussian").image_shape() == (3, 29, 512)
    assert RunSpec(image=str(wide), prior="gaussian", size="700x40").image_shape() == (3, 40, 700)
    assert RunSpec(image=str(grey), prior="gaussian", size=16).image_shape() == (1, 16, 16)
    assert RunSpec(image=str(wide)).image_shape() == (1, 28, 28)
    with pytest.raises(InputError, match="28 x 28 only"):
        RunSpec(image=str(wide), size=64)
    for bad in ("1", "axb", "1x2x3", "99999", "-4"):
        with pytest.raises(InputError, match="size="):
            RunSpec(prior="gaussian", size=bad)
    spec = RunSpec(prior="gaussian", size="40x30")
    assert RunSpec.from_json(spec.as_json()) == spec
    assert "--size 40x30" in spec.as_command()


def test_memory_is_told_as_what_is_allocated():
    """Within what is made on the way: a matrix that is held, with the float64 numbers and the eigenbasis that come of it, and
    what a network remembers of a call with gradients."""
    spec = RunSpec(
        image="sample:photo-cat", prior="gaussian", operator="gaussian measurements=1000", size=48, samples=1
    )
    told = estimate(spec)
    held = spec.operator.build(spec.image_shape(), 0).memory_usage()
    assert held <= told.memory_bytes < 10 * held
    assert told.words() == f"about {round(told.memory_bytes / 1e6):,} MB"

    spec = RunSpec(operator="dct measurements=100", samples=16)
    remembered: dict[int, int] = {}

    def keep(tensor):
        remembered[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    prior = spec.prior.load()
    x = torch.rand((16, 1, 28, 28), generator=torch.Generator().manual_seed(0)).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        prior.denoise(x, 0.3)
    assert 0.3 < estimate(spec).memory_bytes / sum(remembered.values()) < 3


def test_memory_does_not_grow_with_the_samples_beyond_what_is_computed_at_once():
    spec = RunSpec(image="sample:photo-cat", prior="natural", operator="dct measurements=1000", size=512, samples=4)
    few, many = estimate(spec).memory_bytes, estimate(spec.replace(samples=64)).memory_bytes
    assert few < many < 2.5 * few + 64 * 200 * 512 * 512 * 3


def test_fit_offers_the_prior_that_keeps_the_picture():
    spec = RunSpec(image="sample:photo-cat")
    fit = fit_between((3, 256, 256), spec)
    assert "28 x 28 grey" in fit.sentence
    assert fit.instead == "natural"
    changed = suited((3, 256, 256), spec, fit.instead)
    assert changed.shape_for((3, 256, 256))[1:] == (256, 256)
    assert str(changed.operator).startswith("dct ")
    assert not fit_between((1, 28, 28), spec).sentence
    assert not fit_between((1, 20, 20), spec).instead


def test_run_evaluate_and_denoise_at_the_pictures_own_sizes(tmp_path, capsys):
    folder = tmp_path / "pictures"
    folder.mkdir()
    cat = load_image(sample_path("sample:photo-cat")).pixels
    for name, pixels in (("a", cat[:, :40, :56]), ("b", cat[:1, :40, :56]), ("c", cat[:, :33, :24])):
        save_png(folder / f"{name}.png", pixels)
    out = tmp_path / "out"
    common = [
        "--prior",
        "gaussian",
        "--operator",
        "dct measurements=400",
        "--algorithm",
        "turbo rounds=2 levels=3",
        "--samples",
        "2",
    ]
    assert main(["evaluate", "--images", str(folder), *common, "--out", str(out)]) == 0
    assert json.loads((out / "summary.json").read_text())["count"] == 3
    assert main(["run", "--image", str(folder / "c.png"), *common, "--out", str(out)]) == 0
    assert np.load(out / "result.npz")["mean"].shape == (3, 33, 24)
    assert (
        main(["denoise", "--images", str(folder), "--noise", "0.1", "--prior", "gaussian", "--out", str(out / "d")])
        == 0
    )
    summary = json.loads((out / "d" / "summary.json").read_text())
    assert [r["channels"] for r in summary["images"]] == [3, 1, 3]
    assert summary["mean"]["psnr"] > summary["mean"]["psnr_noisy"] + 3
    assert summary["mean"]["psnr_noisy"] == pytest.approx(20, abs=0.5)
    assert load_image(out / "d" / "c.png").pixels.shape == (3, 33, 24)
    first = summary["images"][0]["psnr"]
    assert (
        main(
            [
                "denoise",
                "--images",
                str(folder),
                "--limit",
                "1",
                "--noise",
                "0.1",
                "--prior",
                "gaussian",
                "--out",
                str(out / "e"),
            ]
        )
        == 0
    )
    assert json.loads((out / "e" / "summary.json").read_text())["images"][0]["psnr"] == first
    for bad in (["--noise", "x"], ["--noise", "0.1", "--turns", "9"], ["--noise", "0.1", "--prior", "nobody"]):
        assert main(["denoise", "--images", str(folder), *bad, "--out", str(out)]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_files_of_one_name_are_one_prior(tmp_path):
    from engine.priors.library import user_folder

    user_folder().mkdir(parents=True)
    for channels in (1, 3):
        shape = (channels, 16, 16)
        prior = EdmDenoiser(
            network(channels=channels), shape, 0.5, 0.2, 0.01, 10.0, Card("both", "Both"), any_size=True
        )
        prior.save(user_folder() / f"both-{channels}.safetensors")
    choice = priors().parse("both")
    assert choice.channels == (1, 3)
    assert choice.shape_for((3, 20, 30)) == (3, 20, 30)
    for channels in (1, 3):
        shape = (channels, 20, 30)
        x = torch.rand((1, *shape))
        assert choice.load("cpu", shape).denoise(x, 0.1).shape == x.shape
