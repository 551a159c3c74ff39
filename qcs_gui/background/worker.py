"""A background thread that does one piece of work after the other and goes on, where it is polled, with what comes next. No Qt
in it."""

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

__all__ = ["Failure", "Task", "Worker", "sentence_for"]


@dataclass(frozen=True)
class Failure:
    """Why work gave no value: it was ``cancelled``, or a sentence says so, with details where it was not the input that
    failed."""

    sentence: str = ""
    details: str = ""
    cancelled: bool = False


def sentence_for(error: BaseException) -> str:
    """One sentence that a user can act on."""
    if isinstance(error, InputError | EngineError):
        return str(error)
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "Out of memory; lower the number of samples or the image size."
    reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return f"The engine failed unexpectedly: {reason}"


class Task:
    """One piece of work with its continuation; ``ended`` once there is nothing more to come of it."""

    def __init__(
        self,
        work: Callable[[], Any] | None = None,
        then: Callable[[Any], None] | None = None,
        failed: Callable[[Failure], None] | None = None,
    ) -> None:
        self.work, self._then, self._failed = work, then, failed
        self.begun, self.ended = False, work is None
        self.outcome: Any = None

    def forget(self) -> None:
        """Nothing more is heard of it; if it has not begun it never will."""
        self.ended, self._then, self._failed = True, None, None

    def withdraw(self) -> None:
        """The same, unless it has begun already."""
        if not self.begun:
            self.forget()

    def go_on(self) -> None:
        """What comes after the work, in the calling thread."""
        outcome, then, failed = self.outcome, self._then, self._failed
        self.forget()
        self.outcome = None
        if isinstance(outcome, Failure):
            if failed is not None:
                failed(outcome)
        elif then is not None:
            then(outcome)


class Worker:
    """Work is a callable without arguments. Whatever it raises, BaseException included, becomes a :class:`Failure`, and a
    thread that died all the same is noticed by :meth:`poll` and replaced. ``failed`` hears of failures that nobody else takes.
    """

    def __init__(self, name: str, failed: Callable[[Failure], None] | None = None) -> None:
        self.name, self.failed = name, failed
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._done: deque[Task] = deque()
        self._pending: list[Task] = []
        self._thread = self._start()

    def _start(self) -> threading.Thread:
        thread = threading.Thread(target=self._loop, name=self.name, daemon=True)
        thread.start()
        return thread

    def submit(
        self,
        work: Callable[[], Any],
        then: Callable[[Any], None] | None = None,
        failed: Callable[[Failure], None] | None = None,
    ) -> Task:
        """Queues work; ``then`` gets its value, or ``failed`` the failure, in the thread that polls."""
        task = Task(work, then, failed or self.failed)
        self._pending.append(task)
        self._tasks.put(task)
        return task

    @property
    def busy(self) -> bool:
        return bool(self._pending)

    @property
    def gone(self) -> bool:
        """Whether the thread has ended and everything that it did was heard of."""
        return not self._pending and not self._thread.is_alive()

    def poll(self) -> None:
        """Goes on with what has ended since the last call, oldest first."""
        while self._done:
            task = self._done.popleft()
            self._pending.remove(task)
            task.go_on()
        if not self._thread.is_alive() and self._pending and not self._done:
            lost, self._pending, self._tasks = self._pending, [], queue.SimpleQueue()
            self._thread = self._start()
            for task in lost:
                task.outcome = Failure("The engine thread ended unexpectedly; try again.")
                task.go_on()

    def end(self) -> None:
        """Asks the thread to end after all that is queued."""
        self._tasks.put(None)

    def close(self, timeout: float) -> bool:
        """Asks the thread to end; whether it did in time."""
        self.end()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _loop(self) -> None:
        tasks = self._tasks
        while (task := tasks.get()) is not None:
            work, task.work, task.begun = task.work, None, True
            if work is not None and not task.ended:
                try:
                    task.outcome = work()
                except Cancelled:
                    task.outcome = Failure(cancelled=True)
                except BaseException as error:  # the window must hear of everything, SystemExit too
                    # bad input is the user's to mend: where in the program it was noticed is of no use
                    details = "" if isinstance(error, InputError) else traceback.format_exc()
                    task.outcome = Failure(sentence_for(error), details)
            self._done.append(task)
            work = task = None  # let tensors go before waiting
