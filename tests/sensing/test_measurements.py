"""Simulated measurements and measurement files."""

import json
import zipfile

import numpy as np
import pytest
import torch

from engine.errors import InputError
from engine.runs.metrics import snr_db
from engine.runs.spec import RunSpec
from engine.sensing.files import load_measurement, save_measurement
from engine.sensing.measurement import simulate
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS

SHAPE = (1, 8, 8)


def test_noise_belongs_to_the_image_not_to_its_batch():
    truth = torch.rand(4, *SHAPE)
    operator = OPERATORS.parse("gaussian measurements=30").build(SHAPE, 0)
    quantizer = QUANTIZERS.parse("none")
    together = simulate(truth, operator, quantizer, 0.1, 5, [10, 11, 12, 13])
    alone = simulate(truth[2:3], operator, quantizer, 0.1, 5, [12])
    assert torch.allclose(together.values[2:3], alone.values, atol=1e-6)
    clean = simulate(truth, operator, quantizer, 0.0, 5)
    assert torch.allclose(clean.values, operator.forward(truth))
    noise = together.values - clean.values
    assert float(noise.std()) == pytest.approx(0.1, rel=0.2)


def test_noiseless_truth_is_consistent_and_offset_is_subtracted():
    truth = torch.rand(2, *SHAPE)
    operator = OPERATORS.parse("gaussian measurements=30").build(SHAPE, 0)
    seen = simulate(truth, operator, QUANTIZERS.parse("uniform bits=3"), 0.0, 0, offset=0.5)
    assert seen.consistency(truth).tolist() == [1.0, 1.0]
    assert torch.allclose(seen.predict(truth), operator.forward(truth - 0.5))


def test_snr():
    assert snr_db(4.0, 0.2, 0.5) == pytest.approx(10 * np.log10(4 * 0.25 / 0.04))
    assert snr_db(4.0, 0.0, 0.5) is None


@pytest.mark.parametrize("quantizer", ["none", "one-bit", "uniform bits=4"])
def test_file_round_trip(tmp_path, quantizer):
    spec = RunSpec(operator="gaussian measurements=30", quantizer=quantizer, seed=3)
    operator = spec.operator.build(SHAPE, spec.seed)
    seen = simulate(torch.rand(1, *SHAPE), operator, spec.quantizer, 0.1, spec.seed)
    save_measurement(tmp_path / "m.npz", seen, spec.operator, spec.seed)
    back = load_measurement(tmp_path / "m.npz")
    assert back.truth is None
    assert back.noise == 0.1
    assert torch.equal(back.operator.matrix, operator.matrix)
    for name in ("values", "lower", "upper", "codes"):
        first, second = getattr(seen, name), getattr(back, name)
        assert (first is None) == (second is None)
        assert first is None or torch.equal(first, second)


