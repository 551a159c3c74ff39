"""A wall around code that reads files nobody trusts: it runs in a process of its own, with little memory and time.

A decoder written in C may crash, hang or ask for all memory on a damaged file. Behind the wall that ends one small
process, and here it is one sentence. Arrays come back as plain bytes, facts as JSON: nothing of a file is unpickled on
this side. The process is spawned, so it also works in a frozen program and from any thread, and it imports only this
module and the one that reads.
"""

from __future__ import annotations

import contextlib
import json
import math
import multiprocessing
import os
import re
import sys
import threading
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing import BufferTooShort
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError, InputError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    import numpy as np

__all__ = ["Answer", "read_behind_wall"]

START_SECONDS = 60.0
"""For a cold disk; only the imports of a program's own modules take that long, never a file."""
BLOCK = 1 << 24
LARGEST_FACTS = 1 << 26
_PLAIN = re.compile(r"[<>|](b1|[iu][1248]|f[248]|c8|c16|[SU][1-9]\d{0,7})")
_one_start = threading.Lock()


@dataclass
class Answer:
    """What a reader hands back: ``facts`` that JSON can hold and ``arrays`` of plain numbers or text by name."""

    facts: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


def read_behind_wall(reader: str, path: Path, memory: int, seconds: float, largest: int) -> Answer:
    """What ``reader`` ("module:function", from a path to an Answer) makes of the file, in a process of its own.

    It may take ``memory`` bytes beyond what its imports take (where the system can limit that), ``seconds`` once they
    are done, and hand back arrays of ``largest`` bytes in all. InputErrors come through as they are; a crash, a hang or
    anything else raises InputError that the file is damaged.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_inside, args=(there, reader, str(path), memory), daemon=True)
    clock: threading.Timer | None = None
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    try:
        with here:
            _start(process, here, there)
            clock = threading.Timer(seconds, stop)
            clock.daemon = True
            clock.start()
            here.send_bytes(b"go")
            return _received(here, largest)
    except InputError:
        raise
    except (OSError, EOFError, ValueError, TypeError, KeyError, RecursionError, MemoryError, BufferTooShort):
        why = "takes too long to read" if late.is_set() else "cannot be read"
        raise InputError(f"'{path.name}' {why}: it is damaged; save it again.") from None
    finally:
        if clock is not None:
            clock.cancel()
        if process.pid is not None:
            process.kill()
            process.join()
            process.close()


def _start(process: SpawnProcess, here: Connection, there: Connection) -> None:
    try:
        with there, _one_start, _no_main():
            process.start()
        if not here.poll(START_SECONDS) or here.recv_bytes(16) != b"ready":
            raise EOFError
    except (OSError, EOFError) as error:
        raise EngineError(
            f"The reader of other programs' files could not be started ({error or 'it ended'}); close other programs."
        ) from None


@contextlib.contextmanager
def _no_main() -> Iterator[None]:
    """A spawned process would run the main module again, which is anybody's script; nothing of it is needed."""
    before = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = before


def _received(here: Connection, largest: int) -> Answer:
    import numpy as np

    said = json.loads(here.recv_bytes(LARGEST_FACTS))
    if "refused" in said:
        raise InputError(str(said["refused"]))
    answer, total = Answer(dict(said["facts"])), 0
    for name, kind, shape in said["arrays"]:
        if not _PLAIN.fullmatch(kind):
            raise ValueError(kind)
        dtype, shape = np.dtype(kind), tuple(int(n) for n in shape)
        total += dtype.itemsize * math.prod(shape)
        if total > largest or min(shape, default=0) < 0:
            raise ValueError(shape)
        content = np.empty(dtype.itemsize * math.prod(shape), np.uint8)
        view = content.data
        while len(view):
            view = view[here.recv_bytes_into(view[:BLOCK]) :]
        answer.arrays[str(name)] = content.view(dtype).reshape(shape)
    return answer


# -- the other side ----------------------------------------------------------------------------------------------------


def _inside(there: Connection, reader: str, path: str, memory: int) -> None:
    _quiet()
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    module, name = reader.split(":")
    read = getattr(import_module(module), name)
    _limit(memory)
    there.send_bytes(b"ready")
    there.recv_bytes(16)
    try:
        answer = read(Path(path))
    except InputError as error:
        there.send_bytes(json.dumps({"refused": str(error)}).encode())
        return
    arrays = [(name, a.dtype.str, a.shape) for name, a in answer.arrays.items()]
    there.send_bytes(json.dumps({"facts": answer.facts, "arrays": arrays}).encode())
    for array in answer.arrays.values():
        view = memoryview(array.tobytes() if not array.flags.c_contiguous else array.reshape(-1).view("u1"))
        for start in range(0, len(view), BLOCK):
            there.send_bytes(view[start : start + BLOCK])


def _quiet() -> None:
    """A crash here is expected: nothing on the terminal, no core file, no window that asks to report it."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(nowhere, stream)
    if sys.platform == "win32":
        import ctypes

        ctypes.windll.kernel32.SetErrorMode(0x8003)


def _limit(memory: int) -> None:
    """Limits the address space to what is in use now and ``memory`` bytes; time is the only limit on Windows."""
    try:
        import resource
    except ImportError:
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        limit = used + memory
        resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))
