"""One optimiser step: losses, gradients, clipping, update; on a GPU recorded once and replayed.

A step of these networks is a thousand small kernels, which a GPU finishes faster than Python names them: a recorded step
(a CUDA graph) halves its time at the small batches that learn most per picture, and a compiled network is fewer kernels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

__all__ = ["LevelBalance", "Stepper", "compile_network"]

WARM_UP = 4
"""Steps before one is recorded: libraries choose their algorithms in the first ones."""
BINS = 24
MEMORY = 0.98
"""Decay of a bin's running loss with every image that falls into it."""


def compile_network(network: nn.Module, backend: str = "inductor") -> None:
    """Has the norms, shifts, activations and sums between a network's convolutions fused, in place.

    Weights and their names stay. Where no compiler is at hand, or it fails, the network is called as it is.
    """
    try:
        import torch._dynamo
    except ImportError:  # a bundle carries none
        return
    torch._dynamo.config.suppress_errors = True
    network.compile(backend=backend, dynamic=False)


class LevelBalance:
    """Weighs each noise level by the inverse of its running loss, so that a step improves all of them by like shares
    (Karras et al., "Analyzing and improving the training dynamics of diffusion models", 2024, learn these weights)."""

    def __init__(self, sigma_min: float, sigma_max: float, device: str) -> None:
        self.low, self.span = math.log(sigma_min), math.log(sigma_max / sigma_min)
        self.table = torch.ones(BINS, device=device)

    def _bins(self, sigma: Tensor) -> Tensor:
        return ((sigma.log() - self.low) / self.span * BINS).long().clamp(0, BINS - 1)

    def weights(self, sigma: Tensor) -> Tensor:
        """Weights (batch,) of mean 1."""
        weights = 1 / self.table.clamp_min(1e-4)[self._bins(sigma)]
        return weights / weights.mean()

    def learn(self, sigma: Tensor, losses: Tensor) -> None:
        """Takes in the losses (batch,) of a step."""
        bins = self._bins(sigma)
        counts = torch.zeros_like(self.table).index_add_(0, bins, torch.ones_like(losses))
        sums = torch.zeros_like(self.table).index_add_(0, bins, losses)
        self.table.lerp_(sums / counts.clamp_min(1), 1 - MEMORY**counts)


class Stepper:
    """``stepper(weights, drawn)`` takes a step on the weighted mean of the losses and returns those, (batch,)."""

    def __init__(
        self, network: nn.Module, optimiser: torch.optim.Optimizer, losses: Callable[..., Tensor], device: str
    ) -> None:
        self.network, self.optimiser, self.losses = network, optimiser, losses
        self.graph: torch.cuda.CUDAGraph | None = None
        self.places: list[Tensor] = []
        self.answer: Tensor | None = None
        self.until_recorded = WARM_UP if device == "cuda" else -1

    def _step(self, weights: Tensor, *drawn: Tensor) -> Tensor:
        losses = self.losses(*drawn)
        (losses * weights).mean().backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        return losses.detach()

    def _record(self, inputs: Sequence[Tensor]) -> None:
        self.places = [x.clone() for x in inputs]
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.answer = self._step(*self.places)
        self.graph = graph

    def __call__(self, weights: Tensor, drawn: Sequence[Tensor]) -> Tensor:
        inputs = (weights, *drawn)
        if self.until_recorded == 0:
            self._record(inputs)
        self.until_recorded -= self.until_recorded >= 0
        if self.graph is not None and self.answer is not None:
            torch._foreach_copy_(self.places, list(inputs))
            self.graph.replay()
            return self.answer.clone()
        if self.until_recorded < 0:
            losses = self._step(*inputs)
        else:  # where a recording follows, it asks for a stream other than the usual one
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                losses = self._step(*inputs)
            torch.cuda.current_stream().wait_stream(aside)
        self.optimiser.zero_grad(set_to_none=True)
        return losses
