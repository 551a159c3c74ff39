"""The expected PSNR before a run, and the designer."""

import pytest

from qcs_gui.design.dialog import KINDS


def test_the_expected_psnr_stands_beside_the_time(open_studio, qtbot):
    studio = open_studio()
    window = studio.window
    studio.session.set_spec(studio.session.spec.replace(operator="gaussian measurements=200", algorithm="turbo"))
    qtbot.waitUntil(lambda: "expected" in window.estimate_label.text(), timeout=30000)
    before = window.estimate_label.text()
    studio.session.set_spec(studio.session.spec.replace(operator="gaussian measurements=500"))
    qtbot.waitUntil(lambda: window.estimate_label.text() not in (before, ""), timeout=30000)
    studio.session.set_spec(studio.session.spec.replace(algorithm="guided"))
    qtbot.waitUntil(lambda: "expected" not in window.estimate_label.text(), timeout=30000)


@pytest.mark.slow
def test_a_design_is_taken_over_by_one_click(open_studio, qtbot, click):
    studio = open_studio()
    studio.window.actions_by_name["design"].trigger()
    dialog = studio.predictions.dialog
    qtbot.waitUntil(dialog.use_button.isEnabled, timeout=30000)
    assert "expected" in dialog.says.text()
    dialog.kind.setCurrentIndex(list(KINDS.values()).index("rows"))
    dialog.budget.setValue(0.5)
    qtbot.waitUntil(lambda: "392 measurements of 6 bits" in dialog.says.text(), timeout=30000)
    click(dialog.use_button)
    assert studio.session.spec.operator.measurements == 392
    assert studio.session.spec.quantizer.bits == 6
    assert studio.window.quantizer_form.combo.currentData() == "uniform"
    dialog.close()
