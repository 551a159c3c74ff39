"""Results judged without a truth: what was left out, the score, the failures it shows, and the method that goes on."""

import numpy as np
import pytest
import torch

from engine.algorithms import ALGORITHMS
from engine.errors import EngineError
from engine.runs import job as jobs
from engine.runs import judging
from engine.runs.document import open_run, save_run
from engine.runs.job import Job, prepare, reconstruct
from engine.runs.judgement import unseen_failure
from engine.runs.score import Score, score
from engine.runs.spec import RunSpec
from engine.sensing.files import save_measurement
from engine.sensing.holding_out import FEWEST, hold_out
from engine.sensing.measurement import simulate
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS

QUICK = "turbo rounds=3 levels=2"
SHAPE = (1, 16, 16)


def measured(quantizer, operator="gaussian measurements=400", noise=0.1, seed=0):
    truth = torch.rand((2, *SHAPE), generator=torch.Generator().manual_seed(seed))
    return simulate(truth, OPERATORS.parse(operator).build(SHAPE, seed), QUANTIZERS.parse(quantizer), noise, seed)


@pytest.mark.parametrize(
    "quantizer", ["one-bit", "uniform bits=3", "one-bit flip=0.1", "dithered known=false", "photons"]
)
def test_what_is_left_out_says_nothing_to_the_fit(quantizer):
    seen = measured(quantizer, "identity")
    held = hold_out(seen, 0.1, 3, (0, 1))
    share = held.rows.double().mean(1)
    assert ((share > 0.03) & (share < 0.2)).all()
    assert not torch.equal(held.rows[0], held.rows[1])
    z = seen.predict(seen.truth).double() + 0.01
    found = held.fitted.channel.moments(z, torch.full_like(z, 0.04))
    whole = seen.channel.moments(z, torch.full_like(z, 0.04))
    assert (found.log_prob[held.rows].abs() < 1e-100).all()
    assert (found.score[held.rows].abs() < 1e-100).all()
    assert found.ratio[held.rows].numpy() == pytest.approx(1)
    kept = ~held.rows
    assert torch.equal(found.log_prob[kept], whole.log_prob[kept])
    scored, known = held.fitted.channel.scored(z), seen.channel.scored(z)
    assert (scored is None) == (known is None)
    if scored is not None:
        assert torch.equal(scored[0][kept], known[0][kept])
        assert torch.equal(scored[1][kept], known[1][kept])
        assert torch.equal(scored[0][held.rows], z[held.rows])
    assert held.judge is seen
    alone = hold_out(seen.select([1]), 0.1, 3, (1,))
    assert torch.equal(alone.rows[0], held.rows[1])


def test_real_values_are_thinned_into_independent_ones():
    operator = OPERATORS.parse("gaussian measurements=20000").build(SHAPE, 0)
    truth = torch.rand((1, *SHAPE))
    seen = simulate(truth, operator, QUANTIZERS.parse("none"), 0.2, 0)
    held = hold_out(seen, 0.05, 0)
    z = seen.predict(truth)
    fitted, judged = (m.values - z for m in (held.fitted, held.judge))
    assert float(fitted.std()) == pytest.approx(held.fitted.noise, rel=0.03)
    assert float(judged.std()) == pytest.approx(held.judge.noise, rel=0.03)
    assert 1 / held.fitted.noise**2 + 1 / held.judge.noise**2 == pytest.approx(1 / 0.2**2)
    assert abs(float((fitted * judged).mean())) / held.fitted.noise / held.judge.noise < 0.03


@pytest.mark.parametrize("quantizer", ["one-bit", "uniform bits=3", "none"])
def test_the_score_orders_pictures_by_their_error(quantizer):
    seen = measured(quantizer).select([0])
    truth, draw = seen.truth[0].numpy(), np.random.default_rng(0)
    blurred = [truth + s * draw.normal(size=truth.shape).astype(np.float32) for s in (0.0, 0.15, 0.3, 0.6)]
    bits = [score(seen, x, blurred[3], 0.5, truth[None][:0], None).result for x in blurred]
    assert bits == sorted(bits, reverse=True)
    assert bits[0] > 0.1


def test_the_prediction_interval_is_calibrated():
    seen = measured("none", "gaussian measurements=4000", noise=0.02).select([0])
    draw = np.random.default_rng(1)
    truth = seen.truth[0].numpy()
    off = truth + 0.1 * draw.normal(size=truth.shape).astype(np.float32)
    found = score(seen, off, off, 0.5, truth[None][:0], 0.1)
    assert found.inside == pytest.approx(0.9, abs=0.03)
    assert score(seen, off, off, 0.5, truth[None][:0], 0.01).inside < 0.8
    assert score(seen, off, off, 0.5, truth[None][:0], None).inside is None


