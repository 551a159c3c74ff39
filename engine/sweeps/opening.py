"""One cell of a sweep as a run: its document, or the same computed again where none was kept."""

from __future__ import annotations

from pathlib import Path

from engine.control import Control
from engine.errors import EngineError, InputError
from engine.sweeps.plan import Plan
from engine.sweeps.records import Store
from engine.sweeps.work import Task, compute

__all__ = ["document_of"]


def document_of(plan: Plan, store: Store, identity: str, control: Control | None = None) -> Path:
    """The document of the cell of that identity, made now where the sweep kept none (the same numbers within single precision).
    InputError where the cell has no result to show."""
    path = store.document(identity)
    if path.is_file():
        return path
    cell = plan.by_identity.get(identity)
    if cell is None or cell.point.spec is None:
        raise InputError(
            cell.point.refusal if cell is not None else "That cell is not of this sweep any more; start it again."
        )
    batch = next(batch for batch in plan.batches if cell in batch.cells)
    place = batch.cells.index(cell)
    task = Task(batch.recipe, (plan.sources(batch)[place],), (cell.index,), documents=1)
    [outcome], _ = compute(task, plan.pixels(batch)[place : place + 1], control)
    if outcome.document is None:
        raise EngineError(outcome.error)
    store.add_document(identity, outcome.document)
    return path
