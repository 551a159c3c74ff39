"""The file of a prior: weights, and a header that tells all the rest."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.files import json_text, write_atomically

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["save_weights"]


def save_weights(path: Path | str, tensors: Mapping[str, Tensor], facts: dict[str, Any]) -> Path:
    """Writes tensors, and ``facts`` as :func:`engine.priors.header.read_header` reads them, as one safetensors file, atomically;
    raises InputError where the file system refuses."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    def write(temporary: Path) -> None:
        try:
            save_file(dict(tensors), temporary, metadata={"qcs": json_text(facts)})
        except SafetensorError as error:  # a full disk is told in its words alone
            number = re.search(r"os error (\d+)", str(error))
            if number is None:
                raise
            raise OSError(int(number[1]), os.strerror(int(number[1]))) from None

    return write_atomically(path, write)
