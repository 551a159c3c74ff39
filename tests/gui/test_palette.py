"""The command palette and the meter."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from qcs_gui.actions import ACTIONS
from qcs_gui.meter import Usage
from qcs_gui.palette import Palette, rank


def best(words):
    ranked = [(r, i) for i, c in enumerate(ACTIONS) if (r := rank(c, words)) is not None]
    return ACTIONS[min(ranked)[1]].name if ranked else None


def test_commands_are_found_by_a_few_letters():
    assert best("run") == "run"
    assert best("exp film") == "export_film"
    assert best("grid runs") == "run_grid"
    assert best("light") == "theme"
    assert best("nonsense") is None


def test_the_palette_lists_all_and_puts_what_cannot_be_done_last(qtbot):
    dialog = Palette(None, {"run": False})
    qtbot.addWidget(dialog)
    assert set(dialog.names()) == {c.name for c in ACTIONS} - {"palette"}
    assert dialog.names()[-1] == "run"
    dialog.line.setText("run")
    assert dialog.names()[0] != "run"


def test_a_command_is_carried_out_from_the_keyboard(open_studio, qtbot):
    studio = open_studio()
    actions = studio.window.actions_by_name
    actions["palette"].trigger()
    line = studio.palette.dialog.line
    qtbot.keyClicks(line, "hist")
    QTest.keyClick(line, Qt.Key.Key_Return)
    qtbot.waitUntil(actions["history"].isChecked, timeout=5000)
    actions["palette"].trigger()
    dialog = studio.palette.dialog
    qtbot.keyClicks(dialog.line, "export mean")
    QTest.keyClick(dialog.line, Qt.Key.Key_Return)  # there is no result yet: nothing is chosen
    assert not dialog.chosen and dialog.isVisible()
    QTest.keyClick(dialog.line, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_the_meter_counts_what_this_program_takes():
    usage = Usage()
    before = usage.look()[1]
    block = bytearray(60_000_000)
    block[::4096] = b"x" * len(block[::4096])
    sum(i * i for i in range(300_000))
    busy, after = usage.look()
    assert after - before > 50_000_000 and busy > 0.1
