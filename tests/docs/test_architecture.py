"""The architecture page: its picture is of the code as it is, its examples run as they stand."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.algorithms import ALGORITHMS
from engine.priors.library import priors
from engine.priors.sparsity import SPARSITY
from engine.runs import RunSpec, prepare, reconstruct
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


@pytest.fixture
def made(monkeypatch, tmp_path):
    """The classes of the page's examples, in the lists of their families."""
    names = {}
    for number, block in enumerate(BLOCKS):
        (tmp_path / f"example{number}.py").write_text(block)
    monkeypatch.syspath_prepend(tmp_path)
    for number in range(len(BLOCKS)):
        sys.modules.pop(f"example{number}", None)
        names |= vars(__import__(f"example{number}"))
    monkeypatch.setitem(ALGORITHMS.choices, "landweber", names["Landweber"])
    monkeypatch.setitem(OPERATORS.choices, "mirror", names["Mirror"])
    monkeypatch.setitem(QUANTIZERS.choices, "ternary", names["Ternary"])
    monkeypatch.setattr(sys.modules["engine.priors.library"], "SPARSITY", [*SPARSITY, names["Bounded"]])
    return names


def test_the_examples_run_together_from_their_names(made):
    spec = RunSpec(operator="mirror", quantizer="ternary", prior="bounded", algorithm="landweber steps=20", noise=0.1)
    assert RunSpec.from_json(spec.as_json()) == spec
    result = reconstruct(spec)
    assert result.std is None and len(result.samples) == 0 and result.mean.min() >= 0 and result.mean.max() <= 1
    assert result.metrics()["cosine_mean"] > 0.8
    assert priors().parse("bounded").kind == "sparsity"


def test_the_operator_of_the_page_has_its_adjoint(made):
    operator = OPERATORS.parse("mirror").build((1, 5, 7), 0)
    x, z = torch.randn(3, 1, 5, 7), torch.randn(3, operator.rows)
    assert torch.allclose((operator.forward(x) * z).sum(), (x * operator.adjoint(z)).sum(), rtol=1e-5)


def test_the_algorithm_of_the_page_goes_down(made):
    job = prepare(RunSpec(prior="pixels", quantizer="none", algorithm="landweber steps=30 penalty=0.01"))
    from engine.likelihoods.data_term import DataTerm

    term, prior = DataTerm(job.measurement), priors().parse("pixels").load("cpu", (1, 28, 28))
    estimates = [iterate.x for iterate in job.stream()]
    objective = [float(term.variance * term.value(x) + 0.01 * prior.penalty(x)) for x in estimates]
    assert np.all(np.diff(objective) < 1e-9)


def test_the_main_example_is_as_short_as_the_page_says():
    assert len(BLOCKS[0].splitlines()) < 60 and all(len(b.splitlines()) < 60 for b in BLOCKS)


def test_the_picture_of_the_floors_is_of_the_code_as_it_is():
    code = "import sys; sys.path.insert(0, 'docs'); import floors; print(floors.svg(), end='')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == (ROOT / "docs/floors.svg").read_text(encoding="utf-8"), "run python docs/floors.py"


def test_every_room_of_the_page_is_there():
    for room in re.findall(r"\| `(engine/\w+)`", PAGE):
        assert (ROOT / room).is_dir()
