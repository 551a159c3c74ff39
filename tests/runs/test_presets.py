"""The gallery's presets are run files that run."""

from importlib.resources import files
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.images.bundled import MEASUREMENT, sample_names, sample_path
from engine.runs.presets import SECTIONS, preset, presets
from engine.sensing.entries import assemble, pictured
from engine.sensing.files import read_pieces
from engine.sensing.own import instrument_of


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
        seen = {(s.image, s.measurement) for s in specs}
        assert len(seen) == 1, "what is compared is one picture"
        for spec in specs:
            if spec.measurement:  # what fits is known once the file was read
                pieces = read_pieces(spec.measurement)
                spec = spec.reading(instrument_of(pieces))
                assert spec.prior.takes(pictured(pieces))
            seen = spec.instrument
            assert spec.algorithm.refusal(seen.operator, seen.quantizer, spec.prior) is None


def test_what_instruments_measured_ships_with_its_licence_and_is_small():
    listed = (Path(str(files("resources"))) / "samples" / "README.md").read_text(encoding="utf-8")
    of_presets = {s.measurement for p in presets() for s in p.specs() if s.measurement}
    assert of_presets == {f"sample:{name}" for name in sample_names(MEASUREMENT)}
    for name in sample_names(MEASUREMENT):
        assert f"| `{name}` |" in listed
        assert sample_path(f"sample:{name}", MEASUREMENT).stat().st_size < 300_000
        measured = assemble(read_pieces(f"sample:{name}"))
        assert measured.is_linear and measured.operator.rows >= 4096


def test_samples_of_one_kind_are_not_taken_for_the_other():
    with pytest.raises(InputError, match="'single-pixel' is no image; give it as --measurement"):
        sample_path("sample:single-pixel")
    with pytest.raises(InputError, match="'digit-3' is no measurement; give it as --image"):
        read_pieces("sample:digit-3")
    with pytest.raises(InputError, match="Unknown sample measurement 'single-pixl'; did you mean single-pixel"):
        read_pieces("sample:single-pixl")


def test_an_unknown_preset_is_one_sentence():
    with pytest.raises(InputError, match="did you mean inpainting"):
        preset("inpaintin")


def test_the_first_is_a_landscape_of_half_a_bit_a_value_and_failures_are_labelled():
    first = presets()[0].specs()[0]
    assert first.operator.measurements * first.quantizer.bits_per_measurement == 3 * 128 * 128 // 2
    assert {p.name for p in presets() if p.fails} == {"garment-as-digit", "photograph-low-rank"}
    assert all(p.section == "specialists" for p in presets() if p.fails)
