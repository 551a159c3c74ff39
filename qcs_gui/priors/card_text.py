"""A prior's card as the prior page shows it: only what is known, in plain words. No Qt, no torch."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.priors.choice import KINDS, FilePrior, PriorChoice

__all__ = ["CardText", "card_text", "variants_of"]

_RESTRICTED = re.compile(r"non-?\s?commercial|\bNC\b|-NC\b", re.IGNORECASE)
_COLOURS = {1: "grey", 3: "colour"}


@dataclass(frozen=True)
class CardText:
    """``rows`` are (label, text); ``quality`` holds the lists ``sigma``, ``rmse`` and ``psnr``, or nothing."""

    title: str
    licence: str
    licence_warns: bool
    rows: list[tuple[str, str]]
    command: str
    quality: dict[str, list[float]] = field(default_factory=dict)


def variants_of(choice: PriorChoice) -> dict[int, str]:
    """Number of channels to name, for every file of the prior; empty for one that is not kept in files."""
    if not isinstance(choice, FilePrior):
        return {}
    return {c: _COLOURS.get(c, f"{c} channels").capitalize() for c in sorted(choice.variants)}


def card_text(choice: PriorChoice, channels: int | None = None) -> CardText:
    """The card of the file for pictures of ``channels`` channels, or of the only one there is.

    Raises InputError where the prior depends on a folder that is not there.
    """
    path: Path | None
    if isinstance(choice, FilePrior) and channels in choice.variants:
        path, facts = choice.variants[channels]
    else:
        path, facts = choice.path if isinstance(choice, FilePrior) else None, choice.facts
    card: dict[str, Any] = facts.get("card", {})
    known = [
        ("What it is", "" if isinstance(choice, FilePrior) else choice.summary()),
        ("Images", str(card.get("data") or "")),
        ("Image size", _size(choice, facts)),
        ("Kind", KINDS[choice.kind][0]),
        ("Noise levels", _levels(float(facts["sigma_min"]), float(facts["sigma_max"])) if "sigma_min" in facts else ""),
        ("Best latent", _best_latent(card.get("quality"))),
        ("Parameters", f"{int(card['parameters']):,}" if card.get("parameters") else ""),
        ("Settings", _settings(choice)),
        ("Seed", "" if card.get("seed") is None else str(card["seed"])),
        ("Notes", str(card.get("notes") or "")),
        ("File", path.name if path else ""),
    ]
    licence, warns = _licence(str(card.get("licence") or ""), kept_in_file=path is not None)
    return CardText(
        str(card.get("title") or choice.label), licence, warns, [(k, v) for k, v in known if v],
        str(card.get("command") or ""), _quality(card.get("quality")),
    )  # fmt: skip


def _settings(choice: PriorChoice) -> str:
    values = {s.label: getattr(choice, k) for k, s in choice.settings().items()}
    words = [f"{k.lower()} {'auto' if v is None else v}" for k, v in values.items() if v != ""]
    return ", ".join(words)


def _size(choice: PriorChoice, facts: dict[str, Any]) -> str:
    channels, height, width = facts["image_shape"]
    kinds = (channels,) if isinstance(choice, FilePrior) else choice.channels
    colour = " or ".join(_COLOURS.get(c, f"{c} channels") for c in kinds)
    made = f"{width} x {height}"
    if not choice.any_size:
        return f"{made}, {colour}"
    return f"any size, {colour}" + (f" (trained on {made})" if isinstance(choice, FilePrior) else "")


def _levels(low: float, high: float) -> str:
    return "any: the denoiser is exact" if math.isinf(high) else f"sigma {low:.3g} to {high:.3g} (pixels from 0 to 1)"


def _licence(licence: str, kept_in_file: bool) -> tuple[str, bool]:
    """The line about the licence, and whether it warns: of restricted use, or of not knowing."""
    if not licence:
        return (
            ("Licence not stated: ask who made the prior before passing it on", True) if kept_in_file else ("", False)
        )
    if "not stated" in licence.lower():
        return f"Licence unknown: {licence}", True
    if _RESTRICTED.search(licence):
        return f"Restricted use: {licence}", True
    return f"Licence: {licence}", False


def _best_latent(quality: Any) -> str:
    """How near a generator comes to pictures it has not seen, where its card says so."""
    try:
        told = quality["best_latent"]
        error, psnr, count = float(told["mse"]), float(told["psnr"]), int(told["pictures"])
        return f"mean squared error {error:.4f} ({psnr:.1f} dB) on {count} held-out pictures"
    except (KeyError, TypeError, ValueError, OverflowError):
        return ""


def _quality(quality: Any) -> dict[str, list[float]]:
    """The lists of the card if they are there, are numbers and belong together."""
    try:
        columns = {k: [float(v) for v in quality[k]] for k in ("sigma", "rmse", "psnr")}
    except (KeyError, TypeError, ValueError):
        return {}
    lengths = {len(v) for v in columns.values()}
    usable = len(lengths) == 1 and lengths != {0} and all(math.isfinite(v) for c in columns.values() for v in c)
    return columns if usable and min(columns["sigma"]) > 0 else {}
