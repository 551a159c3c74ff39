"""The gallery's presets are run files that run."""

import pytest

from engine.errors import InputError
from engine.runs.presets import preset, presets


def test_every_preset_can_be_read_and_has_its_picture():
    found = presets()
    assert len(found) >= 10
    assert len({p.name for p in found}) == len(found)
    for entry in found:
        specs = entry.specs()
        assert specs and entry.title and entry.line.endswith((".", "!"))
        assert entry.thumbnail.is_file(), f"{entry.name}: python -m qcs_gui.gallery.thumbnails {entry.name}"
        assert all(s.image == specs[0].image for s in specs), "what is compared is one picture"
        for spec in specs:
            assert spec.algorithm.refusal(spec.operator, spec.quantizer, spec.prior) is None


def test_an_unknown_preset_is_one_sentence():
    with pytest.raises(InputError, match="did you mean inpainting"):
        preset("inpaintin")
