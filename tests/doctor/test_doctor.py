"""The doctor finds planted faults in files like those of instruments, mends them, and finds nothing where there is nothing."""

import json

import numpy as np
import pytest
import torch

from engine.cli import main
from engine.doctor import check
from engine.doctor.case import Case
from engine.doctor.hypotheses import HYPOTHESES
from engine.doctor.leave_one_out import predict_channel, predict_values
from engine.doctor.response import Response
from engine.doctor.sharp_look import _shrunk, compare, default_prior
from engine.images import load_image
from engine.images.bundled import sample_path
from engine.sensing.channels import CellChannel
from engine.sensing.entries import assemble
from engine.sensing.files import read_pieces
from engine.sensing.operators import OPERATORS

HEIGHT, WIDTH = 20, 24


def photograph(height=HEIGHT, width=WIDTH, side=6):
    """A part of a bundled picture, (height, width), of blocks of so many pixels."""
    pixels = load_image(sample_path("sample:photo-camera")).pixels.mean(0)
    top, left = ((n - side * m) // 2 for n, m in zip(pixels.shape, (height, width), strict=True))
    part = pixels[top : top + side * height, left : left + side * width]
    return part.reshape(height, side, width, side).mean((1, 3)).astype(np.float64)


def through_matrix(bits=0, rows=700, seed=0):
    """Through a random matrix: real values, signs or codes."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, HEIGHT * WIDTH)) / np.sqrt(rows)
    z = matrix @ (photograph().ravel() - 0.45) + 0.02 * rng.normal(size=rows)
    pieces = {
        "A": matrix.astype(np.float32),
        "shape": np.array([HEIGHT, WIDTH]),
        "noise": np.array(0.02),
        "offset": np.array(0.45),
    }
    if not bits:
        return pieces | {"y": z}
    if bits == 1:
        return pieces | {"y": np.where(z > 0, 1, -1)}
    thresholds = np.linspace(-1.5, 1.5, 2**bits - 1) * z.std()
    return pieces | {"y": np.searchsorted(thresholds, z), "thresholds": thresholds}


def through_lens(noise=0.003):
    """A photograph blurred by a slanted kernel with a tail."""
    rng = np.random.default_rng(1)
    kernel = np.zeros((5, 7))
    for k, (row, column) in enumerate([(0, 0), (1, 1), (1, 2), (2, 3), (3, 4), (3, 5), (4, 6)]):
        kernel[row, column] = 0.7**k
    kernel /= kernel.sum()
    scene = photograph(60, 66, 3)
    measurement = assemble({"y": np.ones((56, 60)), "kernel": kernel})
    y = measurement.predict(torch.from_numpy(scene)[None, None].float()).numpy().reshape(56, 60)
    return {"y": y + noise * rng.normal(size=y.shape), "kernel": kernel, "noise": np.array(noise)}


def through_wavelets():
    rng = np.random.default_rng(2)
    pieces = {"transform": np.array("haar"), "levels": np.array(3), "rising": np.array(1), "shape": np.array([32, 32])}
    z = assemble(pieces | {"y": np.ones(1024)}).predict(torch.from_numpy(photograph(32, 32, 5))[None, None].float())[0]
    return pieces | {"y": z.numpy() + 0.01 * rng.normal(size=1024), "noise": np.array(0.01)}


# -- exact predictions --------------------------------------------------------------------------------------------------


def response_of(rows=30, seed=0):
    shape = (1, 6, 6)
    operator = OPERATORS.parse(f"gaussian measurements={rows}").build(shape, seed)
    return Response(operator, torch.arange(rows), 2.4)


def conditional(covariance, y, m):
    """Mean and variance of one Gaussian number given all others."""
    rest = np.arange(len(y)) != m
    solved = np.linalg.solve(covariance[np.ix_(rest, rest)], covariance[rest, m])
    return solved @ y[rest], covariance[m, m] - solved @ covariance[rest, m]


def test_each_value_is_predicted_by_all_others():
    response, draw = response_of(), np.random.default_rng(0)
    y = np.linalg.cholesky(response.gram.numpy() + 0.01 * np.eye(30)) @ draw.normal(size=30)
    found = predict_values(response, torch.from_numpy(y), 0.1)
    covariance = found.contrast**2 * response.gram.numpy() + 0.1**2 * np.eye(30)
    for m in (0, 7, 29):
        mean, variance = conditional(covariance, y, m)
        assert float(found.mean[m]) == pytest.approx(mean, rel=1e-4, abs=1e-6)
        assert float(found.variance[m]) == pytest.approx(variance, rel=1e-4)
        density = -0.5 * ((y[m] - mean) ** 2 / variance + np.log(2 * np.pi * variance))
        assert float(found.log_prob[m]) == pytest.approx(density, rel=1e-4)
    unit = torch.from_numpy(draw.uniform(0.5, 2, 30))
    unlike = predict_values(response, torch.from_numpy(y), 0.1, unit)
    covariance = unlike.contrast**2 * response.gram.numpy() + 0.1**2 * np.diag(unit.numpy() ** 2)
    mean, variance = conditional(covariance, y, 4)
    assert float(unlike.mean[4]) == pytest.approx(mean, rel=1e-4)
    assert float(unlike.variance[4]) == pytest.approx(variance, rel=1e-4)


def test_a_constant_in_all_values_is_inferred():
    response, draw = response_of(), np.random.default_rng(3)
    y = np.linalg.cholesky(response.gram.numpy() + 0.01 * np.eye(30)) @ draw.normal(size=30) + 2.0
    found = predict_values(response, torch.from_numpy(y), 0.1, dark=True)
    level, error = found.dark
    covariance = found.contrast**2 * response.gram.numpy() + 0.01 * np.eye(30)
    inverse, ones = np.linalg.inv(covariance), np.ones(30)
    assert level == pytest.approx(ones @ inverse @ y / (ones @ inverse @ ones), rel=1e-4)
    assert error == pytest.approx((ones @ inverse @ ones) ** -0.5, rel=1e-4)
    assert abs(level - 2.0) < 4 * error


def test_narrow_cells_are_predicted_like_values():
    response, draw = response_of(), np.random.default_rng(1)
    y = np.linalg.cholesky(response.gram.numpy() + 0.01 * np.eye(30)) @ draw.normal(size=30)
    width = 1e-3
    cells = CellChannel(torch.from_numpy(y - width / 2)[None], torch.from_numpy(y + width / 2)[None])
    found = predict_channel(response, cells, 0.1, torch.zeros(30, dtype=torch.float64))
    covariance = response.gram.numpy() + 0.01 * np.eye(30)
    for m in (0, 7, 29):
        mean, variance = conditional(covariance, y, m)
        assert float(found.mean[m]) == pytest.approx(mean, rel=1e-3, abs=1e-5)
        assert float(found.variance[m]) == pytest.approx(variance, rel=1e-3)
        density = -0.5 * ((y[m] - mean) ** 2 / variance + np.log(2 * np.pi * variance)) + np.log(width)
        assert float(found.log_prob[m]) == pytest.approx(density, rel=1e-3)


# -- faults -------------------------------------------------------------------------------------------------------------


def faults_of(pieces, **how):
    report = check(pieces, **how)
    return [f.hypothesis for f in report.found], report


@pytest.mark.slow
@pytest.mark.parametrize(
    "pieces",
    [through_matrix(), through_matrix(1), through_matrix(3), through_wavelets()],
    ids=["values", "signs", "codes", "haar"],
)
def test_nothing_is_found_where_nothing_is_wrong(pieces):
    found, report = faults_of(pieces)
    assert found == []
    assert report.belongs
    assert report.bits > 0
    assert "can belong together" in report.verdict


def test_columns_in_matlabs_order():
    pieces = through_matrix()
    by_columns = np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).T.ravel()
    found, report = faults_of(pieces | {"A": np.ascontiguousarray(pieces["A"][:, by_columns])})
    assert found == ["order of columns"]
    assert np.array_equal(report.pieces["A"], pieces["A"])
    assert report.bits_mended > report.bits + 0.1


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["late", "backwards", "every other"])
def test_values_in_another_order_or_with_other_signs(fault):
    pieces, number = through_matrix(), np.arange(700)
    y = {
        "late": np.roll(pieces["y"], 1),
        "backwards": pieces["y"][::-1].copy(),
        "every other": pieces["y"] * np.where(number % 2, -1, 1),
    }[fault]
    found, report = faults_of(pieces | {"y": y})
    assert len(found) == 1
    assert fault in report.found[0].fault
    assert np.allclose(np.abs(report.pieces["y"]), np.abs(pieces["y"]))
    sign = np.sign(report.pieces["y"] @ pieces["y"])
    assert np.allclose(sign * report.pieces["y"], pieces["y"])


@pytest.mark.slow
def test_single_rows_with_the_wrong_sign():
    pieces = through_matrix()
    wrong = np.random.default_rng(5).random(700) < 0.06
    found, report = faults_of(pieces | {"y": np.where(wrong, -pieces["y"], pieces["y"])})
    assert found == ["signs of rows"]
    right = np.sign(report.pieces["y"]) == np.sign(pieces["y"])
    assert (~right).sum() < 0.3 * wrong.sum()


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "name"), [("packed", "order of measurements"), ("shift", "thresholds")])
def test_faults_of_bits(fault, name):
    pieces = through_matrix(1, rows=1200)
    y = pieces["y"]
    change = {
        "packed": {"y": y.reshape(-1, 8)[:, ::-1].ravel()},
        "shift": {"y": np.where(y > 0, 1, 0), "thresholds": np.array([0.25])},
    }[fault]
    found, report = faults_of(pieces | change)
    assert found == [name]
    if fault == "shift":
        assert float(report.pieces["thresholds"][0]) == pytest.approx(0.0, abs=0.06)
    else:
        assert np.array_equal(report.pieces["y"], y)


@pytest.mark.slow
def test_swapped_bits_show_where_the_brightness_was_measured():
    """Without the offset: less the mean brightness, swapped bits are those of the negative, as plausible a photograph."""
    pieces, rng = through_matrix(1, rows=900), np.random.default_rng(0)
    z = pieces["A"] @ photograph().ravel() + 0.02 * rng.normal(size=900)
    found, report = faults_of(pieces | {"offset": np.array(0.0), "y": np.where(z > 0, -1, 1)})
    assert found == ["signs of rows"]
    assert np.array_equal(report.pieces["y"], np.where(z > 0, 1, -1))


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["gray", "reversed", "highest"])
def test_faults_of_codes(fault):
    pieces = through_matrix(3)
    y = pieces["y"]
    told = {"gray": y ^ (y >> 1), "reversed": ((y & 1) << 2) | (y & 2) | (y >> 2), "highest": y ^ 4}[fault]
    found, report = faults_of(pieces | {"y": told})
    assert found == ["bits of codes"]
    assert np.array_equal(report.pieces["y"], y)


@pytest.mark.slow
def test_wavelets_of_the_other_sign_and_a_dark_level():
    pieces = through_wavelets()
    found, report = faults_of(pieces | {"rising": np.array(0)})
    assert found == ["signs of rows"]
    assert int(report.pieces["rising"]) == 1
    found, report = faults_of(pieces | {"y": pieces["y"] + 0.3})
    assert found == ["dark level"]
    assert float(report.pieces["dark"]) == pytest.approx(0.3, rel=0.05)


@pytest.mark.slow
def test_units():
    pieces = through_matrix()
    found, report = faults_of(pieces | {"y": 1000 * pieces["y"], "noise": np.array(20.0)})
    assert found[0] == "gain and offset"
    assert 400 < float(report.pieces["gain"]) < 1500
    found, report = faults_of({k: v for k, v in pieces.items() if k != "offset"})
    assert found == ["gain and offset"]
    assert 0.3 < float(report.pieces["offset"]) < 0.6


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.05, 50.0])
def test_noise(factor):
    pieces = through_matrix()
    found, report = faults_of(pieces | {"noise": np.array(0.02 * factor)})
    assert found == ["noise"]
    assert 0.012 < float(report.pieces["noise"]) < 0.033


@pytest.mark.slow
def test_a_camera_and_its_kernel():
    pieces = through_lens()
    assert faults_of(pieces)[0] == []
    found, report = faults_of(pieces | {"kernel": pieces["kernel"][::-1, ::-1].copy()})
    assert found == ["kernel"]
    assert "180" in report.found[0].fault
    assert np.array_equal(report.pieces["kernel"], pieces["kernel"])
    found, report = faults_of(pieces | {"y": pieces["y"].T.reshape(56, 60)})
    assert found == ["order of measurements"]
    assert np.array_equal(report.pieces["y"], pieces["y"])


@pytest.mark.slow
def test_what_does_not_belong_together_is_said():
    pieces = through_matrix()
    found, report = faults_of(
        pieces | {"y": np.random.default_rng(0).permutation(pieces["y"]), "noise": np.array(0.02)}
    )
    assert not report.belongs or "noise" in found  # all of it can only be noise
    assert "do not seem to belong together" in report.verdict or float(report.pieces["noise"]) > 0.1


@pytest.mark.slow
def test_faults_are_mended_one_after_another():
    pieces = through_matrix()
    by_columns = np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).T.ravel()
    both = pieces | {
        "A": np.ascontiguousarray(pieces["A"][:, by_columns]),
        "y": np.roll(pieces["y"], 1),
        "noise": np.array(0.02),
    }
    found, report = faults_of(both)
    assert "order of columns" in found or report.bits_mended > report.bits
    heard = []
    check(pieces, progress=lambda share, what: heard.append(share), hypotheses=HYPOTHESES[:1])
    assert heard == sorted(heard)
    assert heard[-1] == 1


def test_every_hypothesis_leaves_the_file_alone():
    pieces = through_matrix(1)
    kept = {k: v.copy() for k, v in pieces.items()}
    case = Case.of(pieces)
    for hypothesis in HYPOTHESES:
        list(hypothesis.mends(case))
    assert all(np.array_equal(kept[k], pieces[k]) for k in kept)


def test_the_command_names_the_fault_and_writes_the_mended_file(tmp_path, capsys):
    pieces = through_matrix()
    by_columns = np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).T.ravel()
    np.savez(tmp_path / "m.npz", **(pieces | {"A": np.ascontiguousarray(pieces["A"][:, by_columns])}))
    assert main(["check", str(tmp_path / "m.npz"), "--mend", str(tmp_path / "mended.npz"), "--threads", "1"]) == 0
    said = capsys.readouterr().out
    assert "MATLAB" in said
    assert "can belong together" in said
    assert np.array_equal(read_pieces(tmp_path / "mended.npz")["A"], pieces["A"])
    assert main(["check", str(tmp_path / "m.npz"), "--threads", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["belongs"] is True
    assert "MATLAB" in told["faults"][0]["fault"]
    assert main(["check", str(tmp_path / "m.npz"), "--mend", "mended.txt"]) == 2
    assert main(["check", str(tmp_path / "m.npz"), "--prior", "wavelet"]) == 2
    assert "is no denoiser" in capsys.readouterr().err


def test_errors_of_a_kernel_count_where_the_noise_is_inferred_and_not_where_it_is_given():
    from engine.priors.library import priors
    from engine.runs.inferring import infer

    pieces = through_lens()
    noise = pieces.pop("noise")
    made, found = infer(pieces, priors().parse("natural"), 0)
    least = 0.02 * np.sqrt(np.mean(pieces["y"] ** 2))
    assert float(made["noise"]) > least > 2 * noise
    assert found[0].value == float(made["noise"])
    assert infer(pieces | {"noise": noise}, priors().parse("natural"), 0) == (pieces | {"noise": noise}, ())
    flat = {"indptr": np.arange(401), "indices": np.arange(400), "data": np.ones(400), "shape": np.array([20, 20])}
    assert Case.of(flat | {"y": photograph(20, 20).ravel()}).model_error == 0


def through_the_body():
    """A scan of a disc with a hole, in units in which the disc is white."""
    rows, columns = np.mgrid[:24, :24] - 11.5
    disc = 1.0 * (np.hypot(rows, columns) < 10) - (np.hypot(rows - 3, columns + 2) < 3)
    pieces = {"angles": np.linspace(0, 150, 16), "shape": np.array([24, 24]), "y": np.ones((16, 30))}
    z = assemble(pieces).predict(torch.from_numpy(disc)[None, None].float())[0].numpy()
    return pieces | {"y": (z + 0.05 * np.random.default_rng(0).normal(size=480)).reshape(16, 30)}


@pytest.mark.parametrize(("scale", "fault"), [(-1.0, True), (1.0, False), (-0.01, True)])
def test_light_that_is_less_than_none(scale, fault):
    """However faint it is; noise about black is no light."""
    pieces = through_the_body()
    units = [h for h in HYPOTHESES if h.name == "gain and offset"]
    found = [
        f
        for f in units[0].findings(Case.of(pieces | {"y": scale * pieces["y"] + (scale < 0) * -0.02}))
        if f.is_significant
    ]
    assert [f.fault for f in found] == (["all measurements have the wrong sign"] if fault else [])
    if fault:
        assert (found[0].case.pieces["y"] > -0.2).all()


def test_a_level_beyond_white_in_a_picture_that_a_lens_saw():
    """The middle, which alone is looked at, need not be bright."""
    pieces = through_lens()
    units = [h for h in HYPOTHESES if h.name == "gain and offset"]
    assert not [f for f in units[0].findings(Case.of(pieces)) if f.is_significant]
    found = next(units[0].findings(Case.of(pieces | {"y": pieces["y"] + 0.6})))
    assert found.is_significant and "dark level" in found.fault
    assert float(found.case.pieces["dark"]) == pytest.approx(0.6, abs=0.15)


@pytest.mark.slow
def test_a_noise_that_is_far_too_large_is_not_taken_for_other_codes():
    pieces = through_matrix(3)
    found, report = faults_of(pieces | {"noise": np.array(5.0)})
    assert found == ["noise"]
    assert np.array_equal(report.pieces["y"], pieces["y"])


@pytest.mark.slow
def test_signs_of_one_bit_wavelets_show_where_edges_are_known():
    """Signs of what a camera of one pixel counted, less mid-grey."""
    real = read_pieces("sample:single-pixel") | {"gain": np.array(49000.0)}
    real.pop("unit")
    seen = assemble(real)
    grey = seen.predict(torch.full((1, *seen.operator.image_shape), 0.45))[0]
    bits = np.where((seen.values[0] > grey).numpy(), 1, -1)
    real.pop("gain")
    pieces = real | {"y": bits, "offset": np.array(0.45), "noise": np.array(0.02)}
    wrong = Case.of(pieces | {"rising": np.array(0)})
    signs = [h for h in HYPOTHESES if h.name == "signs of rows"]
    mend = next(m for m in signs[0].mends(wrong) if "opposite sign" in m.fault)
    assert mend.mirrored and int(mend.case.pieces["rising"]) == 1
    told = compare(wrong, mend.case, default_prior())
    assert told is not None and told[0] > 5 * told[1]


def test_large_lensless_pictures_are_looked_at_in_larger_pixels():
    rng = np.random.default_rng(0)
    kernel, scene = rng.random((240, 320)), np.zeros((240, 320))
    kernel /= kernel.sum()
    scene[80:160, 90:240] = 1.0
    bare = {"y": np.ones((240, 320)), "kernel": kernel, "sensor": np.array([240, 320]), "noise": np.array(0.01)}
    y = assemble(bare).predict(torch.from_numpy(scene)[None, None].float())[0].numpy().reshape(240, 320)
    small = _shrunk(Case.of(bare | {"y": y}))
    assert small.pieces["y"].shape == (120, 160) and float(small.pieces["noise"]) == 0.005
    blocks = scene.reshape(120, 2, 160, 2).mean((1, 3))
    told = small.measurement.predict(torch.from_numpy(blocks)[None, None].float())[0].numpy().reshape(120, 160)
    assert np.abs(told - small.pieces["y"]).max() < 0.02 * y.max()
    assert _shrunk(small) is small
