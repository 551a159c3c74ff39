"""The gallery's presets are run files that run."""

import pytest

from engine.errors import InputError
from engine.runs.presets import SECTIONS, preset, presets


def test_every_preset_can_be_read_and_has_its_picture():
    found = presets()
    assert len(found) >= 10
    assert len({p.name for p in found}) == len(found)
    for entry in found:
        specs = entry.specs()
        assert specs and entry.title and entry.line.endswith((".", "!"))
        for picture in (entry.thumbnail, entry.forming):
            assert picture.is_file(), f"{entry.name}: python -m qcs_gui.gallery.thumbnails {entry.name}"
        assert entry.section in SECTIONS
        assert all(s.image == specs[0].image for s in specs), "what is compared is one picture"
        for spec in specs:
            assert spec.algorithm.refusal(spec.operator, spec.quantizer, spec.prior) is None


def test_an_unknown_preset_is_one_sentence():
    with pytest.raises(InputError, match="did you mean inpainting"):
        preset("inpaintin")


def test_the_first_is_a_landscape_of_half_a_bit_a_value_and_failures_are_labelled():
    first = presets()[0].specs()[0]
    assert first.operator.measurements * first.quantizer.bits_per_measurement == 3 * 128 * 128 // 2
    assert {p.name for p in presets() if p.fails} == {"garment-as-digit", "photograph-low-rank"}
    assert all(p.section == "specialists" for p in presets() if p.fails)
