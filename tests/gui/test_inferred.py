"""What was inferred beside the picture stands in a table under the result."""

import json

import numpy as np
import pytest

from engine.runs.job import prepare
from engine.runs.spec import RunSpec
from engine.sensing.files import pieces_of, save_pieces
from qcs_gui.stage.inferred_table import InferredTable


@pytest.fixture
def flipped(tmp_path):
    """Bits of a digit of which a tenth is wrong, and the file does not know how many."""
    job = prepare(RunSpec(prior="mnist", operator="gaussian measurements=400", quantizer="one-bit flip=0.1"))
    pieces = pieces_of(job.measurement, job.spec.operator, job.spec.matrix_seed)
    del pieces["flip"]
    return save_pieces(tmp_path / "bits.npz", pieces)


def words_of(table):
    return [
        [table.item(row, column).text() for column in range(table.columnCount())] for row in range(table.rowCount())
    ]


def test_a_line_for_each_number(qtbot):
    table = InferredTable()
    qtbot.addWidget(table)
    found = {"name": "gain", "value": 4012.3, "error": 31.0, "unit": "counts", "source": "brightest pixels"}
    table.show_inferred([found, {"name": "noise", "value": 0.05, "error": None, "unit": ""}])  # as older runs have it
    assert words_of(table) == [["gain", "4012", "31", "counts", "brightest pixels"], ["noise", "0.05", "", "", ""]]
    assert table.height() >= sum(table.rowHeight(row) for row in range(2))
    table.show_inferred([])
    assert table.isHidden()


@pytest.mark.slow
def test_wrong_bits_are_inferred_in_the_window(open_studio, qtbot, click, run_to_end, flipped):
    studio = open_studio(RunSpec(algorithm="turbo", prior="mnist", samples=1))
    stage = studio.window.stage
    assert stage.inferred.isHidden()
    studio.own.open(str(flipped))
    dialog = studio.own.dialog
    qtbot.waitUntil(dialog.use_button.isEnabled, timeout=10000)
    qtbot.keyClicks(dialog.units["flip"], "auto")
    qtbot.waitUntil(dialog.use_button.isEnabled, timeout=10000)
    click(dialog.use_button)
    qtbot.waitUntil(lambda: studio.session.spec.measurement != "", timeout=10000)
    result = run_to_end(studio)
    told = result.facts["inferred"]
    assert abs(told[0]["value"] - 0.1) < 2 * told[0]["error"]
    qtbot.waitUntil(lambda: not stage.inferred.isHidden(), timeout=10000)
    assert words_of(stage.inferred)[0][0] == "probability of a wrong bit"
    assert "Inferred from what was measured" not in stage.note_label.text()
    assert json.loads(json.dumps(result.as_dict()))["inferred"] == told


def test_frames_of_a_stack_are_told_in_the_dialog(open_studio, qtbot, tmp_path):
    import tifffile

    frames = np.random.default_rng(0).poisson(4, (3, 12, 12)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "counts.tif", frames, photometric="minisblack")
    studio = open_studio()
    studio.own.open(str(tmp_path / "counts.tif"))
    dialog = studio.own.dialog
    qtbot.waitUntil(lambda: "holds 3 frames" in dialog.says.text(), timeout=10000)
    assert dialog.form.isRowVisible(dialog.stack)
    dialog.stack.setCurrentIndex(dialog.stack.findData("sum"))
    dialog.matrix_source.setCurrentIndex(2)
    dialog.recipe.setText("identity")
    qtbot.waitUntil(dialog.use_button.isEnabled, timeout=10000)
    assert "144 measurements, real values" in dialog.says.text()
