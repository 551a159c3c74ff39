"""The commands that the docs give for their tables are ones that the program takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from engine.cli.main import _parser
from engine.cli.sources import given
from engine.runs.spec import RunSpec
from engine.sweeps.definition import Sweep, ready_sweeps

ROOT = Path(__file__).resolve().parents[2]
TEXT = "".join(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")))
COMMANDS = sorted(
    set(re.findall(r"`(qcs (?:evaluate|sweep|rate-prior) [^`]* (?:DIR|FOLDER)|qcs benchmark [^`]*)`", TEXT))
)
STUDIES = sorted(set(re.findall(r"python -m (studies\.[a-z_]+)", TEXT)))


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_the_docs_are_taken(command):
    words = shlex.split(command)[1:]
    parsed = _parser(words).parse_args(words)
    if parsed.command in ("evaluate", "benchmark"):
        RunSpec(**given(parsed))
    if parsed.command == "sweep" and parsed.file in ready_sweeps():
        assert Sweep.read(ready_sweeps()[parsed.file]).figure is not None


@pytest.mark.parametrize("module", STUDIES)
def test_studies_of_the_docs_are_there(module):
    assert (ROOT / f"{module.replace('.', '/')}.py").is_file()
