"""Import of networks that were trained elsewhere: from a checkpoint or a folder to a named prior, offline."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.errors import InputError
from engine.files import make_folder
from engine.priors.base import Card
from engine.priors.header import read_header, refuse_odd_levels
from engine.priors.importing.checkpoints import Weights, read_checkpoint
from engine.priors.importing.diffusers_folder import read_diffusers
from engine.priors.importing.settings import PriorImport
from engine.priors.library import priors, user_folder
from engine.priors.networks.diffusers_prior import DiffusersPrior
from engine.priors.networks.guided import infer_shape
from engine.priors.networks.guided_prior import GuidedPrior
from engine.priors.networks.imported import ImportedPrior
from engine.priors.networks.ncsnv2 import ScoreNetShape
from engine.priors.networks.plausible import refuse_implausible
from engine.priors.networks.schedule import FLOW, schedule
from engine.priors.networks.score_network import ScorePrior
from engine.priors.networks.variance_preserving import VELOCITY, VariancePreserving, sigma_range
from engine.priors.weights_file import save_weights

__all__ = ["import_prior", "read_network"]

_SIDE = 32
_SIDES = {5: 128, 6: 256, 7: 512}
"""Picture sides of the published guided-diffusion networks by their number of grids."""


@dataclass
class _Found:
    """A network as it was read: which class makes it a prior, and the header it needs."""

    prior: type[ImportedPrior]
    facts: dict[str, Any]
    weights: Weights
    what: str


def import_prior(settings: PriorImport, command: str = "") -> Path:
    """Reads the network and writes it as a prior of the user's; returns the file.

    Raises InputError, with nothing written, where the file is damaged, of another kind, or holds anything but exactly
    the weights of the network; where the name cannot be used; and where the size does not suit.
    """
    source = _source(settings)
    name = _name(settings.name, source)
    target = user_folder() / f"{name}.safetensors"
    notes = _clashes(name, target, settings.overwrite)
    if _is_own(source):
        return _adopt(settings, source, name, target)
    prior, half = read_network(settings, name, command, notes)
    make_folder(target.parent)
    return prior.save(target, half)


def read_network(
    settings: PriorImport, name: str = "imported", command: str = "", notes: tuple[str, ...] = ()
) -> tuple[ImportedPrior, bool]:
    """The network as a prior in memory, and whether its weights came as float16; raises InputError as import_prior."""
    source = _source(settings)
    found = _found(settings, source)
    channels = found.facts["image_shape"][0]
    if channels not in (1, 3):
        raise InputError(
            f"'{source.name}' is for images of {channels} channels; a prior needs grey (1) or colour (3) ones."
        )
    assumed = [k for k in ("mean", "deviation") if getattr(settings, k) is None]
    said = list(notes) + found.weights.notes
    if assumed:
        said.append(f"The {' and '.join(assumed)} of the pixels {'were' if len(assumed) > 1 else 'was'} assumed.")
    facts = found.facts | {
        "mean": 0.5 if settings.mean is None else settings.mean,
        "deviation": 0.25 if settings.deviation is None else settings.deviation,
    }
    card = Card(
        name=name,
        title=settings.title or f"{name} ({found.what})",
        data=settings.data or f"Imported from {source.name}; its training images are not stated",
        licence=settings.licence or "Licence not stated by the file: ask who made the network before passing it on",
        command=command,
    )
    try:
        prior = found.prior.assemble(facts, card, found.weights.tensors, source)
    except InputError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError) as error:
        reason = (str(error).splitlines() or [""])[0][:120]
        raise InputError(f"'{source.name}' cannot be made a prior ({reason}); choose another kind or file.") from None
    said.append(_trial(prior))
    facts_of_card = prior.card.as_dict() | {"notes": " ".join([f"{found.what} from {source.name}.", *said])}
    prior.card = Card(**facts_of_card)
    return prior, found.weights.half


def _is_own(source: Path) -> bool:
    """Whether it is a prior of this program, trained here or on another machine."""
    if source.suffix != ".safetensors" or not source.is_file():
        return False
    try:
        read_header(source)
    except InputError:
        return False
    return True


def _adopt(settings: PriorImport, source: Path, name: str, target: Path) -> Path:
    """Copies a prior of this program under its new name, once its weights were read whole and are what they should be."""
    from safetensors.torch import load_file

    from engine.priors.networks.registry import read_prior

    read_prior(source)
    facts, tensors = read_header(source), load_file(source)
    facts["card"] = facts["card"] | {"name": name} | ({"title": settings.title} if settings.title else {})
    make_folder(target.parent)
    return save_weights(target, tensors, facts)


def _source(settings: PriorImport) -> Path:
    if not settings.file:
        raise InputError("No file was given; name a checkpoint or the folder of a diffusers model.")
    path = Path(settings.file).expanduser()
    if not path.exists():
        raise InputError(f"'{path}' does not exist; give a checkpoint or the folder of a diffusers model.")
    return path.parent if path.name in ("config.json", "model_index.json") else path


def _name(given: str, source: Path) -> str:
    name = given.strip() or re.sub(r"[^A-Za-z0-9_-]+", "-", source.stem if source.is_file() else source.name).strip("-")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        raise InputError(f"The name '{name[:80]}' cannot be used; give up to 64 letters, digits, - and _ only.")
    return name


def _clashes(name: str, target: Path, overwrite: bool) -> tuple[str, ...]:
    if target.parent.resolve() == (Path(str(files("resources"))) / "priors").resolve():
        raise InputError("The folder of your priors is the program's own; set QCS_STUDIO_DATA to another one.")
    if target.exists():
        if not overwrite:
            raise InputError(f"You have a prior '{name}' already; give another name or set overwrite to true.")
        return ()
    if name not in priors().choices:
        return ()
    if not overwrite:
        raise InputError(f"'{name}' is a prior that comes with the program; give another name.")
    return (f"Takes the place of the other prior named {name}.",)


def _found(settings: PriorImport, source: Path) -> _Found:
    if source.is_dir():
        if settings.kind not in ("auto", "diffusers"):
            raise InputError(f"'{source.name}' is a folder, not a {settings.kind} file; set kind to diffusers or auto.")
        try:
            return _diffusers(settings, source)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
            if isinstance(error, InputError):
                raise
            reason = (str(error).splitlines() or [""])[0][:120]
            raise InputError(
                f"'{source.name}' has a configuration that makes no sense ({reason}); fetch the folder again."
            ) from None
    if settings.kind == "diffusers":
        raise InputError(f"'{source.name}' is a file; the kind diffusers needs the folder with its config.json.")
    weights = read_checkpoint(source, settings.ema)
    kind = _kind(weights.tensors)
    if kind is None:
        raise InputError(
            f"'{source.name}' is of no known kind of network "
            f"(its first weight is {next(iter(weights.tensors), 'none')}); "
            "NCSNv2, guided-diffusion and diffusers are read."
        )
    if settings.kind not in ("auto", kind):
        raise InputError(
            f"'{source.name}' holds a network of kind {kind}, not {settings.kind}; set kind to {kind} or auto."
        )
    try:
        return (_ncsnv2 if kind == "ncsnv2" else _guided)(settings, source, weights)
    except InputError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError) as error:
        raise InputError(
            f"'{source.name}' is not a whole {kind} network ({error}); import the full checkpoint."
        ) from None


def _kind(tensors: Mapping[str, Tensor]) -> str | None:
    """By names that only one kind has; one of several is enough, so that a cut file is told what it lacks."""
    if any(k.startswith(("begin_conv.", "normalizer.", "refine1.")) for k in tensors):
        return "ncsnv2"
    if any(k.startswith(("time_embed.", "input_blocks.")) for k in tensors):
        return "guided-diffusion"
    return None


def _ncsnv2(settings: PriorImport, source: Path, weights: Weights) -> _Found:
    tensors = weights.tensors
    for key in ("sigmas", "begin_conv.weight"):
        if key not in tensors:
            raise InputError(
                f"'{source.name}' lacks {key}, so it is not a whole NCSNv2 network; import the full checkpoint."
            )
    width, channels = tensors["begin_conv.weight"].shape[:2]
    sigmas = tensors["sigmas"]
    if sigmas.ndim != 1 or not len(sigmas) or not torch.isfinite(sigmas).all() or not (sigmas > 0).all():
        raise InputError(f"'{source.name}' has noise levels that are not positive numbers; take another checkpoint.")
    stages = {k.split(".")[0] for k in tensors}
    variant = "NCSNv2Deeper" if stages & {"res5", "refine5"} else "NCSNv2"
    variant = "NCSNv2Deepest" if stages & {"res31", "refine31"} else variant
    shape = ScoreNetShape(variant, channels, width, len(sigmas))
    # Images in [-1, 1] are twice as far apart as those in [0, 1], and so is their noise.
    low, high = (float(s) / (2 if settings.pixels == "-1..1" else 1) for s in (sigmas.min(), sigmas.max()))
    if high <= low:
        raise InputError(f"'{source.name}' has a single noise level, too little for a prior; take another checkpoint.")
    refuse_odd_levels(low, high, source.name)
    side = settings.side or max(_SIDE, shape.smallest_side)
    if side < shape.smallest_side:
        raise InputError(f"side={side} is too small for {variant}; give at least {shape.smallest_side}.")
    weights.notes.append(f"Takes pictures of any size from {shape.smallest_side} x {shape.smallest_side} on.")
    if settings.pixels == "-1..1":
        weights.notes.append("Its noise levels were taken as those of images in [-1, 1].")
    facts = {"image_shape": [channels, side, side], "any_size": True, "sigma_min": low, "sigma_max": high}
    return _Found(ScorePrior, facts | {"network": shape.as_dict()}, weights, variant)


def _guided(settings: PriorImport, source: Path, weights: Weights) -> _Found:
    shape = infer_shape(weights.tensors, settings.head_channels, settings.heads or 0, settings.attention_order == "new")
    levels = len(shape.widths)
    side = settings.side or max(_SIDES.get(levels, 64 if levels == 4 else _SIDE), shape.multiple)
    if settings.side is None:
        weights.notes.append(f"The picture size was assumed to be {side} x {side}.")
    split = f"{shape.heads} heads" if settings.heads else f"{shape.head_channels} channels per head"
    weights.notes.append(f"Attention in {split}, {settings.attention_order} order, as set.")
    facts = _facts(settings, shape.channels, [side, side], shape.multiple, None, None, weights)
    return _Found(GuidedPrior, facts | {"network": shape.as_dict()}, weights, "guided-diffusion U-Net")


def _diffusers(settings: PriorImport, source: Path) -> _Found:
    read = read_diffusers(source, settings.ema)
    config = read.config
    refuse_implausible(config, (), source.name)
    inputs, outputs = int(config.get("in_channels", 3)), int(config.get("out_channels", 3))
    if outputs not in (inputs, 2 * inputs):
        raise InputError(
            f"'{source.name}' holds a network from {inputs} to {outputs} channels, "
            "no denoiser of images; take another one."
        )
    size = config.get("sample_size")
    sides = [settings.side] * 2 if settings.side else size if isinstance(size, list) else [size or _SIDE] * 2
    if size is None and not settings.side:
        read.weights.notes.append(f"The picture size was assumed to be {_SIDE} x {_SIDE}.")
    multiple = 2 ** (len(config.get("block_out_channels", (0,) * 4)) - 1)
    facts = _facts(settings, inputs, sides, multiple, read.schedule, read.prediction, read.weights)
    return _Found(DiffusersPrior, facts | {"config": config}, read.weights, "diffusers UNet2DModel")


def _facts(
    settings: PriorImport, channels: int, sides: list[int], multiple: int,
    of_file: dict[str, Any] | None, predicts: str | None, weights: Weights,
) -> dict[str, Any]:  # fmt: skip
    """The header of a variance-preserving network; what the settings say goes before what the folder says."""
    height, width = (int(n) for n in sides)
    if height % multiple or width % multiple:
        raise InputError(
            f"The size {width} x {height} does not suit the network; give a side that is a multiple of {multiple}."
        )
    prediction = (predicts or "epsilon") if settings.prediction == "auto" else settings.prediction
    if prediction == VELOCITY:
        if settings.schedule != "auto":
            raise InputError("A network that predicts a velocity has no noise schedule to choose; leave schedule=auto.")
        if of_file is None or of_file.get("kind") != FLOW:
            of_file = schedule(FLOW, settings.steps)
        weights.notes.append(f"The straight path of flow matching, with {of_file['steps']} steps.")
    elif of_file is None or settings.schedule != "auto":
        kind = "linear" if settings.schedule == "auto" else settings.schedule
        of_file = schedule(kind, settings.steps, settings.beta_first, settings.beta_last)
        weights.notes.append(f"Noise schedule {kind} with {settings.steps} steps, as set.")
    if prediction != VELOCITY and of_file.get("kind") == FLOW:
        raise InputError(
            f"The folder is of flow matching, which predicts a velocity and not {prediction}; set prediction=auto."
        )
    try:
        low, high = sigma_range(of_file)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"The noise schedule cannot be used ({error}); set schedule, steps and betas.") from None
    weights.notes.append(f"It predicts {prediction}.")
    return {
        "image_shape": [channels, height, width], "any_size": False, "sigma_min": low, "sigma_max": high,
        "schedule": of_file, "prediction": prediction,
    }  # fmt: skip


def _trial(prior: ImportedPrior) -> str:
    """What is left of noise on a grey picture: a network read with wrong settings removes none and says so on the
    card."""
    channels, height, width = prior.image_shape
    multiple = prior.multiple if isinstance(prior, VariancePreserving) else 1
    height, width = (max(min(n, 64), multiple) // multiple * multiple for n in (height, width))
    sigma = min(max(0.2, prior.sigma_min), prior.sigma_max)
    noise = torch.randn(1, channels, height, width, generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad():
            left = float((prior.denoise(0.5 + sigma * noise, sigma) - 0.5).square().mean().sqrt()) / sigma
    except (RuntimeError, MemoryError, IndexError, TypeError) as error:
        reason = (str(error).splitlines() or [""])[0][:120]
        raise InputError(f"The network of '{prior.card.name}' cannot be run ({reason}); take another file.") from None
    if not math.isfinite(left):
        raise InputError(
            f"The network of '{prior.card.name}' answers with numbers that are not finite; take another file."
        )
    if left < 0.7:
        return f"On a grey picture it leaves {left:.2f} of noise of {sigma:.2g}."
    return (
        f"Caution: on a grey picture it leaves {left:.2f} of noise of {sigma:.2g}, "
        "so heads, schedule, prediction or pixel range may be set wrongly."
    )
