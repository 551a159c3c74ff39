"""The data half of every splitting: p(y | x) beside a Gaussian N(x; centre, rho^2 I), as its mode and as draws from it.

Half-quadratic splitting and ADMM ask for the mode (the proximal map of -log p(y | x)), split Gibbs sampling for draws. Both
are exact where it can be done:

* orthogonal rows (masks, blocks, fast transforms): every z_m = (A x)_m stands by itself, for real values and every channel;
* real values and any linear A: a Gaussian, in the eigenbasis of A A^T or by conjugate gradients;
* cells and rows that depend on one another: the mode by an inner splitting z = A x (ADMM), draws by data augmentation
  (Albert and Chib, 1993): t = A x + n given its cell, then x given t, in turn, from where the last call ended;
* non-linear A: the mode by accelerated gradients, draws by :class:`~engine.likelihoods.mala.Mala`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from engine.likelihoods.data_term import DataTerm
from engine.likelihoods.gram import GramSolver
from engine.likelihoods.truncated import draw_conditional
from engine.seeds import RowGenerators
from engine.sensing.measurement import Measurement

__all__ = ["Consistency", "make_consistency"]

_INNER_STEPS, _SETTLED = 30, 2e-3
_SWEEPS = 12
_SOFTENING = 0.15
"""Data augmentation moves by the noise alone. Where rho makes z uncertain by much more, the noise is taken as this share of that
variance, so that a dozen sweeps are enough: the law is exact once rho^2 |a_m|^2 falls below noise^2 / 0.15."""
_GRADIENT_STEPS = 40
_LEAST_NORM = 1e-9
_LEAST_LEFT = 0.05
"""Share of the noise variance that stays with y given z, also while the coupling adds more than the noise."""


def make_consistency(measurement: Measurement) -> Consistency:
    """The exact form for a measurement with one row per image of the batch."""
    operator = measurement.operator
    if not operator.is_linear:
        return _NonLinear(measurement)
    basis = operator.gram_eigenbasis()
    if basis is not None and basis.trivial:
        return _Separable(measurement)
    return _Gaussian(measurement) if measurement.is_linear else _Coupled(measurement)


class Consistency(ABC):
    """One measurement's half. ``centre`` is (batch, c, h, w), ``rho`` its deviation in [0, 1] units, one or (batch,)."""

    def __init__(self, measurement: Measurement) -> None:
        self.measurement, self.operator = measurement, measurement.operator
        self.term = DataTerm(measurement)
        self.noise = self.term.noise

    @abstractmethod
    def mode(self, centre: Tensor, rho: Tensor | float) -> Tensor:
        """argmax over x of ln p(y | x) - |x - centre|^2 / (2 rho^2), like ``centre``."""

    def approach(self, centre: Tensor, rho: Tensor | float) -> Tensor:
        """The mode where ln p(y | x) is nearly quadratic within ``rho`` of the centre. Photons are not: with few of them, the
        mode repeated at a wide ``rho`` belongs to a likelihood smoothed over that width and is biased. For them it is the mode
        of the Gaussian likelihood with the exact slope at the centre (Fisher scoring)."""
        return self.mode(centre, rho)

    def mean(self, centre: Tensor, rho: Tensor | float) -> Tensor:
        """E[x] under p(y | x) N(x; centre, rho^2 I) / Z, like ``centre``, where it is to be had in closed form; else the mode."""
        return self.mode(centre, rho)

    @abstractmethod
    def draw(self, centre: Tensor, rho: Tensor | float, noise: RowGenerators, unbiased: bool = False) -> Tensor:
        """x ~ p(y | x) N(x; centre, rho^2 I) / Z, like ``centre``.

        ``unbiased`` is for split Gibbs sampling, where x and z = x + rho w share the measurement: what z adds to the noise,
        rho^2 A A^T, is taken off the noise of y given z, down to a floor, so that y given x has the noise that it has. The
        law of the pair then has the posterior itself as its margin wherever rho^2 s^2 <= noise^2, s the singular values of A.
        """

    def noise_per_pixel(self) -> float:
        """The deviation, in the units of pixels, of Gaussian noise on z that would tell as little as this channel does where
        it tells most (at the edges of cells), over the largest singular value of A: in the direction that is seen best."""
        channel = self.measurement.channel
        curvature = 1 / self.noise if channel is None else channel.sharpest(self.noise)
        return 1 / math.sqrt(curvature * self.term.gain())

    def _left(self, variance: Tensor) -> Tensor:
        """What is left of the noise variance beside a variance that the coupling adds."""
        return (self.noise - variance).clamp_min(_LEAST_LEFT * self.noise)

    def _squared(self, rho: Tensor | float, batch: int) -> Tensor:
        """rho^2, (batch,), float64."""
        rho = torch.as_tensor(rho, dtype=torch.float64, device=self.measurement.device)
        return rho.square().reshape(-1).expand(batch)

    def _white(self, centre: Tensor, rho: Tensor | float, noise: RowGenerators) -> Tensor:
        """A draw from N(centre, rho^2 I)."""
        deviation = self._squared(rho, len(centre)).sqrt().to(centre.dtype).reshape(-1, 1, 1, 1)
        return centre + deviation * noise.normal(centre.shape[1:], centre.device).to(centre.dtype)


