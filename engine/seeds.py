"""Random numbers keyed by what they are for, so that a result does not depend on the batch it was computed in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["RowGenerators", "generator"]


def generator(seed: int, purpose: str, *indices: int, device: str = "cpu") -> torch.Generator:
    """A generator for one purpose (``matrix``, ``noise``, ``sample``, ...) and one index tuple, on the CPU unless the
    numbers need not be the same on every device, as in a training.

    Distinct keys give unrelated streams: the state is the first 63 bits of SHA-256 of the key.
    """
    import torch

    key = "/".join([str(seed), purpose, *map(str, indices)])
    state = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> 1
    return torch.Generator(device).manual_seed(state)


class RowGenerators:
    """One generator per row of a batch: row i draws the same numbers whatever the other rows are."""

    def __init__(self, generators: Sequence[torch.Generator]) -> None:
        self.generators = list(generators)

    def __len__(self) -> int:
        return len(self.generators)

    def normal(
        self, shape: Sequence[int], device: torch.device | str = "cpu", rows: Sequence[int] | None = None
    ) -> torch.Tensor:
        """Standard normal, (rows, *shape), float32. ``rows`` draws for some of the rows only."""
        import torch

        chosen = self.generators if rows is None else [self.generators[i] for i in rows]
        out = torch.empty((len(chosen), *shape))
        for row, gen in zip(out, chosen, strict=True):
            row.normal_(generator=gen)
        return out.to(device)

    def uniform(self, shape: Sequence[int], device: torch.device | str = "cpu") -> torch.Tensor:
        """Uniform on [0, 1), (rows, *shape), float32."""
        import torch

        out = torch.empty((len(self.generators), *shape))
        for row, gen in zip(out, self.generators, strict=True):
            row.uniform_(generator=gen)
        return out.to(device)

    def signs(
        self, shape: Sequence[int], device: torch.device | str = "cpu", rows: Sequence[int] | None = None
    ) -> torch.Tensor:
        """Independent +1 and -1 with equal probability, (rows, *shape), float32."""
        return self.normal(shape, device, rows).sign_()
