"""Runs ten recipes in two checkouts and prints the largest difference between their arrays.

    python tests/compare_commits.py OTHER_CHECKOUT

Used by hand where a change must not change a result; it is not collected by pytest.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parents[1]
RECIPES = [
    ["--algorithm", "turbo"],
    ["--image", "sample:digit-7", "--operator", "gaussian measurements=400", "--algorithm", "guided steps=20"],
    ["--image", "sample:digit-2", "--algorithm", "qcs-sgm levels=40 repeats=3", "--samples", "2"],
    ["--operator", "ill-conditioned condition=100 measurements=300", "--algorithm",
     "qcs-sgm-plus levels=30 repeats=3", "--samples", "2"],
    ["--quantizer", "none", "--algorithm", "ald levels=30 repeats=3", "--samples", "2"],
    ["--operator", "inpainting", "--quantizer", "uniform bits=3", "--algorithm", "guided steps=15"],
    ["--image", "sample:photo-camera", "--prior", "natural", "--size", "64", "--operator", "dct measurements=2000",
     "--quantizer", "uniform bits=3", "--noise", "0.01", "--samples", "2"],
    ["--image", "sample:small-cat", "--prior", "cifar10", "--operator", "hadamard measurements=1500", "--samples", "2"],
    ["--prior", "gaussian", "--size", "32", "--operator", "blur", "--quantizer", "dithered", "--algorithm",
     "guided steps=20 likelihood=ep"],
    ["--operator", "phase-retrieval", "--quantizer", "none", "--algorithm", "guided steps=20", "--samples", "2"],
]  # fmt: skip


def arrays(checkout: Path, recipe: list[str], out: Path) -> dict[str, np.ndarray]:
    """The arrays of the recipe's result, computed by the program in ``checkout``."""
    code = "import sys; from engine.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "run", *recipe, "--threads", "1", "--out", str(out)]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{checkout}: {' '.join(recipe)}: {done.stderr}")
    with np.load(out / "result.npz") as file:
        return {k: file[k] for k in ("samples", "mean", "std", "truth")}


def main() -> None:
    other, largest = Path(sys.argv[1]).resolve(), 0.0
    for recipe in RECIPES:
        with tempfile.TemporaryDirectory() as folder:
            ours = arrays(HERE, recipe, Path(folder) / "ours")
            theirs = arrays(other, recipe, Path(folder) / "theirs")
        difference = max(float(np.abs(ours[k] - theirs[k]).max()) for k in ours)
        largest = max(largest, difference)
        print(f"{difference:.3g}  {' '.join(recipe)}", flush=True)
    print(f"largest difference {largest:.3g}")


if __name__ == "__main__":
    main()
