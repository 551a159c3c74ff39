"""Turbo message passing: expectation propagation between the measurement and a denoiser.

The scheme is generalised vector approximate message passing with scalar variances (compare Q-STMP, arXiv 2512.14435).
For random-like A, what reaches the denoiser is the image plus white Gaussian noise of a known level, which is what a
diffusion prior was trained on. Posterior samples are then unconditional reverse diffusions from that message.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.algorithms.base import AlgorithmChoice, Draws, Iterate
from engine.settings import integer, number

if TYPE_CHECKING:
    from torch import Tensor

    from engine.priors.base import DenoiserPrior
    from engine.priors.choice import PriorChoice
    from engine.sensing.measurement import Measurement
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["Turbo"]

SMALL_PROBES, LARGE_PIXELS, USUAL_ROUNDS = 2, 1 << 14, 8
LEVELS, MOST_LEVELS, USUAL_NOISE, LEVELS_PER_E = 7, 24, 0.3, 12
"""Sampling levels of a message with the usual noise or less, the most that are taken, how many more for a factor of e in it."""
POWER = 7.0
"""How the levels are spaced (as by Karras et al., 2022): a Gaussian varies right within 7 %, with 15 up to 9 % too little."""


@dataclass(frozen=True)
class Turbo(AlgorithmChoice):
    """Turbo: expectation propagation with the denoiser. Near-optimal mean in a dozen rounds, with its own error bar."""

    name = "turbo"
    label = "Turbo (message passing)"

    rounds: int = integer(12, "Rounds", "Message-passing rounds at most.", low=1, high=1000)
    probes: int | None = integer(
        None,
        "Probes",
        "Random probes of the denoiser's divergence per round; auto takes 2, and 1 for pictures that average by themselves.",
        low=1,
        high=64,
        expert=True,
    )
    damping: float = number(
        0.7, "Damping", "Share of the new message in each update; 1 is undamped.", above=0, high=1, expert=True
    )
    settled: float = number(
        0.05,
        "Settled",
        "Rounds end once the message moves by less than this share of its own noise; 0 makes all rounds.",
        low=0,
        high=1,
        expert=True,
    )
    levels: int | None = integer(
        None,
        "Sampling levels",
        "Reverse-diffusion steps for each posterior sample; auto takes 7, and more where the message "
        "is noisier than usual.",
        low=2,
        high=1000,
        expert=True,
    )
    sigma_last: float = number(
        0.01, "Last noise level", "Where sampling ends with a denoising.", above=0, high=1, expert=True
    )

    def steps_for(self, samples: int) -> int:
        return self.rounds + (self.levels or MOST_LEVELS) + 1

    def work_for(self, samples: int) -> float:
        usual = self.rounds if not self.settled else min(self.rounds, USUAL_ROUNDS)
        return usual + 0.7 * usual * (self.probes or SMALL_PROBES) + samples * ((self.levels or LEVELS) + 1)

    def probes_for(self, pixels: int) -> int:
        """Probes for an image of so many pixels: the error of one probe falls with the root of them."""
        return self.probes or (SMALL_PROBES if pixels < LARGE_PIXELS else 1)

    def levels_for(self, noise: Tensor) -> Tensor:
        """Sampling levels for messages with so much noise (rows,)."""
        import torch

        if self.levels:
            return torch.full_like(noise, self.levels)
        more = LEVELS_PER_E * torch.log((noise / USUAL_NOISE).clamp_min(1.0))
        return (LEVELS + more.ceil()).clamp_max(MOST_LEVELS)

    def unsuited(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        if not operator.is_linear:
            return "turbo needs a linear operator; take guided"
        if not operator.has_eigenbasis:
            return "turbo needs the eigenbasis of A A^T, which takes too long for so many rows; take guided or a fast operator"
        return None

    def warning(self, operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> str | None:
        if not operator.random_like:
            return "turbo rests on a matrix that mixes all pixels at random, and this one does not: compare with plug-and-play"
        return None

    def iterates(self, measurement: Measurement, prior: DenoiserPrior, draws: Draws) -> Iterator[Iterate]:
        import torch

        from engine.algorithms.messages.gains import infer_gains
        from engine.algorithms.messages.passing import MessagePassing, settle
        from engine.priors.sampling import reverse_diffusion

        probes = self.probes_for(measurement.operator.pixels)
        passing = MessagePassing(measurement, prior, draws.per_image("probes"), probes, self.damping)
        total, calls, state = self.steps_for(len(draws.samples)), 0, None
        for number_ in range(1, self.rounds + 1):
            state = settle(state, passing.round(), self.settled)
            calls += passing.calls
            level = state.noise.sqrt()
            yield Iterate(
                number_, total, state.message, calls, state.denoised, per_image=True, mean=state.denoised,
                predicted_rmse=state.total_error.sqrt(), phase="message passing",
                statistics={
                    "sigma": float(level.mean()),
                    "predicted_rmse": float(state.total_error.sqrt().mean()),
                    "prior_deviation": float(state.prior_variance.sqrt().mean()),
                    "measurement_deviation": float(state.measurement_variance.sqrt().mean()),
                    "message_change": float(state.change.mean()),
                },
                messages={
                    "r": state.message, "r_variance": state.noise,
                    "z_mean": state.measurement_mean, "z_variance": state.measurement_variance,
                },
            )  # fmt: skip
            if bool((state.change < self.settled).all()):
                break
        assert state is not None
        repeat = len(draws.samples)
        start, level = (t.repeat_interleave(repeat, 0) for t in passing.white_message(state))
        calls += passing.calls_of_one - 1
        noise = draws.per_row("turbo")
        if bool((state.contrast > 0).any()):
            # every sample has a contrast of its own, within what is known of it
            factors = torch.exp(state.contrast.repeat_interleave(repeat) * noise.normal((1,), start.device)[:, 0])
            signal = state.denoised.repeat_interleave(repeat, 0) - passing.pivot
            start = start + (factors.reshape(-1, 1, 1, 1) - 1).to(start.dtype) * signal
        mean, predicted = state.denoised, state.total_error.sqrt()
        gains = infer_gains(passing, state)
        if gains is not None:  # an amplitude for every sample, too
            mean, predicted = gains.moments(passing, state)
            start, gain = gains.times(start, noise.uniform((1,), start.device)[:, 0])
            level = level * gain
        levels = self.levels_for(level)
        walk = reverse_diffusion(prior, start, level, self.sigma_last, levels, noise, POWER)
        for number_, (x, denoised, sigma) in enumerate(walk, start=total - int(levels.max())):
            calls += 1
            yield Iterate(
                number_, total, x, calls, denoised, mean=mean, predicted_rmse=predicted,
                statistics={"sigma": float(sigma.mean()), "predicted_rmse": float(predicted.mean())},
            )  # fmt: skip
