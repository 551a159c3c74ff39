"""Reconstruction of images from few, coarsely quantized measurements. Knows no user interface."""

__version__ = "0.1.0"


def commit() -> str:
    """The commit that this program was made from: as its wheel or bundle says, else as the working tree does; ``unknown``
    where neither knows."""
    from pathlib import Path

    here = Path(__file__).resolve().parent
    try:
        return (here / "commit.txt").read_text(encoding="utf-8").strip() or "unknown"
    except OSError:
        pass
    if not (here.parent / ".git").exists():
        return "unknown"
    import subprocess

    try:
        told = subprocess.run(
            ["git", "-C", str(here.parent), "describe", "--always", "--dirty"],
            capture_output=True, text=True, timeout=5, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return told.stdout.strip()


def about_build() -> str:
    """Version, commit and the build of torch, in one line; torch itself is not imported for it."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = "of an unknown build"
    return f"QCS Studio {__version__} (commit {commit()}), torch {torch}"
