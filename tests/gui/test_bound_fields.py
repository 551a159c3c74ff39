"""Fields of the column: each bound to one key of the recipe, which an edit changes and nothing else."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QWidget

from engine.algorithms import ALGORITHMS
from engine.errors import InputError
from engine.runs.spec import RunSpec
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS
from engine.settings import Setting
from qcs_gui.model import State
from qcs_gui.setup.forms import ChoiceForm
from qcs_gui.widgets.boxes import FileField, SettingBox

QUICK = "turbo rounds=2 levels=2"


def choose(form, name):
    form.combo.setCurrentIndex(form.combo.findData(name))


def run(studio, qtbot):
    studio.session.set_result(None)
    studio.window.run_button.click()
    qtbot.waitUntil(lambda: studio.session.state == State.IDLE and studio.session.result is not None, timeout=60000)
    return studio.session.result


def test_values_that_no_spin_box_holds_survive_an_edit_of_another(open_studio):
    spec = RunSpec(
        operator="gaussian measurements=123", quantizer="uniform bits=2 step=1e-7", noise=1e-7, offset=-0.5, seed=2**40,
        algorithm=QUICK,
    )  # fmt: skip
    studio = open_studio(spec)
    window = studio.window
    shown = {key: box.text() for key, box in window.fields.items()}
    assert shown["seed"] == str(2**40)
    assert shown["noise"] == "1e-07"
    assert shown["offset"] == "-0.5"
    window.samples.setValue(3)
    window.operator_form.findChild(SettingBox, "2  Sensing.measurements").setValue(120)
    window.quantizer_form.findChild(SettingBox, "3  Quantizer.bits").setValue(3)
    now = studio.session.spec
    assert (now.seed, now.noise, now.offset, now.quantizer.step) == (2**40, 1e-7, -0.5, 1e-7)
    assert (now.samples, now.operator.measurements, now.quantizer.bits) == (3, 120, 3)
    assert now.replace(samples=spec.samples, operator=spec.operator, quantizer=spec.quantizer) == spec


def test_auto_is_not_zero(open_studio):
    studio = open_studio(RunSpec(prior="low-rank", image="sample:low-rank", algorithm="gd preset=paper"))
    penalty = studio.window.algorithm_form.findChild(SettingBox, "5  Algorithm.penalty")
    assert studio.session.spec.algorithm.penalty == 0.0
    assert penalty.text() == "0.0"
    studio.window.seed.setValue(4)
    assert studio.session.spec.algorithm.penalty == 0.0
    form = studio.window.algorithm_form
    form.preset.setCurrentIndex(1)
    form.preset.activated.emit(1)
    assert studio.session.spec.algorithm.penalty is None
    assert form.findChild(SettingBox, "5  Algorithm.penalty").text() == "auto"
    form.preset.activated.emit(form.preset.findText("paper"))
    assert studio.session.spec.algorithm == ALGORITHMS.parse("gd preset=paper")


# -- the box -----------------------------------------------------------------------------------------------------------

RATE = Setting(float, "Rate", "", low=0, high=10, optional=True)
ROWS = Setting(int, "Rows", "", unit="rows", low=1, high=2**53)


@pytest.mark.parametrize(
    ("setting", "before", "typed", "after"),
    [
        (RATE, 0.5, "1e-7", 1e-7), (RATE, 0.5, "auto", None), (RATE, 0.5, "0,25", 0.25), (RATE, 0.5, "11", 0.5),
        (RATE, 0.5, "0", 0.0), (RATE, None, "0", 0.0), (RATE, 0.5, "words", 0.5), (RATE, 0.5, "", 0.5),
        (ROWS, 7, "1099511627776", 2**40), (ROWS, 7, "3 rows", 3), (ROWS, 7, "1e3", 1000), (ROWS, 7, "2.5", 7),
        (ROWS, 7, "auto", 7),
    ],
)  # fmt: skip
def test_what_is_typed_counts_where_it_is_valid(qtbot, setting, before, typed, after):
    box, heard = SettingBox(setting, before), []
    qtbot.addWidget(box)
    box.show()
    box.valueChanged.connect(heard.append)
    box.selectAll()
    QTest.keyClicks(box, typed) if typed else box.lineEdit().clear()
    assert box.value() == before  # not before it is finished
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert box.value() == after
    assert heard == ([] if after == before else [after])


def test_escape_gives_back_what_stood_there(qtbot):
    box = SettingBox(ROWS, 7)
    qtbot.addWidget(box)
    box.show()
    QTest.keyClicks(box, "99")
    QTest.keyClick(box, Qt.Key.Key_Escape)
    assert (box.value(), box.text()) == (7, "7 rows")


@pytest.mark.parametrize(
    ("setting", "start", "steps", "after"),
    [
        (RATE, 0.5, 1, 0.51), (RATE, 0.5, -1, 0.49), (RATE, 0.1, -1, 0.099), (RATE, 1e-7, 1, 1.1e-7), (RATE, None, 1, 0.0),
        (RATE, 0.0, -1, None), (RATE, 10.0, 1, 10.0), (ROWS, 1, -1, 1), (ROWS, 1, 10, 11), (ROWS, 2**53, 1, 2**53),
    ],
)  # fmt: skip
def test_steps(qtbot, setting, start, steps, after):
    box = SettingBox(setting, start)
    qtbot.addWidget(box)
    box.stepBy(steps)
    assert box.value() == (pytest.approx(after) if after is not None else None)


# -- every setting of every choice -------------------------------------------------------------------------------------


def some_values(setting, default):
    if setting.choices:
        return list(setting.choices)
    if setting.kind is bool:
        return [True, False]
    if setting.kind is str:
        return [default, "a name.npy"]
    ends = [v for v in (setting.low, setting.high, default, 3, 0.123456789, 1e-7, 2**40) if v is not None]
    found = [None] if setting.optional else []
    for value in ends:
        try:
            found.append(setting.check("value", setting.kind(value)))
        except InputError:
            continue
    return found


def enter(widget, value):
    """Sets a field as its user would."""
    if isinstance(widget, SettingBox):
        widget.setValue(value)
    elif isinstance(widget, QCheckBox):
        widget.setChecked(value)
    elif isinstance(widget, QComboBox):
        widget.setCurrentText(value)
    elif isinstance(widget, FileField):
        widget.line.setText(value)
    else:
        assert isinstance(widget, QLineEdit)
        widget.setText(value)
        widget.editingFinished.emit()


@pytest.mark.slow
@pytest.mark.parametrize("family", [OPERATORS, QUANTIZERS, ALGORITHMS], ids=lambda f: f.kind)
def test_every_setting_goes_through_its_field(qtbot, family):
    form = ChoiceForm("Form", family, next(iter(family.choices)))
    qtbot.addWidget(form)
    for name, cls in family.choices.items():
        defaults = cls.defaults()
        for key, setting in cls.settings().items():
            for value in some_values(setting, defaults[key]):
                try:
                    wanted = family.make(name, {key: value})
                except InputError:  # not with the other defaults
                    continue
                form.show_choice(wanted)
                assert form.choice() == wanted  # shown, and not rewritten
                form.show_choice(family.parse(name))
                enter(form.findChild(QWidget, f"Form.{key}"), value)
                assert form.choice() == wanted, (name, key, value)


# -- one measurement, many priors --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_another_prior_sees_the_measurement_that_was_made(open_studio, qtbot):
    spec = RunSpec(quantizer="uniform bits=2", algorithm=QUICK, samples=1)
    studio = open_studio(spec)
    window, session = studio.window, studio.session
    assert not window.anew_button.isVisible()
    first = run(studio, qtbot)
    choose(window.prior_form, "fashion-mnist")
    assert window.anew_button.isVisible()
    assert "'mnist'" in window.anew_label.text()
    second = run(studio, qtbot)
    assert second.spec.prior.name == "fashion-mnist"
    assert second.spec.measured == first.spec.measured
    assert np.array_equal(second.measured["y"], first.measured["y"])
    window.anew_button.click()
    assert not window.anew_button.isVisible()
    third = run(studio, qtbot)
    assert third.spec.quantizer.step != first.spec.quantizer.step
    assert session.spec.quantizer.step is None  # auto stays auto in the set-up


@pytest.mark.slow
def test_a_prior_for_other_pictures_measures_them(open_studio, qtbot):
    studio = open_studio(RunSpec(quantizer="uniform bits=2", algorithm=QUICK, samples=1))
    first = run(studio, qtbot)
    choose(studio.window.prior_form, "faces")
    assert studio.session.pixels.shape == (3, 64, 64)
    assert not studio.window.anew_button.isVisible()
    assert run(studio, qtbot).spec.measured != first.spec.measured


@pytest.mark.slow
def test_a_new_size_keeps_the_operator_that_does_not_fit_yet(open_studio):
    studio = open_studio(
        RunSpec(image="sample:photo-camera", prior="natural", size="32", operator="dct measurements=200")
    )
    window, session = studio.window, studio.session
    choose(window.operator_form, "identity")
    choose(window.operator_form, "super-resolution")
    window.operator_form.findChild(SettingBox, "2  Sensing.factor").setValue(3)  # 32 is not divisible
    assert studio.setup.problem
    window.image.size_combo.lineEdit().setText("48")
    window.image.size_combo.lineEdit().editingFinished.emit()
    assert not studio.setup.problem
    assert (session.spec.size, session.spec.operator.name, session.spec.operator.factor) == (
        "48x48",
        "super-resolution",
        3,
    )


def test_the_algorithm_is_followed_until_one_is_chosen(open_studio):
    studio = open_studio(RunSpec())
    window, session = studio.window, studio.session
    assert session.spec.reconstructed.algorithm is None
    choose(window.operator_form, "inpainting")
    assert window.algorithm_form.name() == session.spec.algorithm.name != "turbo"
    choose(window.algorithm_form, "split-gibbs")
    choose(window.operator_form, "gaussian")
    assert session.spec.algorithm.name == "split-gibbs"
    window.advice_button.click()
    assert session.spec.reconstructed.algorithm is None
    assert window.algorithm_form.name() == "turbo"