def own_file(path, **changes):
    """What somebody's own ten lines would write."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(20, 64)) / np.sqrt(20)
    arrays = {
        "A": matrix,
        "y": (matrix @ rng.random(64) > 0).astype(int),
        "thresholds": [0.0],
        "noise": 0.1,
        "shape": [8, 8],
    }
    arrays |= changes
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
    return path


def test_own_files_load(tmp_path):
    seen = load_measurement(own_file(tmp_path / "m.npz"))
    assert seen.operator.image_shape == (1, 8, 8)
    assert set(seen.codes.flatten().tolist()) <= {0, 1}
    cells = own_file(tmp_path / "c.npz", y=None, thresholds=None, lower=np.full(20, -np.inf), upper=np.zeros(20))
    assert load_measurement(cells).lower.shape == (1, 20)
    assert load_measurement(own_file(tmp_path / "l.npz", y=np.zeros(20), thresholds=None)).is_linear


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"y": np.zeros(19, int)}, "19 entries"),
        ({"y": np.full(20, 2)}, "codes from 0 to 1"),
        ({"y": np.full(20, 0.5)}, "codes"),
        ({"y": np.full(20, np.nan)}, "finite"),
        ({"y": np.array(["a"] * 20)}, "numbers"),
        ({"y": None}, "neither 'y'"),
        ({"noise": -1.0}, "noise"),
        ({"noise": np.nan}, "noise"),
        ({"thresholds": np.zeros((20, 2))}, "increase"),
        ({"thresholds": None, "y": np.zeros(20), "flip": 0.7}, None),
        ({"flip": 0.7}, "flip"),
        ({"dither": "round", "dither_width": 1.0}, "dither"),
        ({"dither": "logistic"}, "dither_width"),
        ({"noise": [0.1, 0.2]}, "noise"),
        ({"offset": [0.1, 0.2]}, "one number"),
        ({"shape": [7, 8]}, "56 columns"),
        ({"shape": [8]}, "shape"),
        ({"thresholds": [1.0, 0.0]}, "increase"),
        ({"A": np.full((20, 64), np.inf)}, "finite"),
        ({"A": None}, "neither 'A'"),
        ({"A": None, "operator": np.array("[]")}, "recipe"),
        ({"surprise": 1}, "unknown entry"),
        ({"y": None, "thresholds": None, "lower": np.ones(20), "upper": np.zeros(20)}, "below"),
    ],
)
def test_bad_own_files_are_one_sentence(tmp_path, changes, says):
    file = own_file(tmp_path / "m.npz", **changes)
    if says is None:
        load_measurement(file)
        return
    with pytest.raises(InputError, match=says) as caught:
        load_measurement(file)
    assert "\n" not in str(caught.value)


def test_signs_row_thresholds_and_missing_noise(tmp_path):
    """What sensors write: plus and minus ones, a threshold per row, no noise level."""
    rng = np.random.default_rng(1)
    tau = rng.normal(size=20)
    signs = load_measurement(own_file(tmp_path / "s.npz", y=np.where(rng.random(20) < 0.5, -1, 1), thresholds=None))
    assert torch.equal(signs.lower[0].isinf(), signs.codes[0] == 0)
    bools = load_measurement(own_file(tmp_path / "b.npz", y=rng.random(20) < 0.5, thresholds=None))
    assert not bools.is_linear
    rows = load_measurement(own_file(tmp_path / "r.npz", thresholds=tau))
    edges = torch.where(rows.lower.isinf(), rows.upper, rows.lower)
    assert torch.allclose(edges[0], torch.from_numpy(tau))
    table = load_measurement(own_file(tmp_path / "t.npz", thresholds=np.stack([tau, tau + 1], 1), y=np.full(20, 2)))
    assert torch.allclose(table.lower[0], torch.from_numpy(tau + 1))
    unknown = load_measurement(own_file(tmp_path / "n.npz", noise=None))
    assert not unknown.noise_known
    square = load_measurement(own_file(tmp_path / "q.npz", shape=None))
    assert square.operator.image_shape == (1, 8, 8)


def test_matlab_files(tmp_path):
    from scipy.io import savemat

    rng = np.random.default_rng(0)
    pieces = {"A": rng.normal(size=(20, 64)), "y": np.sign(rng.normal(size=(20, 1))), "noise": 0.1, "shape": [8.0, 8.0]}
    savemat(tmp_path / "m.mat", pieces)
    seen = load_measurement(tmp_path / "m.mat")
    assert seen.noise == 0.1
    assert seen.operator.image_shape == (1, 8, 8)
    assert not seen.is_linear
    savemat(tmp_path / "s.mat", pieces | {"operator": {"a": 1}})
    with pytest.raises(InputError, match="struct"):
        load_measurement(tmp_path / "s.mat")
    (tmp_path / "v73.mat").write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512, b"\0"))
    with pytest.raises(InputError, match="-v7"):
        load_measurement(tmp_path / "v73.mat")


@pytest.mark.parametrize(
    "quantizer",
    ["dithered", "dithered kind=uniform known=false", "dithered kind=logistic known=false", "one-bit flip=0.1"],
)
@pytest.mark.parametrize("operator", ["gaussian measurements=30", "inpainting", "blur", "phase-retrieval masks=1"])
def test_every_channel_survives_the_file(tmp_path, quantizer, operator):
    spec = RunSpec(operator=operator, quantizer=quantizer, seed=3, algorithm="auto")
    seen = simulate(torch.rand(1, *SHAPE), spec.operator.build(SHAPE, 3), spec.quantizer, 0.1, 3, offset=0.2)
    save_measurement(tmp_path / "m.npz", seen, spec.operator, spec.seed)
    back = load_measurement(tmp_path / "m.npz")
    assert back.offset == 0.2
    b, v = torch.randn(1, seen.operator.rows).double(), torch.full((1, 1), 0.3).double()
    for first, second in zip(seen.channel.moments(b, v), back.channel.moments(b, v), strict=True):
        assert torch.allclose(first, second)


def test_a_matrix_file_is_embedded(tmp_path):
    np.save(tmp_path / "A.npy", np.random.default_rng(0).normal(size=(12, 64)))
    spec = RunSpec(operator=f"matrix file={tmp_path / 'A.npy'}", seed=3)
    seen = simulate(torch.rand(1, *SHAPE), spec.operator.build(SHAPE, 3), spec.quantizer, 0.1, 3)
    save_measurement(tmp_path / "m.npz", seen, spec.operator, spec.seed)
    (tmp_path / "A.npy").unlink()
    assert torch.equal(load_measurement(tmp_path / "m.npz").operator.matrix, seen.operator.matrix)
    recipe = json.dumps({"recipe": "matrix file=/etc/passwd", "seed": 0})
    with pytest.raises(InputError, match="another file"):
        load_measurement(own_file(tmp_path / "evil.npz", A=None, operator=np.array(recipe)))


def test_hostile_files(tmp_path):
    np.savez(tmp_path / "pickle.npz", y=np.array([object()], dtype=object), allow_pickle=True)
    (tmp_path / "text.npz").write_text("not a zip")
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("y.npy", bytes(300_000_000))
    for name in ("pickle", "text", "bomb", "missing"):
        with pytest.raises(InputError) as caught:
            load_measurement(tmp_path / f"{name}.npz")
        assert "\n" not in str(caught.value), json.dumps(name)


@pytest.mark.slow
def test_bits_are_taken_as_bits_however_they_are_written(tmp_path):
    from scipy.io import savemat

    rng = np.random.default_rng(0)
    bits = rng.random(40) < 0.5
    rest = {"A": rng.normal(size=(40, 64)), "noise": 0.1}
    for name, y in (("bool", bits), ("whole", bits.astype(np.uint8)), ("real", bits * 1.0), ("signs", 2.0 * bits - 1)):
        np.savez(tmp_path / f"{name}.npz", y=y, **rest)
        savemat(tmp_path / f"{name}.mat", {"y": y, **rest})
        for ending in ("npz", "mat"):
            seen = load_measurement(tmp_path / f"{name}.{ending}")
            assert not seen.is_linear, (name, ending)
            assert seen.codes[0].tolist() == bits.tolist(), (name, ending)
    np.savez(tmp_path / "zero.npz", y=np.zeros(40), **rest)
    assert load_measurement(tmp_path / "zero.npz").is_linear


def test_values_of_any_scale_reconstruct(tmp_path):
    from engine.runs.job import reconstruct

    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(300, 784)) / 17
    x = np.zeros(784)
    x[300:400] = 1
    for scale in (1e-20, 1.0, 1e5):
        np.savez(tmp_path / "m.npz", y=scale * (matrix @ x), A=scale * matrix, noise=scale * 0.05)
        spec = RunSpec(measurement=str(tmp_path / "m.npz"), algorithm="turbo rounds=6 levels=2", samples=1)
        result = reconstruct(spec)
        assert np.corrcoef(result.mean.ravel(), x)[0, 1] > 0.6, scale


@pytest.mark.parametrize("recipe", ['{"recipe": "dct", "seed": 1e400}', '{"recipe": "dct", "seed": -1}', "[" * 100_000])
def test_recipes_that_make_no_sense(tmp_path, recipe):
    np.savez(tmp_path / "m.npz", y=np.ones(3), operator=np.array(recipe), shape=[8, 8])
    with pytest.raises(InputError):
        load_measurement(tmp_path / "m.npz")


@pytest.mark.parametrize("entry", [1e300, -1e300, 1e16])
@pytest.mark.parametrize("ending", ["npz", "mat", "npy", "csv"])
def test_entries_too_large_are_named(tmp_path, entry, ending):
    from scipy.io import savemat

    matrix = np.random.default_rng(0).normal(size=(5, 64))
    matrix[2, 7] = entry
    file = tmp_path / f"m.{ending}"
    if ending == "npz":
        np.savez(file, y=np.ones(5), A=matrix)
        with pytest.raises(InputError, match=r"'A' has an entry of -?1e\+\d+ \(row 3, column 8\).*other units"):
            load_measurement(file)
    else:
        write = {
            "mat": lambda f, m: savemat(f, {"A": m}),
            "npy": np.save,
            "csv": lambda f, m: np.savetxt(f, m, delimiter=","),
        }
        write[ending](file, matrix)
        with pytest.raises(InputError, match=r"has an entry of -?1e\+\d+ \(row 3, column 8\).*other units"):
            OPERATORS.parse(f"matrix file={file}").build((1, 8, 8), 0)


def test_devices_are_not_read():
    from engine.foreign.arrays import read_arrays, read_vector

    for read in (read_arrays, read_vector):
        with pytest.raises(InputError, match="not a file"):
            read("/dev/zero")
