"""A measurement stands by itself: settled once, in numbers, and the same whatever reconstructs it."""

import json
import shlex

import numpy as np
import pytest

from engine.cli import main
from engine.errors import InputError
from engine.priors.library import priors
from engine.runs.job import prepare, reconstruct
from engine.runs.library import Library
from engine.runs.measured import Measured
from engine.runs.spec import Reconstructed, RunSpec
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS

DIGIT = (1, 28, 28)
QUICK = "turbo rounds=2 levels=2"
OPEN = (  # ranges that follow the prior where the matrix is random, the operator elsewhere
    ("gaussian measurements=150", "uniform bits=2"), ("dct measurements=150", "lloyd-max bits=3"),
    ("gaussian measurements=150", "dithered"), ("inpainting", "uniform bits=3"), ("blur", "dithered known=false"),
    ("single-pixel", "lloyd-max"), ("correlated measurements=150", "uniform rule=three-sigma"),
)  # fmt: skip


def written(spec):
    """The words of what is measured, in which nothing is left open."""
    values = spec.as_dict()
    return {key: str(values[key]) for key in spec.measured.keys}


@pytest.mark.slow
@pytest.mark.parametrize(("operator", "quantizer"), OPEN)
def test_settled_recipes_leave_nothing_open_and_measure_the_same(operator, quantizer):
    spec = RunSpec(operator=operator, quantizer=quantizer, seed=3, device="cpu", algorithm=None)
    job = prepare(spec)
    assert "auto" not in " ".join(written(job.spec).values())
    assert job.spec.measured.is_settled
    for again in (prepare(job.spec), prepare(RunSpec.from_json(job.spec.as_json()))):
        assert again.spec == job.spec
        seen, first = again.measurement, job.measurement
        assert np.array_equal(seen.codes, first.codes)
        assert np.array_equal(seen.lower, first.lower)
    assert job.spec.settled(DIGIT) == job.spec


def test_one_measurement_under_three_priors_has_equal_codes():
    spec = prepare(RunSpec(operator="gaussian measurements=150", quantizer="uniform bits=2", device="cpu")).spec
    seen = [
        prepare(spec.replace(prior=name, algorithm=None)).measurement for name in ("mnist", "fashion-mnist", "wavelet")
    ]
    assert len({m.codes.numpy().tobytes() for m in seen}) == 1
    assert len({m.quantizer.thresholds.numpy().tobytes() for m in seen}) == 1
    # and without settling, another prior measures other data
    other = prepare(RunSpec(operator="gaussian measurements=150", quantizer="uniform bits=2", prior="fashion-mnist"))
    assert other.spec.quantizer.step != spec.quantizer.step


def test_an_adviser_settles_what_another_prior_reconstructs():
    spec = RunSpec(quantizer="uniform bits=2", prior="fashion-mnist", device="cpu", algorithm=QUICK, samples=1)
    advised = prepare(spec, adviser=priors().parse("mnist"))
    own = prepare(spec.replace(prior="mnist"))
    assert advised.spec.measured == own.spec.measured
    assert advised.spec.prior.name == "fashion-mnist"


def test_the_command_of_a_result_gives_its_arrays(tmp_path, monkeypatch):
    monkeypatch.setenv("QCS_STUDIO_DATA", str(tmp_path / "data"))
    spec = RunSpec(
        operator="dct measurements=150", quantizer="uniform bits=2", samples=2, seed=5, algorithm=QUICK, device="cpu"
    )
    result = reconstruct(spec)
    words = shlex.split(result.spec.as_command())[1:]
    words[words.index("--out") + 1] = str(tmp_path / "again")
    assert main(words) == 0
    with np.load(tmp_path / "again" / "result.npz") as again:
        assert np.array_equal(again["samples"], result.samples)
    recipe = json.loads((tmp_path / "again" / "result.json").read_text())["recipe"]
    assert RunSpec.from_dict(recipe) == result.spec
    assert "auto" not in " ".join(str(recipe[key]) for key in result.spec.measured.keys)


def test_what_is_settled_for_one_size_is_refused_by_a_prior_of_another():
    spec = RunSpec().settled(DIGIT)
    with pytest.raises(InputError, match="'faces' is for images of 64 x 64 only"):
        spec.replace(prior="faces")
    assert spec.replace(prior="natural").shape_for((3, 256, 256)) == DIGIT


def test_colour_is_chosen():
    spec = RunSpec(image="sample:photo-cat", prior="natural", operator="dct measurements=500", colour="grey", size="32")
    assert spec.image_shape() == (1, 32, 32)
    assert prepare(spec.replace(device="cpu")).measurement.truth.shape == (1, 1, 32, 32)
    with pytest.raises(InputError, match="'mnist' is not for"):
        RunSpec(colour="colour")


