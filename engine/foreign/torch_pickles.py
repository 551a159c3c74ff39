"""Checkpoints of torch, looked at before torch reads them: what their pickles would build, without torch.

Runs behind the wall. The pickles are followed with stand-ins for everything that they may name, so that what takes too
long, too much memory or crashes does so there. What passes names nothing but tensors and plain values, and its tensors
claim no more than the file holds; torch's own tensor-only reader then does the same work again.
"""

from __future__ import annotations

import io
import math
import pickle
import textwrap
import zipfile
import zlib
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.foreign.wall import Answer

__all__ = ["LARGEST_PICKLES", "vet_checkpoint"]

LARGEST_PICKLES = 4 << 20
"""Bytes of all names and shapes; those of the largest networks, with their optimiser, stay below half of it."""
MOST_VALUES, DEEPEST, SLACK = 1_000_000, 100, 1 << 20
LEGACY_PICKLES = 5
"""Before 2020: a magic number, a version, the machine, the content, the order of the storages that follow."""
BYTES = {
    "Double": 8, "Float": 4, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Char": 1, "Byte": 1, "Bool": 1,
    "ComplexFloat": 8, "ComplexDouble": 16, "Untyped": 1,
}  # fmt: skip
PLAIN = (str, bytes, int, float, bool, type(None))


class _Foreign(Exception):
    """A name that is neither a tensor's nor a plain value's."""


class _Claim(Exception):
    """A tensor or a storage of more bytes than there are."""


class _Inert:
    """Stands for a thing that is named but not made: a type of numbers, a layout."""


class _Dictionary(dict):
    """An ordered dictionary, which may have attributes."""


class _Storage:
    def __init__(self, count: int, size: int) -> None:
        self.count, self.size = count, size


def vet_checkpoint(path: Path) -> Answer:
    """Raises InputError for a file that torch should not be given."""
    try:
        with path.open("rb") as file:
            packed = file.read(4) == b"PK\x03\x04"  # as torch tells them apart
        contents = _packed(path) if packed else _legacy(path)
        room = path.stat().st_size
        for content in contents:
            follower = _Follower(io.BytesIO(content), room)
            for _ in range(1 if packed else LEGACY_PICKLES):
                _walk(follower.load())
                if not packed and follower.ended(content):
                    break
    except InputError:
        raise
    except _Foreign:
        raise InputError(
            f"'{path.name}' holds Python objects besides tensors, which could run code, and was not read; "
            "save the network's state dictionary alone."
        ) from None
    except _Claim:
        raise InputError(f"'{path.name}' claims more weights than its bytes hold; take another file.") from None
    except Exception as error:  # damaged pickles raise almost anything
        reason = textwrap.shorten((str(error).splitlines() or [""])[0], 120, placeholder=" ...").rstrip(". ")
        raise InputError(
            f"'{path.name}' is not a whole checkpoint ({reason or type(error).__name__}); it is damaged or of another "
            "format, so fetch or save it again."
        ) from None
    return Answer()


