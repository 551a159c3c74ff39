"""The table in the documentation is the one that greys the forms."""

from pathlib import Path

from engine.algorithms import ALGORITHMS
from engine.runs.validity import NO, markdown, rows
from engine.sensing.operators import OPERATORS

PAGE = Path(__file__).resolve().parents[2] / "docs/correctness.md"


def test_the_page_holds_the_table_of_the_program():
    assert markdown() in PAGE.read_text(encoding="utf-8"), (
        "write the output of engine.runs.validity.markdown() into the page"
    )


def test_every_combination_has_something_that_runs():
    assert {row["operator"].split()[0] for row in rows()} == set(OPERATORS.choices)
    for row in rows():
        assert row["suggested"].split()[0] in ALGORITHMS.choices
        assert any(value != NO for key, value in row.items() if key not in ("operator", "measurement", "suggested"))
