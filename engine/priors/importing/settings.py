"""What the import of a prior needs to know; torch-free, so that forms can be built from it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from engine.settings import Choice, Setting, flag, integer, number, one_of, path, text

__all__ = ["IMPORT_KINDS", "SCHEDULES", "PriorImport"]

IMPORT_KINDS = ("ncsnv2", "guided-diffusion", "diffusers")
SCHEDULES = ("linear", "scaled-linear", "cosine", "sigmoid")


@dataclass(frozen=True)
class _Word(Setting):
    """One of a few words of which ``auto`` is one, rather than the absence of a value."""

    def check(self, name: str, value: Any) -> Any:
        return value if value == "auto" else super().check(name, value)


def _word(choices: tuple[str, ...], label: str, help: str) -> Any:
    return dataclasses.field(default="auto", metadata={"setting": _Word(str, label, help, choices=("auto", *choices))})


@dataclass(frozen=True)
class PriorImport(Choice):
    """Take a diffusion or score network that was trained elsewhere as a prior."""

    label = "Import of a prior"

    file: str = path(
        "",
        "File or folder",
        "A checkpoint (.pth, .pt, .safetensors) or the folder of a diffusers model.",
        files="Networks (*.pth *.pt *.ckpt *.bin *.safetensors *.json)",
    )
    name: str = text(  # type: ignore[misc]  # of the prior; what is the class's own with other choices is given here
        "", "Name", "Letters, digits, - and _; empty takes the name of the file."
    )
    title: str = text("", "Title", "One line for the card.")
    data: str = text("", "Data", "What images the network was trained on, for the card.")
    licence: str = text("", "Licence", "Licence of the weights, for the card.")
    kind: str = _word(IMPORT_KINDS, "Kind", "auto sees it from the names of the tensors.")
    side: int | None = integer(
        None, "Side", "Height and width of the images; auto takes what the file says or suggests.", low=8, high=1024
    )
    mean: float | None = number(None, "Mean", "Mean pixel value of its images; auto assumes 0.5.", low=0, high=1)
    deviation: float | None = number(
        None, "Deviation", "Standard deviation of its pixels; auto assumes 0.25.", above=0, high=1
    )
    ema: bool = flag(True, "Averaged weights", "Take the averaged (EMA) weights where the file has them.")
    pixels: str = one_of(
        "0..1", ("0..1", "-1..1"), "Pixel range", "Range of the images that an NCSNv2 file's noise levels are for."
    )
    head_channels: int = integer(
        64, "Channels per head", "Of a guided-diffusion file, which does not tell.", low=1, high=4096
    )
    heads: int | None = integer(None, "Heads", "Instead of channels per head, the number of heads.", low=1, high=256)
    attention_order: str = one_of(
        "legacy", ("legacy", "new"), "Attention order", "Of a guided-diffusion file: new splits into heads last."
    )
    prediction: str = _word(
        ("epsilon", "v_prediction", "sample", "velocity"),
        "Prediction",
        "What the network predicts; auto takes what the folder says, else epsilon (the noise). velocity is that of flow "
        "matching, x_t = (1 - t) x + t z, and brings its own noise schedule.",
    )
    schedule: str = _word(SCHEDULES, "Noise schedule", "auto takes what the folder says, else linear.")
    steps: int = integer(1000, "Diffusion steps", "Steps of the noise schedule.", low=2, high=100_000)
    beta_first: float = number(1e-4, "First beta", "Of the noise schedule.", above=0, high=0.999)
    beta_last: float = number(0.02, "Last beta", "Of the noise schedule.", above=0, high=0.999)
    overwrite: bool = flag(False, "Overwrite", "Replace a prior of yours that has this name.")

    @classmethod
    def describe(cls) -> dict[str, Any]:
        """As of every choice, but ``name`` is a setting here, so the choice goes by ``import``."""
        return super().describe() | {"name": "import"}
