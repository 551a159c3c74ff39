"""Networks built without memory for their weights, to be given those of a file."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

__all__ = ["unfilled"]

_DRAWS = ("kaiming_uniform_", "xavier_uniform_", "uniform_", "normal_", "trunc_normal_")


class _NoDraws(TorchFunctionMode):
    """Leaves out the drawing of weights: for tensors without memory torch would load its compiler, a second's work."""

    def __torch_function__(
        self, function: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs, name = kwargs or {}, getattr(function, "__name__", "")
        if name in _DRAWS:
            return args[0] if args else kwargs["tensor"]
        if name == "linspace":  # likewise, and it is short
            return function(*args, **kwargs | {"device": "cpu"})
        return function(*args, **kwargs)


@contextlib.contextmanager
def unfilled() -> Iterator[None]:
    """Modules made within have parameters of the right shape on the device meta, whatever their size."""
    with warnings.catch_warnings(), torch.device("meta"), _NoDraws():
        warnings.simplefilter("ignore")  # about empty weights; what is built is compared with the file
        yield
