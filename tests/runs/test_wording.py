"""What set-ups are called: headings of what differs, axes of grids."""

import pytest

from engine.errors import InputError
from engine.runs.grid import grid, variables
from engine.runs.presets import preset
from engine.runs.spec import RunSpec
from engine.runs.wording import Naming, name_of_picture
from engine.sensing.quantizers import QUANTIZERS

SHAPE = (1, 28, 28)


def test_headings_are_what_differs_in_words():
    assert Naming(preset("bits").specs()).headings == ("1 bit", "2 bits", "3 bits", "No quantizer")
    assert Naming(preset("ill-conditioned").specs()).headings == ("QCS-SGM", "Turbo")
    base = RunSpec()
    assert Naming([base, base.replace(seed=3), base.replace(seed=3)]).headings == ("Seed 0", "Seed 3 (1)", "Seed 3 (2)")
    assert Naming([base, base.replace(operator="gaussian measurements=1")]).headings == (
        "200 measurements",
        "1 measurement",
    )
    assert Naming([base.replace(operator="dct measurements=200"), base]).headings == ("Randomised DCT", "Gaussian")
    assert Naming([base]).headings == ("Turbo",)


def test_a_setting_that_follows_from_what_is_named_is_not_named():
    one = RunSpec(quantizer="uniform bits=2 step=0.3")
    assert Naming([one, one.replace(quantizer="uniform bits=3 step=0.1")]).headings == ("2 bits", "3 bits")
    # the same bits apart by nothing else
    assert Naming([one, one.replace(quantizer="uniform bits=2 step=0.1")]).headings == ("Step 0.3", "Step 0.1")


@pytest.mark.parametrize("name", QUANTIZERS.choices)
def test_every_quantizer_says_what_it_leaves(name):
    words = QUANTIZERS.parse(name).in_words
    assert words and words[0] == words[0].lower() and "=" not in words


def test_pictures_are_called_by_their_names():
    assert name_of_picture("sample:photo-cat") == "photo cat"
    assert name_of_picture("/home/me/Holiday_2019.JPG") == "Holiday 2019"
    assert name_of_picture("/x/drawings/drawing-0123456789abcdef.png") == "drawing"


def test_a_grid_is_seen_as_one():
    base = RunSpec()
    known = {v.key: v for v in variables(base, SHAPE)}
    across, down = known["operator.measurements"], known["quantizer"]
    specs = grid(base, (across, [100, 200, 400]), (down, ["one-bit", "none"]))
    assert [(s.operator.measurements, s.quantizer.name) for s in specs] == [
        (100, "one-bit"), (200, "one-bit"), (400, "one-bit"), (100, "none"), (200, "none"), (400, "none"),
    ]  # fmt: skip
    naming = Naming(specs)
    axes = naming.axes
    assert [a.key for a in axes] == ["operator.measurements", "quantizer"]
    assert axes[0].numbers == (100, 200, 400) and axes[1].words == ("1 bit", "no quantizer")
    assert naming.place(4, axes) == (1, 1)
    assert Naming(specs[:-1]).axes == ()  # a hole is no grid
    assert Naming([base, base]).axes == ()


def test_the_algorithm_of_a_grid_does_not_change_unasked():
    base = RunSpec()
    quantizer = next(v for v in variables(base, SHAPE) if v.key == "quantizer")
    assert {s.algorithm for s in grid(base, (quantizer, ["one-bit", "none"]))} == {base.algorithm}


def test_bad_grids_are_refused_in_a_sentence():
    base = RunSpec()
    known = {v.key: v for v in variables(base, SHAPE)}
    noise, rows = known["noise"], known["operator.measurements"]
    assert rows.read("100, 200") == [100, 200]
    for words in ("100, x", "", "5, 5"):
        with pytest.raises(InputError, match="Measurements"):
            rows.read(words)
    with pytest.raises(InputError, match="two different"):
        grid(base, (noise, [0, 1]), (noise, [0, 1]))
    with pytest.raises(InputError, match="at least two"):
        grid(base, (noise, [0]))
    with pytest.raises(InputError, match="64 runs"):
        grid(base, (noise, range(8)), (rows, range(1, 9)))
