"""Tensors of a checkpoint file that was written elsewhere, read without ever running what is in it."""

from __future__ import annotations

import pickle
import textwrap
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.errors import InputError
from engine.foreign.wall import read_behind_wall

__all__ = ["LARGEST_FILE", "Weights", "read_checkpoint", "read_safetensors"]

LARGEST_FILE = 4 << 30
"""Bytes; the largest published networks of this kind, with their optimiser, stay below half of it."""

LARGEST_HEADER = 4 << 20
"""Bytes of the names and shapes in a safetensors file; those of the largest networks stay below a tenth."""

_STATES = ("state_dict", "model_state_dict", "model", "net", "network")
_AVERAGES = ("ema", "ema_state_dict", "model_ema", "ema_model")
_NO_AVERAGE = "The file holds no separate averaged (EMA) weights; its plain weights were taken."
_PLAIN = "The plain weights were taken, not the averaged (EMA) ones of the file."


@dataclass
class Weights:
    """Tensors by name, float32 unless they are no numbers with a point; ``half``: they came as float16; ``notes`` for
    the card."""

    tensors: dict[str, Tensor]
    half: bool = False
    notes: list[str] = field(default_factory=list)


def read_checkpoint(path: Path, ema: bool = True) -> Weights:
    """Reads a bare state dictionary or a checkpoint around one; raises InputError where it is neither.

    ``ema``: averaged weights are taken where there are any. Understood are the list of Song and Ermon (2020), [state
    dictionary, optimiser, epoch, step, averaged parameters], dictionaries with both, and safetensors files. A prefix
    ``module.`` is taken off. Pickles are looked at behind the wall, then read by torch's tensor-only reader.
    """
    _allowed(path)
    if _is_safetensors(path):
        return read_safetensors(path)
    content = _unpickled(path)
    state, average = _parts(content)
    if state is None:
        raise InputError(f"'{path.name}' holds no state dictionary of a network; import a checkpoint file.")
    state = _named_tensors(state, path)
    notes = []
    if average is None:
        notes.append(_NO_AVERAGE)
    elif not ema:
        notes.append(_PLAIN)
    else:
        average = _named_tensors(average, path)
        strange = [k for k in average if k not in state]
        # Buffers are not averaged; the only one of the networks read here is the list of noise levels.
        lacking = [k for k in state if k not in average and k != "sigmas"]
        if strange or lacking:
            key = (strange or lacking)[0]
            raise InputError(
                f"The averaged (EMA) weights of '{path.name}' do not match its network ({key}); set ema to false."
            )
        state |= average
    return _converted(state, path, notes)


def read_safetensors(path: Path) -> Weights:
    """Reads a safetensors file, which cannot hold anything but tensors."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    _allowed(path)
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if length > LARGEST_HEADER:
        raise InputError(f"'{path.name}' has a header of {length:,} bytes, which is no network's; take another file.")
    try:
        tensors = load_file(path)
    except (SafetensorError, ValueError, KeyError, OSError, RuntimeError) as error:
        raise InputError(
            f"'{path.name}' is not a whole safetensors file ({_first_line(error)}); fetch or export it again."
        ) from None
    return _converted(_without_prefix(tensors), path, [_NO_AVERAGE])


def _allowed(path: Path) -> None:
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise InputError(f"'{path}' is not a file; give a checkpoint or a folder.")  # a device may never end
        with path.open("rb"):
            pass
    except OSError as error:
        raise InputError(f"Cannot read '{path}' ({error.strerror or error}); give a checkpoint or a folder.") from None
    if size > LARGEST_FILE:
        raise InputError(
            f"'{path.name}' is {size / 2**30:.1f} GB large, more than {LARGEST_FILE >> 30} GB; "
            "save its state dictionary without the optimiser."
        )


def _is_safetensors(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(9)
    return path.suffix == ".safetensors" or (len(start) == 9 and start[6:8] == b"\0\0" and start[8:] == b"{")


def _unpickled(path: Path) -> Any:
    size = path.stat().st_size
    read_behind_wall("engine.foreign.torch_pickles:vet_checkpoint", path, 128 << 20, 1.5 + size / 1e8, 0)
    with path.open("rb") as file:
        packed = file.read(4) == b"PK\x03\x04"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about old formats; what is read is checked below
            return torch.load(path, map_location="cpu", weights_only=True, mmap=packed)
    except Exception as error:  # damaged files raise almost anything; none of it is a fault of this program
        if isinstance(error, pickle.UnpicklingError) and any(
            w in str(error).lower() for w in ("global", "reduce", "typeerror", "operand")
        ):
            raise InputError(
                f"'{path.name}' holds Python objects besides tensors, which could run code, and was not read; "
                "save the network's state dictionary alone."
            ) from None
        raise InputError(
            f"'{path.name}' is not a whole checkpoint ({_first_line(error)}); it is damaged or of another format, so "
            "fetch or save it again."
        ) from None


def _parts(content: Any) -> tuple[Mapping | None, Mapping | None]:
    """State dictionary and averaged parameters, None where there are none."""
    if isinstance(content, (list, tuple)) and content and _is_state(content[0]):
        # A file written without averaging ends with a number.
        return content[0], content[-1] if len(content) >= 5 and _is_state(content[-1]) else None
    if not isinstance(content, Mapping):
        return None, None
    if _is_state(content):
        return content, None
    state = next((content[k] for k in _STATES if _is_state(content.get(k))), None)
    average = next((content[k] for k in _AVERAGES if _is_state(content.get(k))), None)
    return (average, None) if state is None else (state, average)


def _is_state(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(isinstance(v, Tensor) for v in value.values())


def _named_tensors(state: Mapping, path: Path) -> dict[str, Tensor]:
    if not all(isinstance(k, str) for k in state):
        raise InputError(f"'{path.name}' has weights without names; save the network's state dictionary.")
    return _without_prefix(state)


def _without_prefix(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    wrapped = all(k.startswith("module.") for k in state)
    return {k.removeprefix("module.") if wrapped else k: v for k, v in state.items()}


def _converted(state: dict[str, Tensor], path: Path, notes: list[str]) -> Weights:
    if any(
        v.layout != torch.strided or v.device.type != "cpu" or v.is_complex() or v.is_quantized for v in state.values()
    ):
        raise InputError(f"'{path.name}' holds tensors that are not plain numbers; save its weights as float32.")
    # A tensor may claim more than the file holds by repeating itself; the copy below would be as large as it claims.
    if sum(v.numel() for v in state.values()) * 4 > LARGEST_FILE:
        raise InputError(f"'{path.name}' claims more weights than {LARGEST_FILE >> 30} GB hold; take another file.")
    # A single tensor of noise levels says nothing about the precision of the weights.
    floats = [v.dtype for k, v in state.items() if v.is_floating_point() and k != "sigmas"]
    half = bool(floats) and all(d == torch.float16 for d in floats)
    if half:
        notes = [*notes, "The weights came as float16."]
    # Copies, because tensors of a file may share memory, which a safetensors file cannot express.
    tensors = {
        k: (v.float() if v.is_floating_point() else v).detach().clone(memory_format=torch.contiguous_format)
        for k, v in state.items()
    }
    return Weights(tensors, half, notes)


def _first_line(error: Exception) -> str:
    line = textwrap.shorten((str(error).splitlines() or [""])[0], 120, placeholder=" ...").rstrip(". ")
    # What torch says of a pickle that it cannot follow is advice on its own settings.
    return "no pickle of tensors" if line.startswith("Weights only") else line or type(error).__name__
