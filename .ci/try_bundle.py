"""Tries a bundle in a clean root: ``try_bundle.py BUNDLE ROOT``. Run as root on Linux, by the Python that built it.

The bundle is mounted read-only in a folder with spaces and letters outside ASCII, the network is off, and what it computes
is compared with what this Python's own installation computes.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

PLACE = "opt/Bildschätzung mit QCS"
RUN = (
    "run", "--image", "sample:digit-3", "--operator", "gaussian measurements=200", "--quantizer", "one-bit",
    "--algorithm", "turbo", "--samples", "2", "--threads", "1", "--no-save",
)  # fmt: skip
MOUNTS = """
set -e
mkdir -p "$R/$P" "$R/proc" "$R/dev" "$R/tmp" "$R/home/user" "$R/work" "$R/etc"
mount --bind "$B" "$R/$P"; mount -o remount,bind,ro "$R/$P"
mount -t proc proc "$R/proc"; mount --rbind /dev "$R/dev"; mount --bind "$W" "$R/work"
mount -t tmpfs tmpfs "$R/tmp"
if [ -d /tmp/.X11-unix ]; then mkdir -p "$R/tmp/.X11-unix"; mount --bind /tmp/.X11-unix "$R/tmp/.X11-unix"; fi
exec chroot "$R" /usr/bin/env -i HOME=/home/user PATH=/usr/bin:/bin LANG=C.UTF-8 QCS_STUDIO_DATA=/work/data "$@"
"""


class Clean:
    """Runs programs of a bundle in the clean root."""

    def __init__(self, bundle: Path, root: Path, work: Path) -> None:
        self.bundle, self.root, self.work = bundle, root, work

    def start(self, program: str, *arguments: str, **environment: str) -> subprocess.Popen:
        pairs = [f"{k}={v}" for k, v in environment.items()]
        command = ["unshare", "-m", "-n", "bash", "-c", MOUNTS, "clean", *pairs, f"/{PLACE}/{program}", *arguments]
        places = {"R": str(self.root), "P": PLACE, "B": str(self.bundle), "W": str(self.work)}
        return subprocess.Popen(
            command, env={**os.environ, **places}, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def run(self, program: str, *arguments: str, status: int = 0, **environment: str) -> str:
        going = self.start(program, *arguments, **environment)
        out, err = going.communicate(timeout=300)
        if going.returncode != status:
            raise SystemExit(
                f"{program} {' '.join(arguments)} ended with {going.returncode}:\n{out[-2000:]}\n{err[-3000:]}"
            )
        return out if status == 0 else err


def arrays(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "result.npz") as kept:
        return {k: kept[k] for k in kept.files if k != "recipe"}


def main(bundle: Path, root: Path) -> None:
    work = Path(tempfile.mkdtemp())
    clean, report = Clean(bundle, root, work), {}
    report["version"] = clean.run("qcs", "--version").strip()
    marks = []
    for command in (("--help",), ("describe",)):
        clean.run("qcs", *command)
        mark = time.monotonic()
        clean.run("qcs", *command)
        marks.append(round(time.monotonic() - mark, 2))
    report["help_seconds"], report["describe_seconds"] = marks
    smoke = json.loads(clean.run("qcs-gui", "--smoke-test", "--json"))
    report["smoke_offscreen"] = {k: smoke[k] for k in smoke if "second" in k or k == "platform"}
    if shutil.which("Xvfb"):
        screen = subprocess.Popen(["Xvfb", ":77", "-screen", "0", "1280x800x24"], stderr=subprocess.DEVNULL)
        time.sleep(2)
        try:
            clean.run("qcs-gui", "--smoke-test", "--json", "--screenshot", "/work/window.png", DISPLAY=":77")
            assert (work / "window.png").stat().st_size > 20000
            report["smoke_xvfb"] = "passed"
        finally:
            screen.terminate()
    clean.run("qcs", *RUN, "--out", "/work/frozen")
    subprocess.run(
        [sys.executable, "-m", "engine.cli", *RUN, "--out", str(work / "plain")], check=True, stdout=subprocess.DEVNULL
    )
    frozen, plain = arrays(work / "frozen"), arrays(work / "plain")
    assert frozen.keys() == plain.keys() and all(np.array_equal(frozen[k], plain[k]) for k in plain), "arrays differ"
    report["arrays"] = "the same as of the installed program"
    trained(clean, work)
    imported(clean, work)
    own_matrix(clean, work)
    both = [clean.start("qcs", *RUN, "--out", f"/work/twice-{i}") for i in range(2)]
    assert [p.wait(300) for p in both] == [0, 0], "two at once"
    damaged(clean, work)
    report["done"] = "train, import-prior, own .mat file, export, twice at once, damaged weights"
    print(json.dumps(report, indent=2))
    shutil.rmtree(work)


def trained(clean: Clean, work: Path) -> None:
    from PIL import Image

    rng, folder = np.random.default_rng(0), work / "pictures"
    folder.mkdir()
    for i in range(20):
        Image.fromarray(rng.integers(0, 255, (24, 24), dtype=np.uint8)).save(folder / f"{i}.png")
    clean.run("qcs", "train", "--images", "/work/pictures", "--out", "/work/tiny.safetensors", "--steps", "10", "--width", "16",
              "--blocks", "1", "--batch", "4")  # fmt: skip
    assert (work / "tiny.safetensors").exists()


def imported(clean: Clean, work: Path) -> None:
    import torch

    from engine.priors.networks.ncsnv2 import ScoreNet, ScoreNetShape

    network = ScoreNet(ScoreNetShape("NCSNv2", 1, 8, 3))
    network.sigmas.copy_(torch.tensor([5.0, 0.5, 0.05]))
    state = {f"module.{k}": v for k, v in network.state_dict().items()}
    torch.save([state, {}, 1, 2, dict(network.named_parameters())], work / "net.pth")
    told = json.loads(clean.run("qcs", "import-prior", "--file", "/work/net.pth", "--name", "borrowed"))
    assert told["name"] == "borrowed"


def own_matrix(clean: Clean, work: Path) -> None:
    from scipy.io import savemat

    rng = np.random.default_rng(1)
    matrix = rng.standard_normal((100, 784)) / 10
    savemat(work / "own.mat", {"A": matrix, "y": np.sign(matrix @ rng.random(784)), "noise": 0.05})
    clean.run("qcs", "run", "--measurement", "/work/own.mat", "--algorithm", "turbo", "--samples", "1", "--out", "/work/own",
              "--no-save")  # fmt: skip
    assert (work / "own" / "mean.png").exists()


def damaged(clean: Clean, work: Path) -> None:
    copy = work / "damaged"
    subprocess.run(["cp", "-al", str(clean.bundle), str(copy)], check=False) or shutil.copytree(clean.bundle, copy)
    weights = next(copy.rglob("resources/priors/mnist.safetensors"))
    content = weights.read_bytes()
    weights.unlink()
    weights.write_bytes(content[: len(content) // 2])
    other = Clean(copy, clean.root, work)
    said = other.run("qcs", *RUN, "--out", "/work/no", status=2).strip()
    assert said.startswith("qcs:") and "\n" not in said, said
    other.run("qcs", "run", "--prior", "fashion-mnist", "--samples", "1", "--out", "/work/yes", "--no-save")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
