"""Which torch device a run takes."""

from __future__ import annotations

from engine.errors import InputError

__all__ = ["choose_device"]


def choose_device(wanted: str) -> str:
    """The torch device: ``auto`` takes a GPU where there is one. Raises InputError for a device that is not there.

    Products of float32 are float32 on all of them: a GPU's convolutions would else keep ten bits (TF32), and a recipe would
    give another picture there.
    """
    import torch

    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False

    has_gpu = torch.cuda.is_available()
    if wanted == "cuda" and not has_gpu:
        raise InputError("device=cuda is not available on this machine; take auto or cpu.")
    return "cuda" if has_gpu and wanted != "cpu" else "cpu"
