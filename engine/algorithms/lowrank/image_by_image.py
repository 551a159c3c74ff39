"""Many images, each descended by itself: ranks, penalties and last digits then do not depend on the others in the batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from engine.algorithms.base import Draws, Iterate

if TYPE_CHECKING:
    from engine.sensing.measurement import Measurement

__all__ = ["image_by_image"]


def image_by_image(
    run: Callable[[Measurement, Draws], Iterator[Iterate]], measurement: Measurement, draws: Draws
) -> Iterator[Iterate]:
    """The iterates of ``run`` for every single image, side by side; one that has ended stays where it is."""
    import torch

    if measurement.images == 1:
        yield from run(measurement, draws)
        return
    each = [
        run(measurement.select([i]), Draws(draws.seed, (image,), draws.samples)) for i, image in enumerate(draws.images)
    ]
    now, step = [next(one) for one in each], 0
    while True:
        step += 1
        last = all(one.is_last for one in now)
        going = next((one for one in now if not one.is_last), now[0])
        keys = going.statistics.keys()
        facts = {k: sum(one.statistics.get(k, 0.0) for one in now) / len(now) for k in keys}
        x = torch.cat([one.x for one in now])
        yield Iterate(
            step, step if last else max(going.steps, step + 1), x, 0, statistics=facts, per_image=True, mean=x,
            note=next((one.note for one in now if one.note), ""), phase=going.phase,
        )  # fmt: skip
        if last:
            return
        now = [one if one.is_last else next(it) for one, it in zip(now, each, strict=True)]