def test_failures_that_are_seen_without_the_truth():
    picture, good = np.full(SHAPE, 0.5, np.float32), Score(0.5, 0.2, 100, True, 0.9, 0.01)
    assert unseen_failure(picture, good, 0.01) == ""
    assert "in other units" in unseen_failure(picture * 1e4, good)
    assert "as no picture does" in unseen_failure(picture + 0.8, good)
    worse = Score(-0.5, 0.2, 100, False, None, 0.01)
    assert "worse than the prior's mean" in unseen_failure(picture, worse)
    assert "interpolated" in unseen_failure(picture, Score(0.1, 0.6, 100, True, None, 0.01))
    assert (
        unseen_failure(picture, Score(0.1, 0.6, 100, False, None, 0.01)) == ""
    )  # it was made from what it is judged by
    assert "3.2 times the error" in unseen_failure(picture, Score(0.5, 0.2, 100, True, 0.5, 0.1), 0.01)
    assert unseen_failure(picture, Score(0.1, 0.3, 10, True, None, 0.0)) == ""  # too few to be sure


def test_own_measurements_are_held_out_and_simulated_ones_are_not(tmp_path):
    spec = RunSpec(algorithm=QUICK, samples=2, device="cpu")
    job = prepare(spec)
    assert job.held is None
    seen = job.measurement
    save_measurement(tmp_path / "simulated.npz", seen, spec.operator, spec.matrix_seed)
    assert prepare(spec.replace(measurement=str(tmp_path / "simulated.npz"))).held is None
    matrix, y = seen.operator.matrix.numpy(), 2 * seen.codes[0].numpy() - 1
    np.savez(tmp_path / "m.npz", y=y, A=matrix, shape=[28, 28], noise=seen.noise, offset=seen.offset)
    own = RunSpec(measurement=str(tmp_path / "m.npz"), algorithm=QUICK, samples=2, device="cpu")
    result = reconstruct(own)
    assert result.score.held_out
    assert result.metrics()["score_rows"] == result.score.rows > 2
    assert prepare(own.replace(held_out=0)).held is None
    assert prepare(own.replace(prior="wavelet", algorithm="biht")).held is None  # takes every bit for what it is
    few = simulate(job.measurement.truth, OPERATORS.parse(f"gaussian measurements={FEWEST - 1}").build((1, 28, 28), 0),
                   QUANTIZERS.parse("one-bit"), 0.05, 0)  # fmt: skip
    assert Job(spec.replace(held_out=0.2), few).held is None
    kept = open_run(save_run(tmp_path / "kept.qcs", result))
    assert kept.score == result.score
    assert kept.unseen_failure == result.unseen_failure == ""
    again = reconstruct(own)
    assert np.array_equal(again.samples, result.samples)  # by the seed alone


def test_counts_taken_for_brightness_are_not_called_done(tmp_path):
    y = 40000 * np.random.default_rng(0).random(256)
    np.savez(tmp_path / "counts.npz", y=y, A=np.eye(256), shape=[16, 16], noise=200.0)
    result = reconstruct(RunSpec(measurement=str(tmp_path / "counts.npz"), prior="wavelet", device="cpu"))
    assert "in other units" in result.failed


def test_where_the_advised_method_cannot_be_right_the_next_goes_on(monkeypatch):
    spec = RunSpec(samples=1, device="cpu")
    assert spec.reconstructed.algorithm is None
    monkeypatch.setattr(jobs, "fallbacks", lambda spec: [ALGORITHMS.parse("guided steps=4")])
    judged = iter(["it predicts nothing.", "", ""])
    monkeypatch.setattr(judging, "unseen_failure", lambda *_: next(judged))
    job = prepare(spec)
    names = {(i.step, i.steps) for i in job.stream()}
    assert (5, 5) in names
    result = job.reconstructions()[0]
    assert result.spec.algorithm == ALGORITHMS.parse("guided steps=4")
    assert "given up: it predicts nothing." in " ".join(result.notes)


