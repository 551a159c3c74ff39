"""Cost of the measurement side: expectation propagation against its dense form, and growth with the size of the image.

``python -m studies.measurement_cost likelihoods`` or ``scale``, for the tables of docs/correctness.md."""

from __future__ import annotations

import argparse
import math
import multiprocessing
import sys
import time
from collections.abc import Callable
from typing import Any

import torch

from engine.likelihoods.ep import EpLikelihood
from engine.runs.job import environment
from engine.sensing.measurement import Measurement, simulate
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS

__all__ = ["likelihoods", "scale"]

ROWS, BATCH = 2000, 8
SIDES, OPERATORS_AT_SCALE = (64, 128, 256, 512), ("dct", "hadamard")


def _best(work: Callable[[], Any], repeats: int = 5) -> float:
    """Seconds of the fastest of a few repeats."""
    times = []
    for _ in range(repeats):
        mark = time.perf_counter()
        work()
        times.append(time.perf_counter() - mark)
    return min(times)


def _measured(written: str, side: int, images: int, noise: float) -> tuple[Measurement, torch.Tensor]:
    gen = torch.Generator().manual_seed(0)
    truth = torch.rand((images, 1, side, side), generator=gen)
    seen = simulate(truth, OPERATORS.parse(written).build((1, side, side), 0), QUANTIZERS.parse("one-bit"), noise, 0)
    return seen, truth + 0.3 * torch.randn(truth.shape, generator=gen)


def _dense_iteration(vectors: torch.Tensor, diagonal: torch.Tensor, message: torch.Tensor) -> torch.Tensor:
    """The published form of one iteration: U D U^T multiplied out for each image, then applied."""
    return torch.stack([((vectors * d) @ vectors.T) @ m for d, m in zip(diagonal, message, strict=True)])


def likelihoods() -> dict:
    """One EP iteration at M = 2000 for a batch of 8 against the dense form, and a whole guided run with either likelihood."""
    seen, x = _measured(f"gaussian measurements={ROWS}", 64, BATCH, 0.05)

    def iterate(count: int) -> None:
        EpLikelihood(seen, count, tolerance=0.0).score(x, 0.3)

    iterate(2)
    few, many = 2, 22
    per_iteration = (_best(lambda: iterate(many), 3) - _best(lambda: iterate(few), 3)) / (many - few)
    exact = seen.operator.matrix.double()  # type: ignore[attr-defined]
    vectors = torch.linalg.eigh(exact @ exact.T).eigenvectors
    diagonal, message = torch.rand((BATCH, ROWS), dtype=torch.float64), torch.rand((BATCH, ROWS), dtype=torch.float64)
    dense = _best(lambda: _dense_iteration(vectors, diagonal, message), 2)
    rows = [
        {"what": f"EP iteration, M = {ROWS}, batch {BATCH}", "seconds": per_iteration},
        {"what": "the same in dense form (one U D U^T per image)", "seconds": dense, "ratio": dense / per_iteration},
        *_guided(),
    ]
    return {"rows": rows, **environment("cpu")}


def _guided() -> list[dict]:
    from engine.runs.job import prepare
    from engine.runs.spec import RunSpec

    best: dict[str, float] = {}
    for _ in range(3):  # alternating, so that a busy machine slows both
        for name in ("diagonal", "ep"):
            job = prepare(
                RunSpec(operator="gaussian measurements=400", algorithm=f"guided likelihood={name}", samples=8)
            )
            for _ in job.stream():
                pass
            best[name] = min(best.get(name, math.inf), job.seconds)
    return [
        {"what": "guided, diagonal likelihood, M = 400", "seconds": best["diagonal"]},
        {"what": "guided, EP, M = 400", "seconds": best["ep"], "ratio": best["ep"] / best["diagonal"]},
    ]


def _at_scale(name: str, side: int, pipe: Any) -> None:
    """Runs in a process of its own, so that its peak memory is its own."""
    import resource

    torch.set_num_threads(1)
    _measured(f"{name} measurements=32", 16, 1, 0.01)  # what every size loads
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seen, x = _measured(f"{name} measurements={side * side // 8}", side, 1, 0.01)
    operator = seen.operator
    z = operator.forward(x)
    ep = EpLikelihood(seen, 8, tolerance=0.0)
    row = {
        "operator": name, "side": side, "rows": operator.rows,
        "forward_seconds": _best(lambda: operator.forward(x)), "adjoint_seconds": _best(lambda: operator.adjoint(z)),
        "ep_seconds": _best(lambda: ep.score(x, 0.3), 2) / 8,
        "operator_bytes": operator.memory_usage(),
        "peak_megabytes": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
    }  # fmt: skip
    pipe.send(row)


def scale() -> dict:
    """Time and peak memory of operator, adjoint, likelihood and EP together, M = N / 8, one bit, by size of the image."""
    context = multiprocessing.get_context("spawn")
    rows = []
    for name in OPERATORS_AT_SCALE:
        for side in SIDES:
            receive, send = context.Pipe(duplex=False)
            process = context.Process(target=_at_scale, args=(name, side, send))
            process.start()
            send.close()
            row = receive.recv()
            process.join()
            size = side * side
            row["forward_ns_per_n_log_n"] = 1e9 * row["forward_seconds"] / (size * math.log2(size))
            rows.append({k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()})
    return {"rows": rows, **environment("cpu")}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m studies.measurement_cost", description=__doc__)
    parser.add_argument("what", choices=("likelihoods", "scale"))
    table = {"likelihoods": likelihoods, "scale": scale}[parser.parse_args().what]()
    for row in table["rows"]:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
