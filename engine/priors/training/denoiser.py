"""The training of a denoiser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from engine.errors import InputError
from engine.priors.base import DenoiserPrior
from engine.priors.header import refuse_odd_levels
from engine.priors.sampling import prior_samples
from engine.priors.training.objectives import make_objective
from engine.priors.training.quality import denoising_quality
from engine.priors.training.settings import DenoiserTraining
from engine.priors.training.start import licence_of
from engine.priors.training.stepping import LevelBalance, Stepper, compile_network
from engine.priors.training.trainer import Progress, Trainer, square

if TYPE_CHECKING:
    from engine.priors.networks.edm import EdmDenoiser
    from engine.priors.networks.score_network import ScorePrior

__all__ = ["DenoiserTrainer", "Progress"]

PREVIEWED = (0.1, 0.2, 0.5)


class DenoiserTrainer(Trainer):
    """Denoising score matching, with a running mean of the weights."""

    settings: DenoiserTraining
    measures = "Denoising PSNR"

    def check(self) -> None:
        s = self.settings
        if s.sigma_min >= s.sigma_max:
            raise InputError(f"sigma_min={s.sigma_min:g} must be below sigma_max={s.sigma_max:g}.")
        refuse_odd_levels(s.sigma_min, s.sigma_max, self.out.name)

    def build(self) -> None:
        s = self.settings
        self.objective = make_objective(s, self.source)
        self.arithmetic = "Trained with bfloat16 products." if self.objective.in_bfloat16 else ""
        self.network = self.objective.network.to(self.device)
        self.averaged = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=self.rate, betas=(0.9, 0.99), weight_decay=1e-3, fused=True,
            capturable=self.device == "cuda",
        )  # fmt: skip
        self.balance = LevelBalance(s.sigma_min, s.sigma_max, self.device)

    def begin(self) -> None:
        self.network.train()
        if self.device == "cuda":
            compile_network(self.network)
        self._stepper = Stepper(self.network, self.optimiser, self.objective.losses, self.device)

    def update(self, draw: torch.Generator) -> Tensor:
        drawn = self.objective.draw(self.source.batch(self.settings.batch, draw), draw)
        balanced = self.objective.balanced
        losses = self._stepper(self.balance.weights(drawn[0]) if balanced else torch.ones_like(drawn[0]), drawn)
        self.balance.learn(drawn[0], losses)
        weight = 1 - min(self.settings.average, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_([*self.averaged.values()], [*self.network.state_dict().values()], weight)
        return losses.mean()

    def state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(), "averaged": self.averaged, "optimiser": self.optimiser.state_dict(),
            "balance": self.balance.table,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        for group in self.optimiser.param_groups:  # of another device, perhaps
            group["lr"], group["capturable"] = self.rate, self.device == "cuda"
        self.balance.table = state.get("balance", self.balance.table).to(self.device)
        self.averaged = {k: v.to(self.device) for k, v in state["averaged"].items()}

    def prior(self) -> EdmDenoiser | ScorePrior:
        start = self.settings.start
        card = self.card(sum(p.numel() for p in self.network.parameters()), licence_of(Path(start)) if start else "")
        return self.objective.prior({k: v.cpu() for k, v in self.averaged.items()}, card)

    def quality(self, prior: DenoiserPrior) -> dict:
        return denoising_quality(prior, self.held_out, device=self.device)

    def preview(self, samples: int = 8) -> tuple[dict[float, float], Tensor]:
        prior = self.prior()
        images = [square(x, self.source.shape) for x in self.held_out[:16]]
        quality = denoising_quality(prior, images, PREVIEWED) if images else {"sigma": [], "psnr": []}
        drawn = prior_samples(prior, samples, self.settings.seed, steps=18, last=0.02)
        return dict(zip(quality["sigma"], quality["psnr"], strict=True)), drawn
