"""Cells on a Dask cluster: workers on any number of machines, which may come and go while a sweep runs.

Pictures and the weights of the user's own priors travel once: they are tasks of the cluster themselves, so that workers
pass them on to one another, and those of a worker that is gone are made again. A worker has this program installed; nothing
but names of its functions and plain data is sent."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

import engine
from engine.errors import EngineError, InputError

if TYPE_CHECKING:
    import numpy as np

    from engine.control import Control
    from engine.sweeps.work import Outcome, Task

__all__ = ["Cluster", "work_for"]

SECONDS_TO_CONNECT = 10
LOOK_EVERY = 2.0
"""Seconds between two counts of the workers."""


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise InputError("A cluster needs Dask: pip install 'qcs-studio[distributed]'.") from None
    return distributed


class Cluster:
    """The workers of the Dask scheduler at ``address`` (``tcp://HOST:8786``)."""

    lost: tuple[type[BaseException], ...] = ()  # the cluster sees to those itself

    def __init__(self, address: str, threads: int = 1) -> None:
        self.address, self.threads = address, threads
        self._client: Any = None
        self._given: dict[str, Any] = {}
        self._counted, self._workers = 0.0, 1

    @property
    def slots(self) -> int:
        return 2 * self.at_once  # the next one is there when one is done

    @property
    def at_once(self) -> int:
        if self._client is not None and time.monotonic() - self._counted > LOOK_EVERY:
            self._counted = time.monotonic()
            with contextlib.suppress(OSError, TimeoutError):
                self._workers = max(1, sum(self._client.nthreads().values()))
        return self._workers

    @contextlib.contextmanager
    def executor(self) -> Iterator[Executor]:
        distributed = _distributed()
        try:
            client = distributed.Client(self.address, timeout=SECONDS_TO_CONNECT, set_as_default=False)
        except (OSError, ValueError, TimeoutError):
            raise InputError(
                f"There is no Dask scheduler at '{self.address}': start one with 'dask scheduler' and give its address, tcp://HOST:8786."
            ) from None
        try:
            self._refuse_others(client)
            self._client, self._given, self._counted = client, {}, 0.0
            yield client.get_executor(pure=False)
        finally:
            self._client, self._given = None, {}
            client.close()

    def _refuse_others(self, client: Any) -> None:
        """Other versions give other pictures."""
        for worker, version in client.run(_version).items():
            if version != engine.__version__:
                raise InputError(
                    f"The worker {worker} has QCS Studio {version}, here it is {engine.__version__}; install the same there."
                )

    def submit(self, executor: Executor, task: Task, pixels: np.ndarray) -> Future[tuple[list[Outcome], float]]:
        if self._client.status not in ("running", "connecting"):
            raise EngineError(
                f"The Dask scheduler at '{self.address}' is gone; what is done is kept, and the same command goes on."
            )
        digest = hashlib.sha256(pixels.tobytes() + repr(pixels.shape).encode()).hexdigest()[:24]
        weights = _own_weights(task.recipe)
        told = [self._once(f"qcs-weights-{name}", content) for name, content in weights.items()]
        return executor.submit(_compute, task, self._once(f"qcs-images-{digest}", pixels), self.threads, *told)

    def _once(self, key: str, value: Any) -> Any:
        """The value as a task of the cluster, sent when it is first wanted."""
        if key not in self._given:
            self._given[key] = self._client.submit(_same, value, key=f"{key}-{os.getpid()}")
        return self._given[key]

    def follow(self, control: Control) -> None:
        """What a worker has begun, it ends; nothing new is sent."""


def _same(value: Any) -> Any:
    return value


def _version() -> str:
    return engine.__version__


def _own_weights(recipe: Mapping[str, Any]) -> dict[str, tuple[str, bytes]]:
    """Files of the recipe's prior that do not come with the program: a key to the file's name and content."""
    from importlib.resources import files

    from engine.priors.choice import FilePrior
    from engine.priors.library import priors

    shipped = Path(str(files("resources")))
    choice = priors().parse(str(recipe["prior"]))
    paths = [path for path, _ in choice.variants.values()] if isinstance(choice, FilePrior) else []
    own = [path for path in paths if shipped not in path.parents]
    found = {}
    for path in own:
        content = path.read_bytes()
        found[hashlib.sha256(content).hexdigest()[:24]] = (path.name, content)
    return found


def _compute(task: Task, pixels: np.ndarray, threads: int, *weights: tuple[str, bytes]) -> tuple[list[Outcome], float]:
    """On the worker."""
    import torch

    from engine.sweeps.work import compute

    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    for name, content in weights:
        _install(name, content)
    return compute(task, pixels)


def _install(name: str, content: bytes) -> None:
    """Makes weights that came with a task known to this process; once for each content."""
    from engine.files import write_atomically
    from engine.priors.library import also_from

    digest = hashlib.sha256(content).hexdigest()[:24]
    folder = Path(tempfile.gettempdir()) / f"qcs-weights-{os.getpid()}" / digest
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, lambda temporary: temporary.write_bytes(content))
    also_from(folder)


def work_for(address: str, threads: int = 1, gpu: int | None = None, name: str = "") -> None:
    """Is a worker of the scheduler at ``address``, one cell batch at a time, until that ends or Ctrl-C is pressed."""
    import asyncio

    distributed = _distributed()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(gpu)
    import torch

    torch.set_num_threads(threads)

    async def work() -> None:
        worker = distributed.Worker(
            address, nthreads=1, name=name or None, dashboard=False, death_timeout=SECONDS_TO_CONNECT
        )
        try:
            await worker
        except (OSError, TimeoutError, ValueError):
            raise InputError(f"There is no Dask scheduler at '{address}': give its address, tcp://HOST:8786.") from None
        await worker.finished()

    asyncio.run(work())
