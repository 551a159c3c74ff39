"""What may import what, checked in fresh interpreters."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def python(code):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_engine_and_models_know_no_qt():
    modules = [
        ".".join(p.relative_to(ROOT).with_suffix("").parts)
        for p in [
            *ROOT.glob("engine/**/*.py"),
            *(
                ROOT / "qcs_gui" / f
                for f in ("model.py", "undo.py", "keeping.py", "actions.py", "stage/view_store.py", "stage/result.py")
            ),
            *ROOT.glob("qcs_gui/background/*.py"),
        ]
        if p.name not in ("__init__.py", "__main__.py")
    ]
    code = "import sys; sys.modules['PySide6'] = None\n" + "\n".join(f"import {m}" for m in modules)
    done = python(code)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "from engine.cli.describe import describe; describe()",
        "from engine.runs.spec import RunSpec; RunSpec().as_command()",
        "from PySide6.QtWidgets import QApplication; a = QApplication([]); from qcs_gui.studio import Studio; "
        "s = Studio(remember=False); s.window.show(); a.processEvents(); s.close()",
    ],
    ids=["describe", "spec", "window"],
)
def test_forms_and_window_come_up_before_torch(code):
    done = python(code + "; import sys; assert 'torch' not in sys.modules, 'torch was imported'")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("words", [["--help"], ["describe", "--json"], ["runs", "list"]])
def test_commands_that_need_no_engine_import_none(words, tmp_path):
    code = (
        "import sys; from engine.cli import main\n"
        f"try: main({words!r})\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'scipy', 'skimage', 'PySide6'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = python(code)
    assert done.returncode == 0, done.stderr


def test_main_window_imports_no_engine_thread():
    assert "worker" not in (ROOT / "qcs_gui/main_window.py").read_text()


@pytest.mark.slow
def test_priors_are_built_without_the_compiler_of_torch():
    code = (
        "import sys; from engine.priors.library import priors; from engine.priors.networks.unfilled import unfilled\n"
        "priors().get('mnist')().load()\n"
        "from engine.priors.networks.guided import GuidedNet, GuidedShape\n"
        "from engine.priors.networks.ncsnv2 import ScoreNet, ScoreNetShape\n"
        "with unfilled(): networks = GuidedNet(GuidedShape(widths=(1 << 20, 1 << 20))), ScoreNet(ScoreNetShape())\n"
        "assert all(p.is_meta for n in networks for p in n.parameters())\n"
        "assert 'torch._dynamo' not in sys.modules"
    )
    done = python(code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("program", ["engine.cli", "qcs_gui"])
def test_the_version_tells_commit_and_torch_without_importing_it(program):
    done = python(
        f"import sys, runpy; sys.argv = ['x', '--version']\n"
        f"try: runpy.run_module('{program}', run_name='__main__')\n"
        "except SystemExit as end: assert not end.code\n"
        "assert not {'torch', 'PySide6', 'numpy'} & set(sys.modules)"
    )
    assert done.returncode == 0, done.stderr
    assert "commit" in done.stdout and "torch 2" in done.stdout
