"""Reports that no picture between black and white gives: what a negative, or thresholds that are never reached, show."""

import numpy as np
import pytest
from test_doctor import HEIGHT, WIDTH, photograph, through_matrix

from engine.doctor import check
from engine.doctor.case import Case
from engine.doctor.hypotheses.codes import BitsOfCodes
from engine.doctor.hypotheses.order import OrderOfMeasurements
from engine.doctor.hypotheses.thresholds import Thresholds

THRESHOLDS = np.linspace(4, 36, 7)


def through_masks(rows=200, seed=0):
    """Sums of 4 to 120 pixels, in three bits."""
    rng = np.random.default_rng(seed)
    matrix = (rng.random((rows, HEIGHT * WIDTH)) < rng.uniform(0.01, 0.25, rows)[:, None]).astype(np.float32)
    z = matrix @ photograph().ravel() + 0.3 * rng.normal(size=rows)
    return {
        "A": matrix, "shape": np.array([HEIGHT, WIDTH]), "noise": np.array(0.3), "offset": np.array(0.0),
        "thresholds": THRESHOLDS, "y": np.searchsorted(THRESHOLDS, z),
    }  # fmt: skip


def test_the_share_is_that_of_rows_that_cannot_add_up_to_their_report():
    pieces = through_masks()
    assert Case.of(pieces).impossible == 0.0
    swapped = pieces | {"y": 7 - pieces["y"]}
    white = pieces["A"].sum(1)
    edges = np.concatenate([[-np.inf], THRESHOLDS, [np.inf]])
    # nothing is darker than black here: the lowest cell has no lower edge
    beyond = edges[swapped["y"]] > white + 4 * 0.3
    assert beyond.mean() > 0.05
    assert Case.of(swapped).impossible == pytest.approx(beyond.mean())
    assert Case.of(through_matrix(3)).impossible is None  # entries of both signs can add up to anything


def test_bits_that_are_known_to_be_swapped_at_times_may_be_impossible():
    pieces = through_masks()
    bits = np.where(pieces["y"] > 3, 1, -1)
    threshold = {"y": -bits, "thresholds": THRESHOLDS[3:4]}
    assert Case.of(pieces | threshold).impossible > 0
    assert Case.of(pieces | threshold | {"flip": np.array(0.1)}).impossible is None


def test_swapped_codes_are_named_and_mended():
    pieces = through_masks()
    swapped = pieces | {"y": 7 - pieces["y"]}
    told = [f for f in BitsOfCodes().findings(Case.of(swapped)) if "no picture" in f.evidence]
    assert [f.fault for f in told] == ["all bits of the codes are swapped"] and told[0].is_significant
    report = check(swapped, hypotheses=(BitsOfCodes(), Thresholds()))
    assert report.found[0].fault == "all bits of the codes are swapped"
    np.testing.assert_array_equal(report.pieces["y"], pieces["y"])
    assert not check(pieces, hypotheses=(BitsOfCodes(), Thresholds())).found


def test_thresholds_that_no_row_reaches_are_named():
    pieces = through_masks()
    report = check(pieces | {"thresholds": THRESHOLDS * 10}, hypotheses=(BitsOfCodes(), Thresholds()))
    assert report.found[0].fault.startswith("the thresholds are too large by a factor of ")
    assert report.belongs


def test_what_no_mend_makes_possible_is_said():
    pieces = through_masks()
    white = pieces["A"].sum(1)
    dim = white < THRESHOLDS[2]
    wrong = np.where(dim & (np.arange(len(white)) % 2 == 0), 7, pieces["y"])
    report = check(pieces | {"y": wrong}, hypotheses=())
    assert not report.belongs
    assert "no picture between black and white gives" in report.verdict


def test_bits_packed_from_the_other_end_where_the_last_byte_is_not_full():
    pieces = through_matrix(1, rows=300)
    whole, rest = pieces["y"][:296].reshape(-1, 8)[:, ::-1].reshape(-1), pieces["y"][296:]
    report = check(pieces | {"y": np.concatenate([whole, rest])}, hypotheses=(OrderOfMeasurements(),))
    assert report.found[0].fault == "the bits of each byte are in reverse order"
    np.testing.assert_array_equal(report.pieces["y"], pieces["y"])
