"""A background thread that runs one task after the other and always reports how each ended. No Qt in it."""

from __future__ import annotations

import queue
import threading
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.control import Cancelled
from engine.errors import EngineError, InputError

__all__ = ["Outcome", "Worker", "sentence_for"]


@dataclass(frozen=True)
class Outcome:
    """How a task ended: ``done`` with a value, ``cancelled``, or ``failed`` with a sentence, and details where it was not the
    input that failed."""

    task: int
    kind: str
    value: Any = None
    sentence: str = ""
    details: str = ""


def sentence_for(error: BaseException) -> str:
    """One sentence that a user can act on."""
    if isinstance(error, InputError | EngineError):
        return str(error)
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "Out of memory; lower the number of samples or the image size."
    reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return f"The engine failed unexpectedly: {reason}"


class Worker:
    """Tasks are callables without arguments. Whatever one raises, BaseException included, becomes an Outcome, and a
    thread that died all the same is noticed by :meth:`take` and replaced."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._tasks: queue.SimpleQueue[tuple[int, Callable[[], Any]] | None] = queue.SimpleQueue()
        self._outcomes: deque[Outcome] = deque()
        self._number = 0
        self._pending: set[int] = set()
        self._thread = self._start()

    def _start(self) -> threading.Thread:
        thread = threading.Thread(target=self._loop, name=self.name, daemon=True)
        thread.start()
        return thread

    def submit(self, task: Callable[[], Any]) -> int:
        """Queues a task; its number is in the Outcome."""
        self._number += 1
        self._pending.add(self._number)
        self._tasks.put((self._number, task))
        return self._number

    @property
    def busy(self) -> bool:
        return bool(self._pending)

    def take(self) -> list[Outcome]:
        """All outcomes since the last call, oldest first."""
        found: list[Outcome] = []
        while self._outcomes:
            found.append(self._outcomes.popleft())
        self._pending -= {o.task for o in found}
        if not self._thread.is_alive() and self._pending and not self._outcomes:
            found += [
                Outcome(n, "failed", sentence="The engine thread ended unexpectedly; try again.")
                for n in sorted(self._pending)
            ]
            self._pending.clear()
            self._tasks = queue.SimpleQueue()
            self._thread = self._start()
        return found

    def close(self, timeout: float) -> bool:
        """Asks the thread to end after its task; whether it did in time."""
        self._tasks.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _loop(self) -> None:
        tasks = self._tasks
        while (item := tasks.get()) is not None:
            number, task = item
            try:
                outcome = Outcome(number, "done", task())
            except Cancelled:
                outcome = Outcome(number, "cancelled")
            except BaseException as error:  # the window must hear of everything, SystemExit too
                # bad input is the user's to mend: where in the program it was noticed is of no use
                details = "" if isinstance(error, InputError) else traceback.format_exc()
                outcome = Outcome(number, "failed", sentence=sentence_for(error), details=details)
            item = task = None  # type: ignore[assignment]  # let tensors go before waiting
            self._outcomes.append(outcome)
            outcome = None  # type: ignore[assignment]
