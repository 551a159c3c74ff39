"""Samples computed each as if it were alone, side by side: for arithmetic in which a batch would change them.

Sums depend on the shape of a batch by the rounding of single precision, 1e-7. Where a network rounds to 8 bits, such a difference
now and then falls on the other side and is 0.4 % of a feature, which a chain of hundreds of calls makes visible. A sample that is
never in a batch has nothing to differ by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from engine.algorithms.base import ESTIMATE, AlgorithmChoice, Draws, Iterate

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import Prior
    from engine.sensing.measurement import Measurement

__all__ = ["one_by_one", "side_by_side"]


def one_by_one(algorithm: AlgorithmChoice, measurement: Measurement, prior: Prior, draws: Draws) -> Iterator[Iterate]:
    """What ``algorithm.iterates(measurement, prior, draws)`` gives, with every (image, sample) to the bit as it is alone.

    They go side by side, step by step; one that has come to its end waits for the others.
    """
    samples = draws.samples[:1] if algorithm.rows_are == ESTIMATE else draws.samples
    streams = [
        (image, algorithm.iterates(measurement.select([image]), prior, Draws(draws.seed, [number], [sample])))
        for image, number in enumerate(draws.images)
        for sample in samples
    ]
    return side_by_side(streams)


def side_by_side(streams: Sequence[tuple[int, Iterator[Iterate]]]) -> Iterator[Iterate]:
    """Iterates of many runs as those of one, in the order of rows: (number of the image in the batch, its stream)."""
    now = [(image, next(stream)) for image, stream in streams]
    while True:
        merged = _together(now)
        yield merged
        if merged.is_last:
            return
        now = [
            (image, iterate if iterate.is_last else next(stream))
            for (image, iterate), (_, stream) in zip(now, streams, strict=True)
        ]


def _together(now: Sequence[tuple[int, Iterate]]) -> Iterate:
    """One iterate of many, each of one image and sample; ``now`` is in the order of rows."""
    by_image = [[iterate for _, iterate in group] for _, group in groupby(now, key=lambda pair: pair[0])]
    every = [iterate for group in by_image for iterate in group]
    per_image = all(iterate.per_image for iterate in every)  # then an image's samples are still the same
    rows = [group[0] for group in by_image] if per_image else every
    slowest = min(every, key=lambda iterate: iterate.step / iterate.steps)

    def cat(of: Callable[[Iterate], Tensor | None]) -> Tensor | None:
        import torch

        found = [tensor for iterate in rows if (tensor := of(iterate)) is not None]
        return torch.cat(found) if len(found) == len(rows) else None

    def averaged(of: Callable[[Iterate], Tensor | None]) -> Tensor | None:
        import torch

        means = []
        for group in by_image:
            found = [tensor.double() for iterate in group if (tensor := of(iterate)) is not None]
            if len(found) != len(group):
                return None
            means.append(torch.stack(found).mean(0))
        return torch.cat(means)

    x, mean = cat(lambda i: i.x), averaged(lambda i: i.mean)
    assert x is not None
    statistics = {
        key: sum(iterate.statistics[key] for iterate in every) / len(every)
        for key in slowest.statistics
        if all(key in iterate.statistics for iterate in every)
    }
    messages = {key: cat(lambda i, key=key: i.messages.get(key)) for key in slowest.messages}  # type: ignore[misc]
    return Iterate(
        slowest.step, slowest.steps, x, max(iterate.network_calls for iterate in every), cat(lambda i: i.denoised),
        statistics=statistics, per_image=per_image, mean=None if mean is None else mean.to(x.dtype),
        predicted_rmse=averaged(lambda i: i.predicted_rmse), loss=cat(lambda i: i.loss),
        messages={key: told for key, told in messages.items() if told is not None},
        note=next((iterate.note for iterate in every if iterate.note), ""), phase=slowest.phase,
    )  # fmt: skip
