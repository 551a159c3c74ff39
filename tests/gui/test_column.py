"""The column: what is open, what is folded and found again, how priors are listed, and the order of Tab."""

import itertools

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QWidget
from specs import QUICK

from engine.priors.library import priors
from qcs_gui.setup.prior_groups import PICTURES, PRIOR_GROUPS, group_of
from qcs_gui.view_state import restore_view, view_state


def field(form, key):
    return form.findChild(QWidget, f"{form.title()}.{key}")


def test_what_experts_set_is_folded_and_that_is_remembered(open_studio, click):
    studio = open_studio(QUICK)
    window = studio.window
    form = window.algorithm_form
    assert field(form, "rounds").isVisible() and window.samples.isVisible()
    assert not field(form, "damping").isVisible() and not window.fields["held_out"].isVisible()
    assert not window.offset.isVisible() and window.noise.isVisible()
    click(form.more_button)
    assert field(form, "damping").isVisible() and window.fields["held_out"].isVisible()
    state = view_state(window)
    click(form.more_button)
    restore_view(window, state)
    assert form.more_button.isChecked() and not window.operator_form.more_button.isChecked()


def test_a_folded_setting_that_was_changed_is_told_of(open_studio, click):
    form = open_studio(QUICK.replace(algorithm="turbo")).window.algorithm_form
    assert form.more_button.text().endswith("More")
    field(form, "damping").setValue(0.5)
    assert "1 changed" in form.more_button.text()


def test_settings_are_found_by_their_names(open_studio, qtbot):
    window = open_studio(QUICK).window
    qtbot.keyClicks(window.search, "damp")
    form = window.algorithm_form
    assert field(form, "damping").isVisible() and not field(form, "rounds").isVisible()
    assert not window.operator_form.isVisible() and not window.image.isVisible()
    field(form, "damping").setValue(0.4)
    assert field(form, "damping").isVisible(), "what was found stays while it is edited"
    window.search.setText("no such thing")
    assert window.nothing_found.isVisible() and not form.isVisible()
    window.search.setFocus()
    qtbot.keyClick(window.search, Qt.Key.Key_Escape)
    assert window.search.text() == "" and window.operator_form.isVisible() and not field(form, "damping").isVisible()


def test_priors_are_listed_in_groups_with_pictures(open_studio):
    window = open_studio(QUICK).window
    combo = window.prior_form.combo
    names, groups, title = [], {}, ""
    for i in range(combo.count()):
        if combo.itemData(i) is None:
            title = combo.itemText(i)
            assert not combo.model().item(i).isEnabled()
        else:
            names.append(combo.itemData(i))
            groups[combo.itemData(i)] = title
            assert not combo.itemIcon(i).isNull()
    assert sorted(names) == sorted(priors().choices)
    assert (
        groups["natural"] == "Photographs" and groups["vae-mnist"] == "Generators" and groups["wavelet"] == "Sparsity"
    )
    assert {p.stem for p in PICTURES.glob("*.png")} == set(names)
    assert set(groups.values()) <= set(PRIOR_GROUPS.titles)


def test_a_prior_of_ones_own_is_listed_as_such(tmp_path, monkeypatch):
    import shutil
    from importlib.resources import files
    from pathlib import Path

    own = tmp_path / "data" / "priors"
    own.mkdir(parents=True)
    shutil.copy(Path(str(files("resources"))) / "priors" / "mnist.safetensors", own / "mine.safetensors")
    assert group_of(priors().choices["mnist"]) == "Yours", "it took the place of the shipped one"


@pytest.mark.slow
@pytest.mark.parametrize("folded", [True, False])
def test_tab_goes_in_the_order_in_which_one_reads(open_studio, qtbot, run_to_end, folded):
    studio = open_studio(QUICK)
    run_to_end(studio)
    window = studio.window
    window.resize(1600, 1000)
    for form in window.forms:
        form.more_button.setChecked(not folded)
    QApplication.processEvents()  # rows that came are laid out
    window.search.setFocus()
    stops = [window.focusWidget()]
    for _ in range(200):
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        if window.focusWidget() is stops[0]:
            break
        stops.append(window.focusWidget())
    assert window.focusWidget() is stops[0] and len(set(map(id, stops))) == len(stops)
    fields = [w for w in window.findChildren(QAbstractSpinBox) if w.isVisible() and w.isEnabled()]
    for widget in (
        *fields,
        window.run_button,
        window.stage.follow_button,
        window.strip,
        *(f.combo for f in window.forms),
    ):
        assert any(widget is s for s in stops), widget.accessibleName()
    column = [s for s in stops if window.splitter.widget(0).isAncestorOf(s)]
    stage = [s for s in stops if window.stage.isAncestorOf(s)]
    assert stops == column + stage, "the column first, then the stage"
    for pane in (column, stage):
        for one, after in itertools.pairwise(pane):
            if window.column_area.isAncestorOf(one) != window.column_area.isAncestorOf(after):
                continue  # from the fields, which scroll, to the buttons below them
            (x, y), (u, v) = ((p.x(), p.y()) for p in (w.mapTo(window, QPoint(0, 0)) for w in (one, after)))
            below, beside = v >= y + one.height() - 2, u >= x + one.width() - 2
            assert below or beside, (one.accessibleName(), after.accessibleName())
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Backtab)
    assert window.focusWidget() is stops[-1]
