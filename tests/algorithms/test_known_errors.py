"""What is known of the spread and the mean of samples is said in a run's notes, in words that fit the numbers."""

import pytest

from engine.algorithms import ALGORITHMS
from engine.algorithms.base import KnownError
from engine.runs.job import reconstruct
from engine.runs.spec import RunSpec


@pytest.mark.parametrize(
    ("std", "words"),
    [((0.6, 0.9), "10 to 40 % too small"), ((1.13, 1.8), "13 to 80 % too large"), ((0.78, 1.09), "right within 22 %")],
)
def test_words_fit_the_ratio(std, words):
    assert KnownError(std, (0.2, 0.5)).of_std == words


def test_methods_that_were_right_claim_nothing_and_the_others_both():
    assert not any(ALGORITHMS.parse(name).known_error for name in ("turbo", "qcs-sgm", "qcs-sgm-plus"))
    for name in ("guided", "dps", "pigdm", "diffpir", "diff-onebit", "daps", "dmps"):
        known = ALGORITHMS.parse(name).known_error
        assert known.std[0] < known.std[1] and known.mean[0] < known.mean[1]


def test_the_notes_of_a_run_tell_of_std_and_mean():
    spec = RunSpec(operator="dct measurements=200", algorithm="dps steps=3", samples=2)
    told = " ".join(reconstruct(spec).notes)
    assert "10 to 41 % too small" in told and "0.6 to 0.9 deviations" in told
    assert "deviations" not in " ".join(reconstruct(spec.replace(samples=1)).notes)
