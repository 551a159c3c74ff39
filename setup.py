"""Only what pyproject.toml cannot say: wheel and sdist carry the commit that they were made from."""

import subprocess
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parent
NAME = Path("engine") / "commit.txt"


def write_commit(tree: Path) -> None:
    if (ROOT / ".git").exists():
        told = subprocess.run(
            ["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
        ).stdout.strip()
    else:  # an unpacked sdist has it already
        told = (ROOT / NAME).read_text(encoding="utf-8").strip() if (ROOT / NAME).exists() else ""
    if told and (tree / NAME).parent.is_dir():
        (tree / NAME).write_text(told + "\n", encoding="utf-8")


class BuildWithCommit(build_py):
    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            write_commit(Path(self.build_lib))


class SdistWithCommit(sdist):
    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        write_commit(Path(base_dir))


setup(cmdclass={"build_py": BuildWithCommit, "sdist": SdistWithCommit})