def test_the_seed_of_the_measurement_is_its_own():
    one, other = (prepare(RunSpec(seed=seed, measurement_seed=7, device="cpu")) for seed in (0, 1))
    assert np.array_equal(one.measurement.codes, other.measurement.codes)
    assert not np.array_equal(one.measurement.codes, prepare(RunSpec(seed=7, measurement_seed=8)).measurement.codes)


# -- a kept run with changes -------------------------------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setenv("QCS_STUDIO_DATA", str(tmp_path / "data"))
    result = reconstruct(RunSpec(quantizer="uniform bits=2", algorithm=QUICK, samples=2, device="cpu"))
    Library().add(result, "kept")
    return result


def again(tmp_path, *words):
    assert main(["run", "--from", "kept", "--no-save", "--out", str(tmp_path / "out"), *words]) == 0
    found = json.loads((tmp_path / "out" / "result.json").read_text())
    with np.load(tmp_path / "out" / "result.npz") as arrays:
        return RunSpec.from_dict(found["recipe"]), dict(arrays)


def test_every_flag_beside_from_changes_the_kept_run(tmp_path, kept):
    spec, arrays = again(tmp_path)
    assert spec == kept.spec
    assert np.array_equal(arrays["samples"], kept.samples)
    changes = [
        "--samples",
        "3",
        "--prior",
        "fashion-mnist",
        "--algorithm",
        "guided steps=3",
        "--seed",
        "4",
        "--first-sample",
        "2",
    ]
    spec, arrays = again(tmp_path, *changes)
    assert spec.measured == kept.spec.measured  # the same data, whatever reconstructs it
    assert (spec.samples, spec.prior.name, str(spec.algorithm)[:14], spec.seed, spec.first_sample) == (
        3, "fashion-mnist", "guided steps=3", 4, 2,
    )  # fmt: skip
    assert len(arrays["samples"]) == 3
    spec, _ = again(
        tmp_path, "--noise", "0.2", "--quantizer", "one-bit", "--image", "sample:digit-7", "--measurement-seed", "9"
    )
    assert (spec.noise, spec.quantizer.name, spec.image, spec.measurement_seed) == (0.2, "one-bit", "sample:digit-7", 9)


def test_a_kept_run_of_a_file_refuses_what_the_file_decides(tmp_path, kept, capsys):
    seen = tmp_path / "m.npz"
    assert main(["measure", "--image", "sample:digit-3", "--out", str(seen)]) == 0
    words = ["run", "--measurement", str(seen), "--algorithm", QUICK, "--samples", "1", "--out", str(tmp_path / "own")]
    assert main([*words, "--save", "own"]) == 0
    seen.unlink()
    assert main(["run", "--from", "own", "--samples", "2", "--no-save", "--out", str(tmp_path / "two")]) == 0
    with np.load(tmp_path / "two" / "result.npz") as arrays:
        assert len(arrays["samples"]) == 2
    capsys.readouterr()
    assert main(["run", "--from", "own", "--noise", "0.1", "--out", str(tmp_path / "three")]) == 2
    assert "--noise does not go with --from here" in capsys.readouterr().err


# -- every setting through every written form --------------------------------------------------------------------------


def values_for(setting, default):
    """Values that a setting takes, its ends and some between them."""
    if setting.optional:
        yield None
    if setting.choices:
        yield from setting.choices
    elif setting.kind is bool:
        yield from (True, False)
    elif setting.kind in (int, float):
        low = setting.low if setting.low is not None else setting.above
        if setting.above is not None:
            low = setting.above + 1e-7 if setting.kind is float else setting.above + 1
        for value in (low, setting.high, default, 1e-7, 2**40):
            if value is not None:
                try:
                    yield setting.check("value", setting.kind(value))
                except InputError:  # outside this setting's range
                    continue
    yield default


@pytest.mark.parametrize("part", [Measured, Reconstructed])
def test_every_scalar_of_a_recipe_survives_file_and_command(part):
    from engine.runs.spec import flag_of

    base, defaults = RunSpec(prior="gaussian"), part.defaults()
    for key, setting in part.settings().items():
        if setting.family or setting.files or key in ("size", "colour"):
            continue
        for value in values_for(setting, defaults[key]):
            spec = base.replace(**{key: value})
            assert getattr(spec, key) == value
            assert RunSpec.from_json(spec.as_json()) == spec, key
            words = shlex.split(spec.as_command())
            if value not in (None, "auto", "") and (key != "first_sample" or value):
                assert setting.check(key, words[words.index(flag_of(key)) + 1]) == value


@pytest.mark.parametrize("family", [OPERATORS, QUANTIZERS], ids=lambda f: f.kind)
def test_every_setting_of_a_choice_survives_its_written_form(family):
    for name, cls in family.choices.items():
        defaults = cls.defaults()
        for key, setting in cls.settings().items():
            for value in values_for(setting, defaults[key]):
                try:
                    choice = family.make(name, {key: value})
                except InputError:  # not with the other defaults
                    continue
                assert getattr(choice, key) == value
                assert family.parse(str(choice)) == choice, (name, key, value)
