"""What all imported priors share: the strict check of their tensors, and the file they are kept in."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from engine.errors import InputError
from engine.priors.base import Card, DenoiserPrior
from engine.priors.header import FORMAT, read_header, refuse_odd_levels
from engine.priors.networks.plausible import refuse_implausible
from engine.priors.networks.unfilled import unfilled
from engine.priors.weights_file import save_weights

__all__ = ["PIXELS_AT_ONCE", "ImportedPrior"]

PIXELS_AT_ONCE = 1 << 18
"""Pixels, times rows, of one call: published networks keep hundreds of channels at full resolution."""


class ImportedPrior(DenoiserPrior):
    """A prior whose network was trained elsewhere.

    ``facts`` is the header of its file: ``image_shape``, ``any_size``, ``mean``, ``deviation``, ``sigma_min``,
    ``sigma_max`` ([0, 1] units) and what :meth:`build` needs to make the network again.
    """

    kind: ClassVar[str]
    full: ClassVar[tuple[str, ...]] = ()
    """Tensors that are kept in float32 also where the weights are kept in half."""

    def __init__(self, network: nn.Module, facts: Mapping[str, Any], card: Card) -> None:
        shape = tuple(int(n) for n in facts["image_shape"])
        if len(shape) != 3 or min(shape) < 1:
            raise ValueError("image_shape")
        self.network, self.facts, self.card = network, dict(facts), card
        self.image_shape: tuple[int, int, int] = shape
        self.any_size = bool(facts["any_size"])
        self.mean, self.deviation = float(facts["mean"]), float(facts["deviation"])
        self.variance = self.deviation**2
        self.sigma_min, self.sigma_max = float(facts["sigma_min"]), float(facts["sigma_max"])
        refuse_odd_levels(self.sigma_min, self.sigma_max, card.name)

    @classmethod
    @abstractmethod
    def build(cls, facts: Mapping[str, Any]) -> nn.Module:
        """The network that the header describes; its weights are not used."""

    @classmethod
    def assemble(cls, facts: Mapping[str, Any], card: Card, tensors: Mapping[str, Tensor], source: Path | str) -> Self:
        """The prior with exactly these weights; raises InputError naming what is missing, too much, misshapen or not
        finite.

        No weight of the network is left as it was initialised: it is built without memory for them.
        """
        described = facts.get("network") or facts.get("config") or {}
        refuse_implausible(described, facts["image_shape"], Path(source).name)
        with unfilled():
            network = cls.build(facts)
        tensors = {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}
        _check(tensors, {k: v.shape for k, v in network.state_dict().items()}, Path(source).name)
        network.load_state_dict(tensors, strict=True, assign=True)
        left = [k for k, v in chain(network.named_parameters(), network.named_buffers()) if v.is_meta]
        if left:
            raise InputError(f"'{Path(source).name}' gives no values for {left[0]}; export the whole network.")
        network = network.eval().requires_grad_(False)
        card = replace(card, parameters=sum(p.numel() for p in network.parameters()))
        return cls(network, facts, card)

    def to(self, device: str) -> Self:
        self.network = self.network.to(device)
        return self

    def save(self, path: Path | str, half: bool = False) -> Path:
        """Writes weights (fp16 where ``half``, else float32), header and card as one safetensors file, atomically."""
        tensors = {
            k: (v.half() if half and v.is_floating_point() and k not in self.full else v).detach().contiguous()
            for k, v in self.network.state_dict().items()
        }
        header = self.facts | {"format": FORMAT, "kind": self.kind, "card": self.card.as_dict()}
        return save_weights(path, tensors, header)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Reads a file written by :meth:`save`; raises InputError where it is damaged."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        facts = read_header(path)
        try:
            return cls.assemble(facts, Card(**facts["card"]), load_file(path), path)
        except InputError:
            raise
        except (
            KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, RuntimeError, SafetensorError,
            OSError,
        ) as error:  # fmt: skip
            reason = " ".join(str(error).split())[:160]
            raise InputError(f"'{path}' is not a whole denoiser file ({reason}).") from None


def _check(given: Mapping[str, Tensor], wanted: Mapping[str, torch.Size], source: str) -> None:
    def some(keys: list[str]) -> str:
        return ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")

    missing = [k for k in wanted if k not in given]
    extra = [k for k in given if k not in wanted]
    other = [k for k in wanted if k in given and given[k].shape != wanted[k]]
    if missing or extra:
        parts = [f"{some(missing)} missing"] if missing else []
        parts += [f"{some(extra)} not known"] if extra else []
        raise InputError(
            f"'{source}' does not hold exactly the weights of this kind of network ({'; '.join(parts)}); "
            "import the checkpoint it was cut from."
        )
    if other:
        key = other[0]
        raise InputError(
            f"'{source}' has weights of another shape than its kind of network ({key} is {tuple(given[key].shape)}, "
            f"not {tuple(wanted[key])}); choose another kind or file."
        )
    bad = [k for k, v in given.items() if not torch.isfinite(v).all()]
    if bad:
        raise InputError(f"'{source}' holds weights that are not finite ({some(bad)}); take another checkpoint.")
