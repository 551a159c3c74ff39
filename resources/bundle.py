"""``python -m resources.bundle``: one folder that runs without Python, with the licences of all that is in it.

Needs the package pyinstaller. Writes ``dist/qcs-studio`` with the programs ``qcs-gui`` and ``qcs``, and a ``.zip`` beside it.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
INSIDE = (
    "torch", "numpy", "scipy", "scikit-image", "PySide6-Essentials", "shiboken6", "pyqtgraph", "Pillow", "safetensors",
    "platformdirs", "PyWavelets", "psutil", "filelock", "typing_extensions", "tifffile", "lazy-loader", "packaging",
)  # fmt: skip
DESKTOP = """[Desktop Entry]
Type=Application
Name=QCS Studio
Comment=Reconstruct images from few, coarsely quantized measurements
Exec=qcs-gui %f
Icon=qcs-studio
Categories=Science;Education;Graphics;
MimeType=image/png;image/jpeg;image/tiff;
"""
STARTING = """QCS Studio: reconstruct images from few, coarsely quantized measurements.

Start qcs-gui for the window; qcs is the command line (qcs --help). Nothing is to be installed; the folder may be
read-only. On a bare Linux machine Qt needs libgl1, libegl1, libxkbcommon-x11-0 and libxcb-cursor0 of the system.
qcs-studio.desktop puts it into a desktop's menu: copy it to ~/.local/share/applications and give Exec and Icon the path of
this folder. Licences of all that is inside: LICENCES.txt.
"""


def main(arguments: list[str] | None = None) -> int:
    """Builds, strips what can be stripped, and prints size and time as JSON."""
    parser = argparse.ArgumentParser(prog="python -m resources.bundle", description=__doc__)
    parser.add_argument("--without", default="", help="priors that are left out, separated by commas (natural)")
    parser.add_argument("--out", default="dist", help="folder for the bundle (dist)")
    parser.add_argument("--no-archive", action="store_true", help="the folder alone, no .zip beside it")
    parsed = parser.parse_args(arguments)
    out = Path(parsed.out).resolve()
    work = out.parent / "build"
    extra = work / "extra"
    extra.mkdir(parents=True, exist_ok=True)
    (extra / "LICENCES.txt").write_text(licences(parsed.without), encoding="utf-8")
    (extra / "qcs-studio.desktop").write_text(DESKTOP, encoding="utf-8")
    from engine import commit

    (extra / "commit.txt").write_text(commit() + "\n", encoding="utf-8")
    started = time.monotonic()
    environment = {**os.environ, "QCS_BUNDLE_WITHOUT": parsed.without, "QCS_BUNDLE_EXTRA": str(extra)}
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--clean", "--log-level", "WARN"]
    subprocess.run(
        [*command, "--distpath", str(out), "--workpath", str(work), str(ROOT / "build.spec")],
        check=True,
        env=environment,
    )
    folder = out / "qcs-studio"
    for name in ("LICENCES.txt", "qcs-studio.desktop"):
        shutil.copy(extra / name, folder / name)
    shutil.copy(ROOT / "resources" / "icon.svg", folder / "qcs-studio.svg")
    (folder / "README.txt").write_text(STARTING, encoding="utf-8")
    _strip(folder)
    report = {
        "folder": str(folder),
        "megabytes": round(_size(folder) / 1e6, 1),
        "files": sum(1 for _ in folder.rglob("*")),
    }
    if not parsed.no_archive:
        archive = shutil.make_archive(str(out / "qcs-studio"), "zip", out, "qcs-studio")
        report |= {"archive": archive, "archive_megabytes": round(Path(archive).stat().st_size / 1e6, 1)}
    print(json.dumps(report | {"seconds": round(time.monotonic() - started, 1)}, indent=2))
    return 0


def first(facts: importlib.metadata.PackageMetadata, key: str) -> str:
    """The first value of a key in a package's metadata, empty where there is none."""
    return next(iter(facts.get_all(key) or []), "")


def licences(without: str = "") -> str:
    """The licence of every package inside, from its own metadata, and of every prior, from its card."""
    from engine.priors.header import read_header

    parts = ["QCS Studio and what it is made of\n"]
    for name in INSIDE:
        try:
            facts = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        licence = first(facts, "License-Expression") or next(
            (c.rsplit(" :: ", 1)[-1] for c in facts.get_all("Classifier") or [] if c.startswith("License")), ""
        )
        licence = licence or (first(facts, "License") or "see the project's page").splitlines()[0]
        page = first(facts, "Home-page") or next((u.split(", ", 1)[-1] for u in facts.get_all("Project-URL") or []), "")
        parts.append(f"{facts['Name']} {facts['Version']}: {licence}. {page}")
    parts.append("\nPriors (trained weights)\n")
    left_out = {n for n in without.split(",") if n}
    for path in sorted((ROOT / "resources" / "priors").glob("*.safetensors")):
        card = read_header(path)["card"]
        if not any(path.stem == n or path.stem.startswith(f"{n}-") for n in left_out):
            parts.append(f"{path.stem}: {card.get('licence', 'not stated')}. {card.get('data', '')}")
    return "\n".join(parts) + "\n"


def _strip(folder: Path) -> None:
    """Takes the symbols for debuggers out of the shared libraries."""
    strip = shutil.which("strip")
    if strip is None or sys.platform != "linux":
        return
    for library in folder.rglob("*.so*"):
        # libraries of wheels were patched in ways that strip does not know; those of torch and of Python were not
        own = library.parent.name == "lib" and library.parent.parent.name == "torch"
        if not library.is_symlink() and (own or library.name.startswith("libpython")):
            subprocess.run([strip, "--strip-unneeded", str(library)], check=False)


def _size(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


if __name__ == "__main__":
    sys.exit(main())