def _packed(path: Path) -> list[bytes]:
    """The pickles in a zip archive as torch writes it: nothing compressed, nothing twice, nothing after its end."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            pickles = [e for e in entries if e.filename.endswith(".pkl")]
            if (
                any(e.compress_type != zipfile.ZIP_STORED for e in entries)
                or sum(e.file_size for e in entries) > path.stat().st_size
                or sum(e.file_size for e in pickles) > LARGEST_PICKLES
                or len({e.filename for e in entries}) < len(entries)
                or archive.comment
            ):
                raise InputError(f"'{path.name}' unpacks to far more than a network; take another file.")
            broken = archive.testzip()  # which torch does not look at
            if broken:
                raise InputError(f"'{path.name}' is damaged (in {broken[-60:]}); fetch or save it again.")
            return [archive.read(e) for e in pickles]
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"'{path.name}' is not a whole checkpoint ({error}); fetch or save it again.") from None


def _legacy(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        return [file.read(LARGEST_PICKLES)]


class _Follower(pickle.Unpickler):
    """Follows pickles one after another; ``room`` is how many bytes there are for tensors."""

    def __init__(self, stream: io.BytesIO, room: int) -> None:
        super().__init__(stream)
        self.stream, self.room = stream, room
        self.claimed = 0
        self.stored: dict[str, int] = {}
        self.known: dict[str, Any] = {
            "torch._utils._rebuild_tensor_v2": self._tensor,
            "torch._utils._rebuild_tensor": self._tensor,
            "torch._utils._rebuild_parameter": lambda data, *more: data,
            "torch._utils._rebuild_parameter_with_state": lambda data, *more: data,
            "torch.serialization._get_layout": lambda name: _Inert(),
            "torch.device": lambda *place: _Inert(),
            "torch.Size": tuple,
            "_codecs.encode": _encoded,
            "collections.OrderedDict": _Dictionary,
            "collections.Counter": _Dictionary,
            "builtins.set": set,
            "__builtin__.set": set,
            "builtins.complex": complex,
        }

    def ended(self, content: bytes) -> bool:
        return self.stream.tell() >= len(content)

    def find_class(self, module: str, name: str) -> Any:
        known = self.known.get(f"{module}.{name}")
        if known is not None:
            return known
        if module == "torch.storage" or (module == "torch" and name.endswith("Storage")):
            return name.removesuffix("Storage")
        if module == "torch" and name.rstrip("0123456789") in ("float", "int", "uint", "bfloat", "complex", "bool"):
            return _Inert()
        raise _Foreign

    def persistent_load(self, pid: Any) -> _Storage:
        _, kind, key, _, count = pid[:5]
        if not isinstance(kind, str) or not isinstance(count, int) or not isinstance(key, str):
            raise _Foreign
        size = BYTES.get(kind, 1)
        self.stored[key] = max(self.stored.get(key, 0), count * size)
        if count < 0 or sum(self.stored.values()) > self.room:
            raise _Claim
        return _Storage(count, size)

    def _tensor(self, storage: _Storage, offset: int, shape: tuple, strides: tuple, *more: Any) -> _Inert:
        if not isinstance(storage, _Storage) or len(shape) != len(strides):
            raise _Foreign
        if not all(isinstance(n, int) and n >= 0 for n in (offset, *shape, *strides)):
            raise _Claim
        count = math.prod(shape)
        last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) if count else 0
        self.claimed += count * storage.size
        # a state and its average may share tensors, but a tensor that repeats itself claims what nobody wrote
        if (count and last >= storage.count) or self.claimed > 2 * self.room + SLACK:
            raise _Claim
        return _Inert()


def _encoded(text: str, how: str) -> bytes:
    """Bytes as old protocols write them."""
    if how != "latin1" or not isinstance(text, str):
        raise _Foreign
    return text.encode("latin1")


def _walk(content: Any) -> None:
    """Refuses nesting, numbers of values and keys that no network's state has: torch would follow them again."""
    level, seen, count = [content], set(), 0
    for _ in range(DEEPEST):
        following: list[Any] = []
        for value in level:
            if not isinstance(value, (dict, list, tuple, set)) or id(value) in seen:
                continue
            seen.add(id(value))
            count += len(value)
            if count > MOST_VALUES:
                raise ValueError("it holds too many values")
            if isinstance(value, (dict, set)) and not all(_plain(k) for k in value):
                raise _Foreign
            following += value.values() if isinstance(value, dict) else value
            following += vars(value).values() if isinstance(value, _Dictionary) else ()
        if not following:
            return
        level = following
    raise ValueError("it is nested too deeply")


def _plain(key: Any) -> bool:
    return isinstance(key, PLAIN) or (isinstance(key, tuple) and all(isinstance(k, PLAIN) for k in key))
