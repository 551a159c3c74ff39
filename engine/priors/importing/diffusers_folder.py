"""The folder of a diffusers model: its configuration, noise schedule and weights, read without that library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from engine.errors import InputError
from engine.files import refuse_no_file
from engine.foreign.json_text import parsed_json
from engine.priors.importing.checkpoints import Weights, read_safetensors
from engine.priors.networks.schedule import FLOW, schedule

__all__ = ["DiffusersFolder", "read_diffusers"]

_WEIGHTS = ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors")
_SCHEDULES = {
    "linear": "linear",
    "scaled_linear": "scaled-linear",
    "squaredcos_cap_v2": "cosine",
    "sigmoid": "sigmoid",
}
_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
_LARGEST_CONFIG = 1 << 20


@dataclass
class DiffusersFolder:
    """``config``: of the network; ``schedule`` and ``prediction``: None where the folder has no scheduler."""

    config: dict[str, Any]
    weights: Weights
    schedule: dict[str, Any] | None
    prediction: str | None


def read_diffusers(folder: Path, ema: bool = True) -> DiffusersFolder:
    """Reads the folder of a UNet2DModel, or of a pipeline with ``unet`` and ``scheduler``; raises InputError where the
    model is none that works on pixels without further inputs. Weights are read from safetensors files only."""
    has_average = (folder / "unet_ema" / "config.json").is_file()
    unet = folder / "unet_ema" if ema and has_average else folder / "unet"
    if not unet.is_dir():
        unet = folder
    for latent in ("vae", "vqvae"):
        if (folder / latent).is_dir():
            raise InputError(
                f"'{folder.name}' is a latent diffusion model, not one of pixels; take a pixel-space model."
            )
    config = _json(unet / "config.json")
    _check(config, folder.name)
    path = next((unet / n for n in _WEIGHTS if (unet / n).is_file()), None)
    if path is None:
        raise InputError(
            f"'{unet.name}' has no {_WEIGHTS[0]}; save the model with save_pretrained(..., safe_serialization=True), "
            "in one file."
        )
    weights = read_safetensors(path)
    if has_average:
        weights.notes[0] = (
            "The averaged (EMA) weights of the folder were taken." if ema else "The plain weights were taken."
        )
    weights.tensors = {_renamed(k): _flat(k, v) for k, v in weights.tensors.items()}
    config = {k: v for k, v in config.items() if not k.startswith("_")}
    for file in (folder / "scheduler" / "scheduler_config.json", folder / "scheduler_config.json"):
        if file.is_file():
            facts = _json(file)
            return DiffusersFolder(config, weights, _schedule(facts, folder.name), _prediction(facts, folder.name))
    return DiffusersFolder(config, weights, None, None)


def _json(path: Path) -> dict[str, Any]:
    refuse_no_file(path)
    try:
        with path.open("rb") as file:
            content = parsed_json(file.read(_LARGEST_CONFIG))
        if not isinstance(content, dict):
            raise ValueError
    except OSError as error:
        raise InputError(
            f"Cannot read '{path}' ({error.strerror or error}); give the folder of a diffusers model."
        ) from None
    except ValueError:
        raise InputError(f"'{path}' is not a configuration of diffusers; fetch the folder again.") from None
    return content


def _check(config: dict[str, Any], name: str) -> None:
    made = config.get("_class_name", "UNet2DModel")
    if made != "UNet2DModel":
        raise InputError(f"'{name}' holds a {made}; only a UNet2DModel, unconditional and on pixels, can be a prior.")
    if config.get("class_embed_type") or config.get("num_class_embeds"):
        raise InputError(
            f"'{name}' holds a class-conditional network, which is not a prior; take an unconditional one."
        )
    if config.get("time_embedding_type", "positional") != "positional" or config.get("center_input_sample"):
        raise InputError(
            f"'{name}' holds a network that is not one of variance-preserving diffusion; take a DDPM or DDIM model."
        )


def _renamed(key: str) -> str:
    """Attention layers had other names before diffusers 0.14; published files still have."""
    words = key.split(".")
    if "attentions" in words and words[-2] in _OLD_ATTENTION:
        words[-2] = _OLD_ATTENTION[words[-2]]
    return ".".join(words)


def _flat(key: str, tensor: Tensor) -> Tensor:
    """Some old files keep attention's matrices as 1 x 1 convolutions."""
    attention = "attentions" in key.split(".") and tensor.ndim == 4 and tensor.shape[2:] == (1, 1)
    return tensor[:, :, 0, 0].contiguous() if attention else tensor


def _schedule(facts: dict[str, Any], name: str) -> dict[str, Any]:
    if facts.get("trained_betas"):
        return {"betas": [float(b) for b in facts["trained_betas"]]}
    if "FlowMatch" in str(facts.get("_class_name", "")):
        return schedule(FLOW, int(facts.get("num_train_timesteps", 1000)))
    kind = facts.get("beta_schedule", "linear" if "beta_start" in facts else "")
    if kind not in _SCHEDULES:
        known = kind or facts.get("_class_name", "none")
        raise InputError(
            f"'{name}' has a noise schedule that is not variance-preserving ({known}); take a DDPM or DDIM model."
        )
    try:
        return schedule(
            _SCHEDULES[kind],
            int(facts.get("num_train_timesteps", 1000)),
            float(facts.get("beta_start", 1e-4)),
            float(facts.get("beta_end", 0.02)),
            bool(facts.get("rescale_betas_zero_snr", False)),
        )
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"'{name}' has a scheduler_config.json with numbers that are none; fetch it again.") from None


def _prediction(facts: dict[str, Any], name: str) -> str:
    if "FlowMatch" in str(facts.get("_class_name", "")):
        return "velocity"
    said = facts.get("prediction_type", "epsilon")
    if said not in ("epsilon", "v_prediction", "sample"):
        raise InputError(
            f"'{name}' predicts '{said}', which is not known; take a model that predicts epsilon, v or sample."
        )
    return said
