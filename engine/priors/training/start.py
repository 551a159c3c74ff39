"""Weights to start a training from: those of a trained denoiser, also of one for another number of colour channels."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from engine.errors import InputError
from engine.priors.networks.denoisers import Denoising, Shape

__all__ = ["licence_of", "start_from"]


def start_from(network: Denoising, path: Path) -> None:
    """Copies the weights of a file into the network; raises InputError where they do not fit.

    A grey network becomes one for colour that sees and answers the mean of the channels, and a coloured one becomes
    grey likewise. Attention that the file lacks starts as the identity.
    """
    from engine.priors.networks.edm import EdmDenoiser
    from engine.priors.networks.registry import read_prior

    prior = read_prior(path)
    if not isinstance(prior, EdmDenoiser):
        raise InputError(f"'{path}' holds an imported network; a training can only start from one trained here.")
    given, wanted = prior.network.state_dict(), network.state_dict()
    before, now = prior.network.shape, network.shape
    if before.channels != now.channels:
        given["first.weight"] = _other_channels(given["first.weight"], 1, before.channels, now.channels, mean=True)
        given["last.weight"] = _other_channels(given["last.weight"], 0, before.channels, now.channels, mean=False)
        given["last.bias"] = _other_channels(given["last.bias"], 0, before.channels, now.channels, mean=False)
    for key, value in wanted.items():
        if key.startswith("attend.") and key not in given:
            given[key] = value
    if given.keys() != wanted.keys() or any(given[k].shape != v.shape for k, v in wanted.items()):
        raise InputError(
            f"'{path}' is a network of another shape ({_described(before)}); train with the same network, width, grids, "
            "blocks and attention."
        )
    network.load_state_dict(given)


def _described(shape: Shape) -> str:
    facts = {"kind": "unet"} | shape.as_dict()
    return ", ".join(f"{key} {value}" for key, value in facts.items() if key not in ("channels", "unshuffle"))


def licence_of(path: Path) -> str:
    """What the weights started from bring with them, for the card."""
    from engine.priors.header import read_header

    card = read_header(path)["card"]
    return f"started from '{card.get('name', path.stem)}' ({card.get('licence') or 'licence not stated'})"


def _other_channels(weight: Tensor, axis: int, before: int, now: int, mean: bool) -> Tensor:
    """Pixel-unshuffled channels are ordered colour by colour: each colour's part becomes the mean of the parts, divided
    by the number of them where the answers are summed (``mean``)."""
    parts = torch.stack(weight.chunk(before, dim=axis)).sum(0)
    parts = parts / now if mean else parts / before
    return torch.cat([parts] * now, dim=axis)
