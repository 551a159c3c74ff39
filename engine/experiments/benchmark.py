"""Speed, side by side in one process. Never part of the tests: a machine's speed is not a property of the program."""

from __future__ import annotations

import time

import numpy as np
import torch

from engine.algorithms import ALGORITHMS
from engine.runs.job import environment, prepare
from engine.runs.metrics import psnr
from engine.runs.spec import RunSpec

__all__ = ["compare_algorithms"]

COMPARED = ("turbo", "guided", "qcs-sgm")


def compare_algorithms(spec: RunSpec) -> dict:
    """Time to one posterior mean, with the same prior, measurement and batch of samples for every algorithm.

    ``turbo`` has its posterior mean when message passing ends; ``guided`` and ``qcs-sgm`` average the spec's samples.
    ``seconds_with_samples`` is the whole run, turbo's samples too.
    """
    rows: dict[str, dict] = {}
    for name in COMPARED:
        chosen = spec.algorithm if spec.algorithm.name == name else ALGORITHMS.parse(name)
        job = prepare(spec.replace(algorithm=chosen))
        for _ in zip(range(2), prepare(spec.replace(algorithm=chosen)).stream(), strict=False):
            pass  # warm-up: the first calls allocate
        start, to_mean, mean, calls = time.perf_counter(), None, None, 0
        for iterate in job.stream():
            if iterate.mean is not None and iterate.per_image:
                to_mean, mean, calls = time.perf_counter() - start, iterate.mean, iterate.network_calls
        whole = time.perf_counter() - start
        result = job.reconstructions()[0]
        estimate = result.mean if mean is None else mean[0].cpu().numpy()
        rows[name] = {
            "seconds": to_mean or whole, "seconds_with_samples": whole, "network_calls": calls or result.network_calls,
            "psnr_mean": float(psnr(estimate, result.truth)) if result.truth is not None else None,
            "algorithm": str(chosen),
        }  # fmt: skip
    slowest = rows["qcs-sgm"]["seconds"]
    for row in rows.values():
        row["time_ratio"] = row["seconds"] / slowest
        row["time_ratio_with_samples"] = row["seconds_with_samples"] / slowest
    recipe = spec.as_dict() | {"algorithm": "all"}
    return {
        "recipe": recipe,
        "algorithms": rows,
        "peak_threads": torch.get_num_threads(),
        **environment(spec.device),
        "numpy": np.__version__,
    }
