"""Training and importing priors from the window, by clicking."""

import threading

import numpy as np
import pytest

from engine.images import save_png
from engine.priors.library import priors, user_folder
from engine.priors.training.session import training_folder, unfinished


@pytest.fixture
def pictures(tmp_path, digit):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(32):
        save_png(folder / f"{i:02}.png", np.roll(digit, (i % 7 - 3, i // 7 - 2), (1, 2)))
    return folder


@pytest.fixture
def dialog(open_studio, pictures):
    studio = open_studio()
    studio.window.actions_by_name["train_prior"].trigger()
    d = studio.training.dialog
    d.panel.fields["images"].line.setText(str(pictures))
    d.panel.fields["prior"].setText("mine")
    d.panel.fields["width"].setValue(16)
    d.panel.fields["minutes"].setValue(10.0)
    return studio, d


def wait_steps(qtbot, d, least=1):
    qtbot.waitUntil(
        lambda: len(d.loss_curve.getData()[0] if d.loss_curve.getData()[0] is not None else ()) >= least, timeout=60000
    )


@pytest.mark.slow
def test_a_prior_is_trained_paused_kept_and_chosen(dialog, qtbot, click):
    studio, d = dialog
    assert not d.keep_button.isEnabled()
    click(d.start_button)
    assert not d.start_button.isEnabled()
    wait_steps(qtbot, d, 2)
    click(d.pause_button)
    assert d.pause_button.text() == "Resume"
    click(d.pause_button)
    click(d.keep_button)
    qtbot.waitUntil(lambda: "Done" in d.says.text(), timeout=60000)
    assert not [t for t in threading.enumerate() if t.name == "training"]
    assert (user_folder() / "mine.safetensors").exists()
    assert not list(training_folder().glob("mine*"))
    combo = studio.window.prior_form.combo
    assert combo.findData("mine") >= 0
    combo.setCurrentIndex(combo.findData("mine"))
    assert studio.session.spec.prior.name == "mine"
    card = priors().parse("mine").facts["card"]
    assert "--images pictures" in card["command"]
    assert card["quality"]["sigma"]


@pytest.mark.slow
def test_a_trained_prior_is_used_with_one_click(dialog, qtbot, click):
    studio, d = dialog
    click(d.start_button)
    wait_steps(qtbot, d, 2)
    click(d.keep_button)
    qtbot.waitUntil(lambda: "Done" in d.says.text(), timeout=60000)
    click(d.use_button)
    assert studio.session.spec.prior.name == "mine"
    assert not d.isVisible()


@pytest.mark.slow
def test_a_training_without_a_name_is_one_sentence(dialog, qtbot, click):
    _, d = dialog
    d.panel.fields["prior"].setText("")
    click(d.start_button)
    qtbot.waitUntil(lambda: "Give the prior a name" in d.says.text(), timeout=60000)


@pytest.mark.slow
def test_pictures_that_are_left_out_are_said(dialog, pictures, qtbot, click):
    _, d = dialog
    (pictures / "07a.png").write_bytes(b"no picture")
    assert not d.note.isVisible()
    click(d.start_button)
    wait_steps(qtbot, d, 1)
    assert d.note.isVisible()
    assert "'07a.png'" in d.note.text()
    click(d.leave_button)
    qtbot.waitUntil(lambda: "Saved for later" in d.says.text(), timeout=60000)


@pytest.mark.slow
def test_a_training_that_was_left_goes_on_where_it_was(dialog, qtbot, click):
    studio, d = dialog
    click(d.start_button)
    wait_steps(qtbot, d, 3)
    click(d.leave_button)
    qtbot.waitUntil(lambda: "Saved for later" in d.says.text(), timeout=60000)
    assert list(unfinished()) == ["mine"]
    assert "mine" not in priors().choices
    index = d.resume_combo.findData("mine")
    d.resume_combo.setCurrentIndex(index)
    d.resume_combo.activated.emit(index)
    assert d.start_button.text() == "Go on"
    assert not d.panel.isEnabled()
    before = list(d.loss_curve.getData()[0])
    click(d.start_button)
    assert d.loss_curve.getData()[0] is None  # what the training before has shown is gone
    wait_steps(qtbot, d, len(before) + 2)
    steps = list(d.loss_curve.getData()[0])
    assert steps == sorted(steps)
    last = int(before[-1])
    assert steps[: last + 2] == list(range(1, last + 3))  # the same curve, no step twice or left out
    click(d.leave_button)
    qtbot.waitUntil(lambda: studio.training.worker is None, timeout=60000)
    index = d.resume_combo.findData("mine")
    d.resume_combo.setCurrentIndex(index)
    d.resume_combo.activated.emit(index)
    click(d.discard_button)
    assert not unfinished()


@pytest.mark.slow
def test_the_objective_of_the_papers_can_be_chosen(dialog, qtbot, click):
    _, d = dialog
    d.panel.fields["objective"].setCurrentText("ncsnv2")
    click(d.start_button)
    wait_steps(qtbot, d, 2)
    click(d.keep_button)
    qtbot.waitUntil(lambda: "Done" in d.says.text(), timeout=60000)
    prior = priors().parse("mine")
    assert prior.facts["kind"] == "ncsnv2"
    losses = d.loss_curve.getData()[1]
    assert 0.3 < losses[0] < 3  # predicting nothing costs about 1


def test_what_cannot_be_trained_on_is_said_in_the_dialog(dialog, qtbot, click, tmp_path, digit):
    _, d = dialog
    few = tmp_path / "few"
    few.mkdir()
    save_png(few / "a.png", digit)
    d.panel.fields["images"].line.setText(str(few))
    click(d.start_button)
    qtbot.waitUntil(lambda: "too few" in d.says.text(), timeout=60000)
    d.panel.fields["prior"].setText("no good/name")
    click(d.start_button)
    assert "letters, digits" in d.says.text()


@pytest.mark.slow
def test_closing_the_window_saves_the_training(dialog, qtbot, click):
    studio, d = dialog
    click(d.start_button)
    wait_steps(qtbot, d, 2)
    assert studio.close()
    assert list(unfinished()) == ["mine"]
    assert not [t for t in threading.enumerate() if t.name == "training"]


@pytest.mark.slow
def test_a_network_is_imported_and_a_bad_file_is_one_sentence(open_studio, qtbot, click, tmp_path):
    import torch

    from engine.priors.networks.ncsnv2 import ScoreNet, ScoreNetShape

    studio = open_studio()
    studio.window.actions_by_name["import_prior"].trigger()
    d = studio.imports.dialog
    bad = tmp_path / "bad.pth"
    bad.write_bytes(b"nonsense")
    d.panel.fields["file"].line.setText(str(bad))
    click(d.import_button)
    qtbot.waitUntil(lambda: "bad.pth" in d.says.text(), timeout=30000)
    network = ScoreNet(ScoreNetShape("NCSNv2", 1, 8, 3))
    network.sigmas.copy_(torch.tensor([5.0, 0.5, 0.05]))
    state = {f"module.{k}": v for k, v in network.state_dict().items()}
    torch.save([state, {}, 1, 2, dict(network.named_parameters())], tmp_path / "net.pth")
    d.panel.fields["file"].line.setText(str(tmp_path / "net.pth"))
    d.panel.fields["name"].setText("borrowed")
    click(d.import_button)
    qtbot.waitUntil(lambda: "borrowed" in d.says.text(), timeout=30000)
    assert studio.window.prior_form.combo.findData("borrowed") >= 0


@pytest.mark.slow
def test_an_unfinished_training_is_offered_and_its_best_is_marked(dialog, qtbot, click, open_studio, monkeypatch):
    from engine.priors.training import session
    from qcs_gui.widgets.offer import Offer

    monkeypatch.setattr(session, "PREVIEW_SECONDS", 0.0)
    studio, d = dialog
    click(d.start_button)
    wait_steps(qtbot, d, 3)
    qtbot.waitUntil(lambda: len(d.best_mark.getData()[0]) == 1, timeout=60000)
    step, psnr = (float(v[0]) for v in d.best_mark.getData())
    curve = dict(zip(*d.psnr_curve.getData(), strict=True))
    assert curve[step] == psnr == max(curve.values())
    assert f"Kept: step {step:,.0f}" in d.psnr_label.text()
    assert studio.close()
    again = open_studio()
    again.training.offer()
    offer = again.window.findChild(Offer)
    assert offer.isVisible() and "'mine'" in offer.label.text()
    click(offer.yes_button)
    assert again.training.running and not offer.isVisible()
    d = again.training.dialog
    qtbot.waitUntil(lambda: d.loss_curve.getData()[0] is not None and len(d.loss_curve.getData()[0]) > 3, timeout=60000)
    click(d.leave_button)
    qtbot.waitUntil(lambda: not again.training.running, timeout=60000)
