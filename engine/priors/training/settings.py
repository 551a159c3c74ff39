"""What a training run needs to know; torch-free, so that forms can be built from it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.settings import Choice, flag, integer, number, one_of, path, text

__all__ = ["DenoiserTraining", "Training"]


@dataclass(frozen=True)
class Training(Choice):
    """What every training needs to know."""

    images: str = path("", "Training images", "A folder of pictures or an IDX file.", files="folder")
    validation: str = text("", "Held-out images", "A folder or IDX file; the card's denoising error is measured on it.")
    out: str = text("", "Weights file", "Where the .safetensors file goes; its checkpoint and log lie beside it.")
    prior: str = text("", "Name", "The name of the prior; empty takes the name of the weights file.")
    title: str = text("", "Title", "One line for the card.")
    data: str = text("", "Data", "What the images are, for the card.")
    licence: str = text("", "Licence", "Licence of the images and the weights, for the card.")
    side: int | None = integer(
        None,
        "Side",
        "Pictures of a folder are cropped and resized to this square; auto takes the first one's, up to 64.",
        low=8,
        high=1024,
    )
    region: str = text(
        "",
        "Region",
        "The square of each picture that is used, as column,row,side in its pixels; empty takes the middle. Not for crops.",
    )
    augment: bool = flag(
        False,
        "Augment",
        "Mirror, shift, scale, turn and recolour the pictures a little, anew each time; for sets of some hundreds.",
    )
    colour: str = one_of("same", ("same", "grey", "colour"), "Colour", "same takes what the first picture is.")
    batch: int = integer(64, "Batch", "Images per step.", low=1, high=4096)
    steps: int = integer(20000, "Steps", "Optimiser steps in all.", low=1)
    decay: float = number(
        0.3, "Decay", "Share of the steps at the end over which the rate falls to zero.", low=0, high=1
    )
    rate: float = number(1e-3, "Learning rate", "Peak rate of AdamW.", above=0, high=1)
    average: float = number(0.9995, "Averaging", "Decay of the running mean of the weights.", low=0, high=0.999999)
    minutes: float = number(
        0.0,
        "Time budget",
        "Training ends after so many minutes, or after its steps; 0 goes by the steps.",
        unit="min",
        low=0,
    )
    seed: int = integer(0, "Seed", "Seeds weights, batches and noise.", low=0)
    device: str = one_of("auto", ("auto", "cpu", "cuda"), "Device", "auto takes a GPU where there is one.")
    threads: int = integer(0, "Threads", "CPU threads; 0 takes all.", low=0)

    def fixed(self) -> str:
        """What a checkpoint must share with a run that resumes it: all but names, lengths and threads."""
        free = (
            "out",
            "prior",
            "title",
            "data",
            "licence",
            "validation",
            "images",
            "start",
            "steps",
            "minutes",
            "free_contrast",
            "decay",
            "threads",
            "device",
        )
        return " ".join(f"{k}={getattr(self, k)}" for k in self.settings() if k not in free)


@dataclass(frozen=True)
class DenoiserTraining(Training):
    """Train a noise-conditional denoiser with the EDM objective."""

    name = "denoiser"
    label = "Denoiser training"

    start: str = path(
        "",
        "Start from",
        "Weights file of a trained denoiser to start from; grey weights also start a network for colour.",
        files="Denoisers (*.safetensors)",
    )
    crops: bool = flag(
        False, "Random crops", "Train on random crops of the pictures at their own size; the prior then takes any size."
    )
    free_contrast: bool = flag(
        False,
        "Free contrast",
        "The same picture at another contrast is as likely, as with photographs; implied by random crops.",
    )
    network: str = one_of(
        "lean",
        ("lean", "unet"),
        "Network",
        "lean: the U-Net of sums, with one norm per block; unet: the older one, to go on with its weights.",
    )
    dropout: float = number(
        0.0,
        "Dropout",
        "Share of features left out at random, for sets of some hundreds; lean networks.",
        low=0,
        high=0.9,
    )
    attention: bool = flag(True, "Attention", "Self-attention on the coarsest grid; for small pictures of one size.")
    width: int = integer(64, "Width", "Channels of the finest grid.", low=16, high=512)
    grids: int = integer(
        3,
        "Grids",
        "Each is half as fine as the one before, with 1.5, 2.5 and 4 times the width of the finest (unet: 2).",
        low=1,
        high=4,
    )
    blocks: int = integer(
        3,
        "Blocks",
        "Residual blocks per direction; lean networks have one less on each coarser grid.",
        low=1,
        high=8,
    )
    sigma_min: float = number(0.005, "Smallest noise level", "In [0, 1] units.", above=0)
    sigma_max: float = number(60.0, "Largest noise level", "In [0, 1] units.", above=0)
    sigma_centre: float = number(0.2, "Central noise level", "Median of the log-normal part of the levels.", above=0)
    sigma_spread: float = number(1.0, "Spread of noise levels", "Standard deviation of its logarithm.", above=0)
    uniform: float = number(0.2, "Uniform share", "Share of log-uniform levels over the whole range.", low=0, high=1)
    balance: bool = flag(
        True,
        "Balanced levels",
        "Weigh each noise level by the inverse of its running loss, so that all are learned alike; edm only.",
    )
    objective: str = one_of(
        "edm",
        ("edm", "ncsnv2"),
        "Objective",
        "edm: the project's network with EDM preconditioning; ncsnv2: network and objective of Song and Ermon (2020), for "
        "comparing with the papers (there rate=1e-4, average=0.999).",
    )
    levels: int = integer(232, "Levels", "Noise levels of the ncsnv2 objective.", low=2, high=10000)