class _Separable(Consistency):
    """A A^T diagonal: what is seen changes x along the rows alone, and each row by itself."""

    def __init__(self, measurement: Measurement) -> None:
        super().__init__(measurement)
        self.norms = self.operator.row_norms_squared().double().clamp_min(1e-24)

    def mode(self, centre: Tensor, rho: Tensor | float) -> Tensor:
        z = self.measurement.predict(centre).double()
        variance = self._squared(rho, len(z))[:, None] * self.norms
        if self.measurement.values is not None:
            new = z + variance / (variance + self.noise) * (self.measurement.values.double() - z)
        else:
            assert self.measurement.channel is not None
            new = self.measurement.channel.mode(z, variance.expand_as(z), self.noise)
        return self._moved(centre, new - z)

    def approach(self, centre: Tensor, rho: Tensor | float) -> Tensor:
        z = self.measurement.predict(centre).double()
        channel = self.measurement.channel
        known = None if channel is None else channel.scored(z)
        if known is None:
            return self.mode(centre, rho)
        values, noise = known
        variance = self._squared(rho, len(z))[:, None] * self.norms
        return self._moved(centre, variance / (variance + noise + self.noise) * (values - z))

    def mean(self, centre: Tensor, rho: Tensor | float) -> Tensor:
        if self.measurement.channel is None:
            return self.mode(centre, rho)
        z = self.measurement.predict(centre).double()
        variance = (self._squared(rho, len(z))[:, None] * self.norms).expand_as(z)
        return self._moved(centre, variance * self.measurement.channel.moments(z, variance + self.noise).score)

    def draw(self, centre: Tensor, rho: Tensor | float, noise: RowGenerators, unbiased: bool = False) -> Tensor:
        z = self.measurement.predict(centre).double()
        variance = (self._squared(rho, len(z))[:, None] * self.norms).expand_as(z)
        left = self._left(variance) if unbiased else torch.full_like(variance, self.noise)
        if self.measurement.values is not None:
            share = variance / (variance + left)
            white = noise.normal(z.shape[1:], z.device).double()
            new = z + share * (self.measurement.values.double() - z) + (share * left).sqrt() * white
        else:
            assert self.measurement.channel is not None
            # one number for all rows: exact where they have one norm
            new = draw_conditional(self.measurement.channel, z, variance, float(left.min()), noise)
        free = self._white(centre, rho, noise)
        return self._moved(free, new - self.measurement.predict(free).double())

    def _moved(self, x: Tensor, change: Tensor) -> Tensor:
        return x + self.operator.adjoint((change / self.norms).to(x.dtype))


class _Gaussian(Consistency):
    """Real values: the conditional is Gaussian; a draw is the mode of perturbed data about a perturbed centre."""

    def __init__(self, measurement: Measurement) -> None:
        super().__init__(measurement)
        self.solver = GramSolver(self.operator)

    def _towards(self, centre: Tensor, target: Tensor, squared: Tensor, noise: Tensor | float) -> Tensor:
        """argmin of |target - A x|^2 / (2 noise) + |x - centre|^2 / (2 squared)."""
        noise = torch.as_tensor(noise, dtype=torch.float64, device=target.device).expand(len(target))
        # measured in units of the noise, so that neither very small nor very large levels leave single precision
        w = self.solver.solve(target - self.measurement.predict(centre).double(), noise, squared)
        return centre + self.operator.adjoint((squared[:, None] * w).to(centre.dtype))

    def mode(self, centre: Tensor, rho: Tensor | float) -> Tensor:
        assert self.measurement.values is not None
        return self._towards(centre, self.measurement.values.double(), self._squared(rho, len(centre)), self.noise)

    def draw(self, centre: Tensor, rho: Tensor | float, noise: RowGenerators, unbiased: bool = False) -> Tensor:
        assert self.measurement.values is not None
        values = self.measurement.values.double()
        basis = self.solver.basis
        if not unbiased or basis is None:  # without its eigenbasis, noise that is not white can't be drawn
            return self._draw_given(centre, values, rho, noise)
        squared = self._squared(rho, len(centre))
        assert self.solver.values is not None
        left = self._left(squared[:, None] * self.solver.values)
        free = self._white(centre, rho, noise)
        coloured = basis.synthesise(left.sqrt() * noise.normal(values.shape[1:], values.device).double())
        w = self.solver.solve(values + coloured - self.measurement.predict(free).double(), left, squared)
        return free + self.operator.adjoint((squared[:, None] * w).to(centre.dtype))

    def _draw_given(
        self, centre: Tensor, values: Tensor, rho: Tensor | float, noise: RowGenerators, variance: float | None = None
    ) -> Tensor:
        variance = self.noise if variance is None else variance
        free = self._white(centre, rho, noise)
        target = values + variance**0.5 * noise.normal(values.shape[1:], values.device).double()
        return self._towards(free, target, self._squared(rho, len(centre)), variance)