def test_an_advised_method_that_breaks_is_followed_by_the_next_and_a_chosen_one_is_not(monkeypatch):
    def breaks(self, measurement, prior, draws):
        raise EngineError("It broke.")
        yield

    monkeypatch.setattr(type(ALGORITHMS.parse("turbo")), "iterates", breaks)
    monkeypatch.setattr(jobs, "fallbacks", lambda spec: [ALGORITHMS.parse("guided steps=4")])
    result = reconstruct(RunSpec(samples=1, device="cpu"))
    assert result.spec.algorithm.name == "guided"
    assert "It broke." in " ".join(result.notes)
    with pytest.raises(EngineError, match="It broke"):
        reconstruct(RunSpec(samples=1, device="cpu", algorithm="turbo"))


def test_what_was_found_is_kept_where_the_next_method_breaks(monkeypatch):
    def breaks(self, measurement, prior, draws):
        raise EngineError("It broke.")
        yield

    alone = reconstruct(RunSpec(samples=1, device="cpu", algorithm="turbo"))
    monkeypatch.setattr(type(ALGORITHMS.parse("guided")), "iterates", breaks)
    monkeypatch.setattr(jobs, "fallbacks", lambda spec: [ALGORITHMS.parse("guided steps=4")])
    monkeypatch.setattr(judging, "unseen_failure", lambda *_: "it predicts nothing.")
    result = reconstruct(RunSpec(samples=1, device="cpu"))
    assert result.spec.algorithm.name == "turbo" and result.history["psnr"][-1] == alone.history["psnr"][-1]
    assert np.array_equal(result.mean, alone.mean)
    told = " ".join(result.notes)
    assert "given up: it predicts nothing." in told and "It broke." in told and "is shown" in told


def test_a_matrix_that_is_not_decomposed_gets_no_method_that_needs_it(tmp_path):
    y = np.random.default_rng(0).random((20, 24))
    np.savez(tmp_path / "seen.npz", y=y, kernel=np.eye(5) / 5, noise=0.01)
    job = prepare(RunSpec(measurement=str(tmp_path / "seen.npz"), prior="natural", samples=1, device="cpu"))
    assert job.spec.algorithm.name == "plug-and-play"
    assert [a.name for a in jobs.fallbacks(job.spec)] == ["diffpir"]


def test_photons_in_wrong_units_are_not_sent_to_methods_that_cost_minutes(tmp_path):
    y = np.random.default_rng(0).binomial(16, np.full((20, 24), 0.2))
    recipe = {"operator": np.array('{"recipe": "identity", "seed": 0}'), "shape": np.array([20, 24])}
    facts = {"photons": np.array('{"kind": "clicks", "frames": 16}'), "gain": np.array(0.5), "noise": np.array(0.0)}
    np.savez(tmp_path / "seen.npz", y=y, **recipe, **facts)
    result = reconstruct(RunSpec(measurement=str(tmp_path / "seen.npz"), prior="natural", samples=1, device="cpu"))
    assert result.spec.algorithm.name == "plug-and-play"
    assert "check offset and gain" in result.failed
    simulated = RunSpec(prior="natural", operator="identity", quantizer="photons", noise=0.0, size="32")
    assert jobs.fallbacks(simulated) == []
    turned = simulated.replace(algorithm="diffpir")
    assert [a.name for a in jobs.fallbacks(turned)] == ["plug-and-play"]


@pytest.mark.parametrize(
    "quantizer", ["photons frames=1 light=0.5", "photons frames=16", "photons kind=counts light=9"]
)
def test_photons_that_were_left_out_are_calibrated_at_the_truth(quantizer):
    shape = (1, 32, 32)
    truth = torch.rand((1, *shape), generator=torch.Generator().manual_seed(0))
    seen = simulate(truth, OPERATORS.parse("identity").build(shape, 0), QUANTIZERS.parse(quantizer), 0.0, 0)
    held = hold_out(seen, 0.5, 0)
    flat = np.full(shape, 0.5, np.float32)
    found = score(held.judge, truth[0].numpy(), flat, 0.5, flat[None][:0], None, held.rows[0])
    assert found.inside == pytest.approx(0.9, abs=0.03)
    wrong = score(held.judge, np.clip(truth[0].numpy() * 4, 0, 4), flat, 0.5, flat[None][:0], 1e-3, held.rows[0])
    assert wrong.inside < 0.86 or quantizer.startswith("photons frames=1 ")


@pytest.mark.parametrize("key", ["result", "trivial", "rows", "inside", "error"])
@pytest.mark.parametrize("value", ["x", [1], {}])
def test_a_score_of_other_kinds_is_none(key, value):
    """Documents that somebody edited reach the report."""
    told = Score(0.5, 0.2, 100, True, 0.9, 0.01).as_dict()
    assert Score.from_dict(told) is not None
    assert Score.from_dict(told | {key: value}) is None
