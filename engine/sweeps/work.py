"""Computing the cells of one batch: the same in this process, in another one, and on another machine.

What goes in and what comes out are plain values, so that nothing but names of this module's functions and data crosses a wire.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import torch

from engine.control import Cancelled
from engine.errors import EngineError, InputError
from engine.runs.document import document_of
from engine.runs.estimates import refuse_beyond_memory
from engine.runs.job import LARGEST_KEPT_MATRIX, Job, measure
from engine.runs.reconstruction import Reconstruction
from engine.runs.spec import RunSpec
from engine.sensing.files import pieces_of

__all__ = ["Outcome", "Steering", "Task", "compute"]


class Steering(Protocol):
    """What a job asks after each step: :class:`engine.control.Control`, or its like across processes. One that has ``hear`` is
    told the share of its steps that a job has done."""

    def proceed(self) -> bool: ...


@dataclass(frozen=True)
class Task:
    """Cells of one recipe, as plain values: ``recipe`` without a picture, ``sources`` the pictures' names, ``indices`` their
    absolute numbers, ``documents`` for how many of the first of them a document is made."""

    recipe: dict[str, Any]
    sources: tuple[str, ...]
    indices: tuple[int, ...]
    scores: tuple[str, ...] = ()
    documents: int = 0


@dataclass(frozen=True)
class Outcome:
    """What one cell came to; ``document`` is its run as the bytes of a file."""

    recipe: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    failed: str = ""
    error: str = ""
    bad_input: bool = False
    document: bytes | None = None


def compute(task: Task, pixels: np.ndarray, control: Steering | None = None) -> tuple[list[Outcome], float]:
    """Measures and reconstructs the pictures (n, c, h, w) of a task: one outcome each, and the seconds it took.

    Where the engine fails on several together, each is computed alone, so that the fault of one is its own. Raises Cancelled
    where the control cancels, and nothing else that a recipe or a picture can cause.
    """
    start = time.monotonic()
    return _outcomes(task, pixels, control), time.monotonic() - start


def _outcomes(task: Task, pixels: np.ndarray, control: Steering | None) -> list[Outcome]:
    try:
        return _together(task, pixels, range(len(pixels)), control)
    except Cancelled:
        raise
    except Exception as error:
        if len(pixels) == 1:
            return [_failed(error)]
    found = []
    for n in range(len(pixels)):
        try:
            found += _together(task, pixels, [n], control)
        except Cancelled:
            raise
        except Exception as error:
            found.append(_failed(error))
    return found


def _together(task: Task, pixels: np.ndarray, which: Sequence[int], control: Any) -> list[Outcome]:
    spec = RunSpec.from_dict(task.recipe | {"image": task.sources[which[0]]})
    refuse_beyond_memory(spec, pixels.shape[1:])
    indices = [task.indices[n] for n in which]
    job = Job(spec, measure(spec, torch.from_numpy(pixels[list(which)]), indices), indices)
    hear = getattr(control, "hear", None)
    for iterate in job.stream(control):
        if hear is not None:
            hear(iterate.step / iterate.steps)
    return [
        _outcome(task, job, place, _named(result, task.sources[n]), n < task.documents)
        for place, (n, result) in enumerate(zip(which, job.reconstructions(), strict=True))
    ]


def _named(result: Reconstruction, source: str) -> Reconstruction:
    """The result with the name of its own picture in the recipe."""
    return replace(result, spec=result.spec.replace(image=source))


def _outcome(task: Task, job: Job, place: int, result: Reconstruction, documented: bool) -> Outcome:
    from engine.sweeps.scores import SCORES

    values: dict[str, Any] = dict(result.metrics())
    for name in task.scores:
        values |= SCORES.parse(name).of(job, place, result)
    values |= {"network_calls": result.network_calls, "seconds": round(result.seconds, 4)}
    return Outcome(
        recipe=result.spec.as_dict(), values=values, facts=result.facts, failed=result.failed,
        document=_document(job, place, result) if documented else None,
    )  # fmt: skip


def _document(job: Job, place: int, result: Reconstruction) -> bytes:
    if not result.measured:  # of several pictures together, a job keeps no measurement apart
        seen = job.measurement.select([place])
        spec = result.spec
        result = replace(result, measured=pieces_of(seen, spec.operator, spec.matrix_seed, LARGEST_KEPT_MATRIX))
    return document_of(result)


def _failed(error: Exception) -> Outcome:
    return Outcome(error=_sentence(error), bad_input=isinstance(error, InputError))


def _sentence(error: Exception) -> str:
    """What the table says of a cell that has no result."""
    if isinstance(error, (InputError, EngineError)):
        return str(error)
    if isinstance(error, MemoryError):
        return "Out of memory; lower the number of samples, the batch or the image size."
    reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return f"The engine failed: {reason}"