class _Coupled(_Gaussian):
    """Cells of a linear A whose rows depend on one another."""

    def __init__(self, measurement: Measurement) -> None:
        super().__init__(measurement)
        self._split: tuple[Tensor, Tensor] | None = None
        self._last: Tensor | None = None

    def mode(self, centre: Tensor, rho: Tensor | float) -> Tensor:
        channel = self.measurement.channel
        assert channel is not None
        squared = self._squared(rho, len(centre))
        b = self.measurement.predict(centre).double()
        # the weight of the splitting: how uncertain a z is that is known by its cell and by the centre
        norms = self.operator.row_norms_squared()
        spread = squared[:, None] * norms.clamp_min(_LEAST_NORM * norms.mean())  # a ray may miss the picture
        ratio = channel.moments(b, spread.expand_as(b) + self.noise).ratio
        width = (spread * ratio).mean(1).clamp_min(self.noise)
        if self._split is None or self._split[0].shape != b.shape:
            self._split = b, torch.zeros_like(b)
        z, dual = self._split
        x, done = centre, torch.zeros(len(b), dtype=torch.bool, device=b.device)
        for _ in range(_INNER_STEPS):
            nearer = self._towards(centre, z - dual, squared, width)
            seen = self.measurement.predict(nearer).double()
            new = channel.mode(seen + dual, width[:, None].expand_as(b), self.noise)
            # an image that has settled stays, so that it ends alike alone and among others
            x = torch.where(done.reshape(-1, 1, 1, 1), x, nearer)
            dual = torch.where(done[:, None], dual, dual + seen - new)
            settled = (new - z).square().mean(1) < _SETTLED**2 * width
            z = torch.where(done[:, None], z, new)
            done = done | settled
            if bool(done.all()):
                break
        self._split = z, dual
        return x

    def approach(self, centre: Tensor, rho: Tensor | float) -> Tensor:
        channel = self.measurement.channel
        assert channel is not None
        z = self.measurement.predict(centre).double()
        known = channel.scored(z)
        if known is None:
            return self.mode(centre, rho)
        values, noise = known
        squared = self._squared(rho, len(centre))
        w = self.solver.solve_weighted(values - z, noise + self.noise, squared)
        return centre + self.operator.adjoint((squared[:, None] * w).to(centre.dtype))

    def draw(self, centre: Tensor, rho: Tensor | float, noise: RowGenerators, unbiased: bool = False) -> Tensor:
        channel = self.measurement.channel
        assert channel is not None
        if self._last is None or self._last.shape != centre.shape:
            self._last = self._white(centre, rho, noise)
        x = self._last
        uncertain = float(self._squared(rho, len(centre)).max()) * self.solver.mean_gain()
        left = float(self._left(torch.tensor(uncertain, dtype=torch.float64))) if unbiased else self.noise
        variance = max(left, _SOFTENING * uncertain)
        for _ in range(_SWEEPS):
            z = self.measurement.predict(x).double()
            t = draw_conditional(channel, z, torch.full_like(z, variance), 0.0, noise)
            x = self._draw_given(centre, t, rho, noise, variance)
        self._last = x
        return x


class _NonLinear(Consistency):
    """Only values and gradients of -ln p(y | x) are to be had."""

    def mode(self, centre: Tensor, rho: Tensor | float) -> Tensor:
        squared = self._squared(rho, len(centre)).to(centre.dtype).reshape(-1, 1, 1, 1)
        step = 1 / (self.term.gain() / self.term.variance + 1 / squared)
        x, ahead, pace = centre, centre, 1.0
        for _ in range(_GRADIENT_STEPS):
            new = ahead - step * (self.term.gradient(ahead) + (ahead - centre) / squared)
            following = 0.5 * (1 + (1 + 4 * pace**2) ** 0.5)
            ahead = new + (pace - 1) / following * (new - x)
            x, pace = new, following
        return x

    def draw(self, centre: Tensor, rho: Tensor | float, noise: RowGenerators, unbiased: bool = False) -> Tensor:
        from engine.likelihoods.mala import Mala

        chain = Mala(self.term, centre, self._squared(rho, len(centre)))
        return chain.run(self.mode(centre, rho), steps=_GRADIENT_STEPS, noise=noise)
