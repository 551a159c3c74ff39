"""A training that a window follows: names, and curves that a resumed one goes on with."""

import json

import numpy as np
import pytest
import torch

from engine.control import Cancelled, Control
from engine.errors import InputError
from engine.images import save_png
from engine.priors.library import priors
from engine.priors.training.denoiser import DenoiserTrainer
from engine.priors.training.session import prepare_settings, run_session, training_folder
from engine.priors.training.settings import DenoiserTraining


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("QCS_STUDIO_DATA", str(tmp_path / "data"))
    rng = np.random.default_rng(0)
    for i in range(20):
        save_png(tmp_path / f"{i}.png", rng.random((1, 8, 8), np.float32))
    return DenoiserTraining(
        images=str(tmp_path), prior="mine", width=16, blocks=1, batch=4, attention=False, steps=12, threads=1
    )


@pytest.mark.parametrize("name", ["mnist", "gaussian"])
def test_a_name_that_is_taken_is_refused(settings, name):
    with pytest.raises(InputError, match="already"):
        prepare_settings(settings.replace(prior=name))


@pytest.mark.slow
def test_the_curves_go_on_where_they_were(settings):
    settings, control, seen = prepare_settings(settings), Control(), []

    def emit(frame):
        seen.append(frame)
        if frame.step == 5:
            control.cancel()

    with pytest.raises(Cancelled):
        run_session(settings, control, emit, lambda: True)
    curve = json.loads((training_folder() / "mine.curve").read_text())
    assert curve["step"] == [1, 2, 3, 4, 5]
    assert curve["loss"] == seen[-1].history["loss"]
    again = []
    assert run_session(settings, Control(), again.append, lambda: True) == "mine"
    assert again[0].history["step"] == [1, 2, 3, 4, 5, 6]
    assert again[0].history["loss"][:5] == curve["loss"]
    assert not (training_folder() / "mine.curve").exists()
    with pytest.raises(InputError, match="already"):
        prepare_settings(settings)


def test_what_was_left_out_is_told_and_on_the_card(settings, tmp_path):
    (tmp_path / "9a.png").write_bytes(b"no picture")
    seen = []
    run_session(prepare_settings(settings), Control(), seen.append, lambda: True)
    assert {frame.note for frame in seen} == {"1 picture could not be read and was left out: '9a.png'."}
    assert priors().parse("mine").facts["card"]["notes"].endswith(seen[0].note)


@pytest.mark.slow
def test_the_learning_rate_falls_to_nothing_and_the_weights_come_to_rest(settings, tmp_path):
    steps = 60
    trainer = DenoiserTrainer(settings.replace(out=str(tmp_path / "a.safetensors"), steps=steps, decay=0.5))
    before, rates, moved = [p.detach().clone() for p in trainer.network.parameters()], [], []
    for progress in trainer:
        now = [p.detach().clone() for p in trainer.network.parameters()]
        moved.append(max(float((a - b).abs().max()) for a, b in zip(now, before, strict=True)))
        rates.append(progress.rate)
        before = now
    assert int(np.argmax(rates)) == steps // 2 and rates[0] < rates[steps // 2]
    assert rates[-1] < 0.1 * max(rates) and all(np.diff(rates[steps // 2 :]) < 0)
    assert moved[-1] < 0.3 * max(moved[steps // 3 : steps // 2])


def test_the_learning_rate_follows_a_budget_of_time(settings, tmp_path):
    trainer = DenoiserTrainer(
        settings.replace(out=str(tmp_path / "a.safetensors"), steps=10**6, minutes=1.0, decay=0.5)
    )
    at = {}
    for seconds in (0.0, 30.0, 45.0, 57.0, 60.0):
        trainer.seconds = seconds
        at[seconds] = trainer.rate_at(1000)
    assert at[0.0] == at[30.0] == settings.rate
    assert at[45.0] == pytest.approx(0.5 * settings.rate) and at[57.0] == pytest.approx(0.1 * settings.rate)
    assert at[60.0] == 0


def judged(monkeypatch, quality):
    """Previews at every step, with a made-up quality by step; the weights at each of them."""
    from engine.priors.training import session

    weights = {}

    def preview(self, samples=8):
        weights[self.step] = {k: v.clone() for k, v in self.averaged.items()}
        return {0.2: quality(self.step)}, torch.zeros((1, *self.source.shape))

    monkeypatch.setattr(session, "PREVIEW_SECONDS", 0.0)
    monkeypatch.setattr(session, "PREVIEW_SHARE", 1e9)
    monkeypatch.setattr(DenoiserTrainer, "preview", preview)
    return weights


def kept_weights():
    prior = priors().parse("mine").load("cpu", (1, 8, 8))
    return {k: v.float() for k, v in prior.network.state_dict().items()}


def same(one, other):
    return all(torch.allclose(one[k], other[k].float(), rtol=2e-3, atol=1e-4) for k in one)


def test_the_best_weights_are_kept_and_a_training_that_gets_worse_stops(settings, monkeypatch):
    weights = judged(monkeypatch, lambda step: 21.4 - abs(step - 4) * 0.5)
    seen = []
    run_session(prepare_settings(settings.replace(steps=200, rate=0.02)), Control(), seen.append, lambda: True)
    assert seen[-1].best == (4, 21.4)
    assert 6 <= seen[-1].step < 20, "it did not go on in vain"
    assert "since step 4" in seen[-1].note
    kept = kept_weights()
    assert same(kept, weights[4]) and not same(kept, weights[seen[-1].step])
    assert "step 4 of" in priors().parse("mine").facts["card"]["notes"]
    assert not list(training_folder().glob("mine.*")), "nothing is left behind"


def test_a_dip_does_not_stop_a_training_and_the_last_weights_may_be_the_best(settings, monkeypatch):
    weights = judged(monkeypatch, lambda step: 20 + 0.1 * step - (2.0 if 3 <= step <= 6 else 0.0))
    seen = []
    run_session(prepare_settings(settings), Control(), seen.append, lambda: True)
    assert seen[-1].step == 12 and seen[-1].best == (12, pytest.approx(21.2))
    assert same(kept_weights(), weights[12])
    assert "best on pictures" not in priors().parse("mine").facts["card"]["notes"]


def test_a_resumed_training_knows_its_best(settings, monkeypatch):
    weights = judged(monkeypatch, lambda step: 22.0 if step == 3 else 21.9)
    settings, control = prepare_settings(settings.replace(rate=0.02)), Control()

    def emit(frame):
        if frame.step == 6:
            control.cancel()

    with pytest.raises(Cancelled):
        run_session(settings, control, emit, lambda: True)
    seen = []
    run_session(settings, Control(), seen.append, lambda: True)
    assert seen[0].best == seen[-1].best == (3, 22.0)
    assert same(kept_weights(), weights[3])


def test_pictures_that_are_not_square_are_cropped_and_it_is_told(settings, tmp_path):
    save_png(tmp_path / "wide.png", np.random.default_rng(1).random((1, 9, 17), np.float32))
    seen = []
    run_session(prepare_settings(settings), Control(), seen.append, lambda: True)
    assert seen[-1].note == "1 picture is not square: the middle was taken, at 8 x 8."
