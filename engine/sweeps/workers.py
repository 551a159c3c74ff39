"""Where cells are computed: in this process, or in a pool of processes on this machine. (A cluster: ``cluster.py``.)

This module imports neither numpy nor torch: a new process of the pool loads it first, and sets its threads before they load.
"""

from __future__ import annotations

import concurrent.futures
import concurrent.futures.process
import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, Protocol

from engine.errors import EngineError

if TYPE_CHECKING:
    import numpy as np

    from engine.control import Control
    from engine.sweeps.definition import Sweep
    from engine.sweeps.work import Outcome, Task

    Computed = tuple[list[Outcome], float]
    """Outcomes, and the seconds that they took."""

__all__ = ["InProcess", "Pool", "Workers", "cores", "gpus"]

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Workers(Protocol):
    """A way of computing tasks with an executor. ``slots`` is how many are handed to it at once; ``lost`` are the
    exceptions that say that a process has ended and the executor with it, so that :meth:`executor` is opened anew."""

    lost: tuple[type[BaseException], ...]

    @property
    def slots(self) -> int: ...

    @property
    def at_once(self) -> int:
        """How many tasks are computed at the same time, for estimates."""
        ...

    def executor(self) -> contextlib.AbstractContextManager[Executor]:
        """Opens the executor; it is closed at the end of the block."""
        ...

    def submit(self, executor: Executor, task: Task, pixels: np.ndarray) -> Future[Computed]: ...

    def follow(self, control: Control) -> None:
        """Does what the control says now to what is being computed elsewhere; called often."""
        ...


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus(sweep: Sweep) -> int:
    """GPUs that its runs may take: each process of a pool gets one of them."""
    devices = {point.spec.device for point in sweep.points() if point.spec is not None}
    if devices == {"cpu"}:
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


class _Here(Executor):
    """Computes when it is asked to, in the thread that asks."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class _Watched:
    """A control, and who wants to know how far a job is."""

    def __init__(self, control: Control | None, hear: Callable[[float], None]) -> None:
        self.control, self.hear = control, hear

    def proceed(self) -> bool:
        return True if self.control is None else self.control.proceed()


class InProcess:
    """One task after another in this process, with so many threads."""

    lost: tuple[type[BaseException], ...] = ()
    slots = at_once = 1

    def __init__(self, threads: int = 1) -> None:
        self.control: Control | None = None
        self.threads = threads
        self.hear: Callable[[float], None] = lambda share: None
        """Told, after each step of a job, the share of its steps that are done."""

    @contextlib.contextmanager
    def executor(self) -> Iterator[Executor]:
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            yield _Here()
        finally:
            torch.set_num_threads(before)

    def submit(self, executor: Executor, task: Task, pixels: np.ndarray) -> Future[Computed]:
        from engine.sweeps.work import compute

        return executor.submit(compute, task, pixels, _Watched(self.control, self.hear))

    def follow(self, control: Control) -> None:
        """The control is asked after every step of a job."""
        self.control = control


class Pool:
    """``jobs`` processes on this machine, each with so many threads; with GPUs, each process is given one of ``gpus`` of them."""

    lost: tuple[type[BaseException], ...] = (concurrent.futures.process.BrokenProcessPool,)

    def __init__(self, jobs: int, threads: int = 1, gpus: int = 0) -> None:
        import multiprocessing

        self.jobs, self.threads, self.gpus = jobs, threads, gpus
        self._context = multiprocessing.get_context("spawn")
        self._may_run, self._cancelled = self._context.Event(), self._context.Event()
        self._may_run.set()

    @property
    def slots(self) -> int:
        return self.jobs + 1  # the next one waits where it is wanted

    @property
    def at_once(self) -> int:
        return self.jobs

    @contextlib.contextmanager
    def executor(self) -> Iterator[Executor]:
        number = self._context.Value("i", 0)
        told = (self.threads, self.gpus, number, self._may_run, self._cancelled)
        pool = concurrent.futures.ProcessPoolExecutor(self.jobs, self._context, _begin, told)
        try:
            with _environment({name: str(self.threads) for name in THREAD_VARIABLES}):
                # the processes start with the first tasks, and threads are counted when libraries load
                for future in [pool.submit(_ready) for _ in range(self.jobs)]:
                    try:
                        future.result()
                    except self.lost:
                        raise EngineError("The processes of the pool could not be started; take --jobs 1.") from None
            yield pool
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def submit(self, executor: Executor, task: Task, pixels: np.ndarray) -> Future[Computed]:
        return executor.submit(_compute, task, pixels)

    def follow(self, control: Control) -> None:
        self._may_run.clear() if control.paused else self._may_run.set()
        if control.cancelled:
            self._cancelled.set()
            self._may_run.set()


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _Steering:
    """Asked after each step of a job in a process of the pool."""

    def __init__(self, may_run: Any, cancelled: Any) -> None:
        self.may_run, self.cancelled = may_run, cancelled

    def proceed(self) -> bool:
        from engine.control import Cancelled

        self.may_run.wait()
        if self.cancelled.is_set():
            raise Cancelled
        return True


_steering: _Steering | None = None


def _begin(threads: int, gpus: int, number: Any, may_run: Any, cancelled: Any) -> None:
    """The first thing that a process of the pool does."""
    global _steering
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to deal with
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with number.get_lock():
        mine, number.value = number.value, number.value + 1
    if gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(mine % gpus)
    import torch

    torch.set_num_threads(threads)
    _steering = _Steering(may_run, cancelled)


def _ready() -> None:
    """Loads what computing needs."""
    import engine.sweeps.work  # noqa: F401


def _end_with_parent() -> None:
    """A parent that was killed tells nobody: without this its pool would wait for work for ever."""
    import multiprocessing
    from multiprocessing.connection import wait

    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _compute(task: Task, pixels: np.ndarray) -> Computed:
    from engine.sweeps.work import compute

    return compute(task, pixels, _steering)
