"""Sweep files: what they make, and that every fault in one is a sentence."""

from __future__ import annotations

import pytest

from engine.errors import InputError
from engine.sweeps.definition import Sweep, ready_sweeps
from engine.sweeps.plan import Plan

HEAD = 'images = "sample:digit-3"\n'


def points(text):
    return list(Sweep.parse(HEAD + text).points())


def test_axes_make_every_combination():
    found = points(
        '[fixed]\nnoise = 0.1\n[axes]\n"operator.measurements" = [50, 100]\n'
        '[axes.method]\nlasso = { prior = "pixels", algorithm = "lasso" }\nturbo = { prior = "mnist", algorithm = "turbo" }\n'
    )
    assert [dict(point.labels) for point in found] == [
        {"operator.measurements": m, "method": method} for m in (50, 100) for method in ("lasso", "turbo")
    ]
    assert [point.spec.operator.measurements for point in found] == [50, 50, 100, 100]
    assert [(p.spec.prior.name, p.spec.algorithm.name) for p in found[:2]] == [("pixels", "lasso"), ("mnist", "turbo")]
    assert {point.spec.noise for point in found} == {0.1}


def test_dotted_keys_may_be_written_without_quotes():
    [point] = points("[fixed]\noperator.measurements = 70\n")
    assert point.spec.operator.measurements == 70


def test_settings_of_a_choice_are_set_on_the_choice_of_its_own_axis():
    found = points('[fixed]\n"operator.measurements" = 60\n[axes]\noperator = ["gaussian", "dct"]\n')
    assert [(p.spec.operator.name, p.spec.operator.measurements) for p in found] == [("gaussian", 60), ("dct", 60)]


def test_a_named_change_may_replace_what_is_fixed_for_the_others():
    found = points("[fixed]\nsamples = 1\n[axes.method]\na = { samples = 4 }\nb = { noise = 0.1 }\n")
    assert [point.spec.samples for point in found] == [4, 1]


def test_what_does_not_go_together_is_a_refused_combination():
    found = points('[fixed]\nprior = "mnist"\n[axes]\nalgorithm = ["turbo", "lasso"]\n')
    assert found[0].spec is not None and found[1].spec is None
    assert "sparsity prior" in found[1].refusal


def test_its_written_form_comes_back(grid):
    sweep = Sweep.read(grid)
    assert Sweep.parse(sweep.as_toml()) == sweep
    assert "[axes.method]\nlasso = {" in sweep.as_toml()


@pytest.mark.parametrize(
    "axes",
    [
        "[axes.a]\nx = { noise = 0.1 }\n[axes]\nseed = [1, 2]\n",
        "[axes]\nseed = [1, 2]\na = { x = { noise = 0.1 } }\nsamples = [1, 2]\n",
        "documents = false\n[fixed]\nnoise = 0\n[axes.'a b'.'1']\nseed = 3\n",
    ],
)
def test_axes_come_back_in_their_order(axes):
    sweep = Sweep.parse(HEAD + axes)
    assert Sweep.parse(sweep.as_toml()) == sweep
    assert [axis.name for axis in Sweep.parse(sweep.as_toml()).axes] == [axis.name for axis in sweep.axes]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[axes]\nnoize = [1]\n", "did you mean noise"),
        ("sheets = 3\n", "unknown key 'sheets'"),
        ("[axes]\nnoise = []\n", "no values"),
        ("[axes]\nnoise = [0.1, 0.1]\n", "twice"),
        ("[axes]\nnoise = [[1]]\n", "word or a number"),
        ("[fixed]\nnoise = 0.1\n[axes]\nnoise = [0.2]\n", "fixed and varies"),
        ("[axes]\nnoise = [0.1]\n[axes.a]\nb = { noise = 0.2 }\n", "two axes"),
        ("[fixed]\n'noise.size' = 3\n", "single value"),
        ("[fixed]\nimage = 'x.png'\n", "no key 'image'"),
        ("[axes.error]\na = { noise = 0.2 }\n", "cannot be called"),
        ("[axes]\nnoise = [0.1]\n[figure]\nx = 'noisy'\ny = 'psnr_mean'\n", "no axis of the sweep"),
        ("[figure]\nx = 'noise'\n", "the figure needs"),
        ("[axes]\nseed = [1, 2]\n[figure]\nx = 'seed'\ny = 'psnr_mean'\nerrors = 'bars'\n", "not one of"),
        ("limit = 0\n", "limit=0"),
        ("[fixed]\nprior = 'mnist'\nalgorithm = 'lasso'\n", "sparsity prior"),
        ("axes = ", "is not TOML"),
    ],
)
def test_faults_are_told_in_a_sentence(text, word):
    with pytest.raises(InputError) as told:
        Sweep.parse(HEAD + text)
    assert word.lower() in str(told.value).lower()
    assert "\n" not in str(told.value)


def test_identities_follow_what_decides_a_result_and_nothing_else(grid, pictures):
    first = Plan(Sweep.read(grid))
    text = grid.read_text()
    again = Plan(
        Sweep.parse(text.replace("batch = 2", "batch = 3").replace("A small grid", "Another"), beside=grid.parent)
    )
    assert [c.identity for c in first.cells] == [c.identity for c in again.cells]
    assert len({c.identity for c in first.cells}) == 3 * 3 * 2 * 8
    more = Plan(Sweep.parse(text.replace("[20, 40, 60]", "[10, 20, 40, 60]"), beside=grid.parent))
    assert {c.identity for c in first.cells} < {c.identity for c in more.cells}
    noisier = Plan(Sweep.parse(text.replace("[fixed]", "[fixed]\nnoise = 0.2"), beside=grid.parent))
    assert not {c.identity for c in first.cells} & {c.identity for c in noisier.cells}
    (pictures / "picture-3.png").write_bytes((pictures / "picture-4.png").read_bytes())
    changed = Plan(Sweep.read(grid))
    assert {c.number for c, d in zip(first.cells, changed.cells, strict=True) if c.identity != d.identity} == {3}


def test_batches_hold_pictures_of_one_recipe(grid):
    plan = Plan(Sweep.read(grid))
    assert [len(batch.cells) for batch in plan.batches] == [2] * 4 * 18
    assert all(cell.point is batch.point for batch in plan.batches for cell in batch.cells)


@pytest.mark.parametrize("name", list(ready_sweeps()))
def test_ready_sweeps_go_together(name):
    sweep = Sweep.read(ready_sweeps()[name])
    assert sweep.title
    assert sweep.figure is not None
    assert not [point.refusal for point in sweep.points() if point.spec is None]
