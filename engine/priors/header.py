"""The header of a denoiser file, read without torch: what a form or a list has to know about a prior."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.files import refuse_no_file

__all__ = ["FORMAT", "read_header"]

FORMAT = "qcs-studio denoiser 1"
_LARGEST_HEADER = 1 << 20


def read_header(path: Path | str) -> dict[str, Any]:
    """The facts about a denoiser file without reading its weights; raises InputError if it is not one."""
    refuse_no_file(path)
    try:
        with Path(path).open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > _LARGEST_HEADER:
                raise ValueError
            facts = json.loads(json.loads(file.read(length))["__metadata__"]["qcs"])
        if facts["format"] != FORMAT:
            raise ValueError
    except OSError as error:
        raise InputError(f"Cannot read '{path}' ({error.strerror or error}).") from None
    except (ValueError, KeyError, TypeError, struct.error):
        raise InputError(f"'{path}' is not a denoiser file of this program; train or import the prior again.") from None
    return facts
