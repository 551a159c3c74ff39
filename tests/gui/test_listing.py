"""What the history says of a run, and what it folds."""

import time
from pathlib import Path

from engine.runs.library import COLUMNS, Entry
from qcs_gui.library.listing import folded, lines_of


def entry(name="digit-3 turbo 2026-11-28 10.00.00 00ff", **values):
    known = {
        "image": "sample:digit-3", "operator": "gaussian measurements=200", "quantizer": "uniform bits=2", "prior": "mnist",
        "algorithm": "turbo rounds=12", "psnr_mean": 24.83, "seed": 0, "samples": 8, "noise": 0.05, "status": "done",
        "created": time.time(), "failed": "", "pinned": 0,
    }  # fmt: skip
    return Entry(Path(f"{name}.qcs"), dict.fromkeys(COLUMNS) | known | values | {"name": name})


def listed(*entries):
    return folded([(e, None) for e in entries])


def made_up(number):
    return f"digit-3 turbo 2026-11-28 10.00.{number:02} 00ff"


def test_a_run_is_told_by_what_was_measured_and_how_good_it_is():
    name, good, measured, which, made = lines_of(listed(entry())[0])
    assert (name, good) == ("digit 3", "24.8 dB")
    assert "2 bits" in measured and "200 measurements" in measured
    assert "Gaussian" in which and "MNIST digits" in which
    assert made.startswith("Turbo") and time.strftime("%H:") in made


def test_what_this_version_does_not_know_is_shown_as_it_is_written():
    strange = entry(operator="hologram depth=3", quantizer="analog", algorithm="magic", prior="dragons", psnr_mean=None)
    words = " ".join(lines_of(listed(strange)[0]))
    assert all(w in words for w in ("hologram", "analog", "magic", "dragons"))
    assert lines_of(listed(entry(failed="worse than nothing"))[0])[1] == "failed"


def test_repeats_are_folded_and_nothing_else():
    same = [entry(made_up(i)) for i in range(3)]
    found = listed(
        *same, entry(made_up(4), seed=1), entry(made_up(5), psnr_mean=20.0), entry("mine"), entry(made_up(6), pinned=1)
    )
    assert [len(f.names) for f in found] == [3, 1, 1, 1, 1]
    assert found[0].names == [e.name for e in same]
    assert lines_of(found[0])[0].endswith("\N{MULTIPLICATION SIGN}3")
    assert lines_of(found[3])[0] == "mine" and lines_of(found[4])[0].startswith("\N{BLACK STAR}")
