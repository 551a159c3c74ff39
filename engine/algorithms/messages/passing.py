"""The rounds of turbo message passing: three modules that exchange Gaussian messages with one variance per image.

    x  --  z = A x  --  y = Q(z + n)

Module names below: *output* (cells or values seen of z), *linear* (z = A x), *denoiser* (the prior). A message is
extrinsic: what a module believes minus what it was told. Notation: gamma = 1 / variance; A A^T = E diag(lambda) E^T.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor

from engine.algorithms.messages import coloured
from engine.algorithms.messages.contrast import infer_contrast, pivot_of
from engine.algorithms.messages.spectrum import analyse, spectrum_of, synthesise
from engine.errors import EngineError
from engine.images.extent import extent, lost_extent
from engine.priors.base import DenoiserPrior
from engine.seeds import RowGenerators
from engine.sensing.measurement import Measurement

__all__ = ["MessagePassing", "RoundState"]

_LEAST = 1e-12
_SHRINK = 1 - 1e-6
FIRST_CONTRAST, CONTRAST_EVERY = 4, 3
"""Rounds in which the contrast is inferred: before the first, little is known of what it multiplies."""
LEAST_SHARE = 0.2
"""Smallest error of the denoiser that is believed, as a share of the typical one."""
WIDEST_MESSAGE = 10.0
"""Largest variance of the denoiser's message, in variances of the prior: what it adds to a message at which it changes next to
nothing is the difference of two like numbers."""
REACH = 5.0
"""Deviations, beyond black and white, up to which the pixels of a message are believed."""
BEYOND = 0.5
"""How far beyond black and white what is denoised may go: a network leaves a wrong brightness of its message where it is."""
RESTLESS, CALMER, LEAST_DAMPING = 1.5, 0.6, 0.1
"""Once a message moves by this factor more than in the round before, the share of new messages is multiplied by the second
number, down to the third."""
CALM, PROBE_EVERY = 0.1, 3
"""Once a message moves by less than this share of its noise, its denoiser is probed in every so many rounds; in between its
error follows the card's. While messages still move, what was found in one round does not hold in the next."""


@dataclass(frozen=True)
class RoundState:
    """After a round: the denoiser saw ``message`` (images, c, h, w) = x + N(0, ``noise`` I) and said ``denoised`` with
    mean squared error ``error``. For watching: the variances (images,) of the other messages, the pseudo-measurement
    ``measurement_mean`` (images, rows) of z, and ``change`` (images,), how far the message moved in deviations of it."""

    message: Tensor
    noise: Tensor
    denoised: Tensor
    error: Tensor
    prior_variance: Tensor
    measurement_variance: Tensor
    measurement_mean: Tensor
    change: Tensor
    contrast: Tensor
    """Standard deviation of the logarithm of the contrast (images,), 0 where it is known."""

    @property
    def total_error(self) -> Tensor:
        """``error`` and what an unknown contrast adds to it."""
        return self.error + self.contrast**2 * self.signal

    signal: Tensor = field(default_factory=lambda: torch.zeros(()))
    """Mean square of the denoised deviation from the pivot of the contrast (images,)."""


def settle(before: RoundState | None, now: RoundState, share: float) -> RoundState:
    """The round that counts, image by image: an image whose message moved by less than ``share`` of its noise stays as it was
    then, so that it comes out alike alone and among others."""
    if before is None:
        return now
    done = before.change < share
    if not bool(done.any()):
        return now

    def pick(old: Tensor, new: Tensor) -> Tensor:
        return torch.where(done.reshape(-1, *[1] * (new.ndim - 1)), old, new)

    return RoundState(**{f.name: pick(getattr(before, f.name), getattr(now, f.name)) for f in fields(RoundState)})


class MessagePassing:
    """Rounds of expectation propagation on a batch of images, each with variances of its own."""

    def __init__(
        self, measurement: Measurement, prior: DenoiserPrior, generators: RowGenerators, probes: int, damping: float
    ) -> None:
        self.spectrum = spectrum_of(measurement.operator)
        basis = self.spectrum.basis if self.spectrum else measurement.operator.gram_eigenbasis()
        if basis is None:
            raise EngineError("Turbo needs an operator with a known eigenbasis of A A^T; take guided instead.")
        self.measurement, self.prior, self.basis = measurement, prior, basis
        self.generators, self.probes = generators, probes
        self.eigenvalues = basis.values.double()
        self.width = float(self.spectrum.noise_shape.mean()) if self.spectrum else 1.0
        """Noise per pixel of the message to the denoiser, in variances of u (:mod:`engine.algorithms.messages.spectrum`)."""
        self.calls_of_one = coloured.calls_for(self.spectrum.noise_shape) if self.spectrum else 1
        """Network calls that denoise a message once."""
        images, device = measurement.images, basis.values.device
        mean = prior.mean_image()
        shape = measurement.operator.image_shape
        start = torch.full(shape, prior.mean) if mean is None else mean
        self.x_e = start.to(device).expand(images, *shape).float()
        self.variance = float(prior.variance) * (self.spectrum.picture_width if self.spectrum else 1.0)
        """Of the pixels of u, before anything was measured."""
        self.v_e = torch.full((images,), self.variance, dtype=torch.float64, device=device)
        rows = measurement.operator.rows
        if measurement.values is not None:
            self.z_t = measurement.values.double()
            precision = 1 / max(measurement.noise**2, self._noise_floor())
            self.gamma_t = torch.full((images,), precision, dtype=torch.float64, device=device)
        else:
            self.z_t = torch.zeros((images, rows), dtype=torch.float64, device=device)
            self.gamma_t = torch.zeros(images, dtype=torch.float64, device=device)
        self._share = torch.full((images,), damping, dtype=torch.float64, device=device)
        """Share of the new messages in each update (images,)."""
        self._least_share = min(damping, LEAST_DAMPING)
        self._least_precision = max(_LEAST, prior.sigma_max**-2)
        self._change = torch.full((images,), math.inf, dtype=torch.float64, device=device)
        self.pivot = pivot_of(measurement)
        """The grey level about which an unknown contrast multiplies pictures, and what is measured of it."""
        flat = torch.full((1, *shape), self.pivot, device=device)
        self.anchor = measurement.predict(flat)[0].double() * float(self.pivot != measurement.offset)
        self.started = False
        self._white: Tensor | None = None
        self.rounds = self.calls = 0
        """Rounds so far, and the network calls of the last one."""
        self.contrast = torch.zeros(images, dtype=torch.float64, device=device)
        self._last: Tensor | None = None
        self._answer: tuple[Tensor, Tensor] | None = None
        """The denoiser's last answer and its mean squared error (images,)."""
        self._error_width = torch.ones(images, dtype=torch.float64, device=device)
        self._calm = torch.zeros(images, dtype=torch.bool, device=device)
        self._relative = torch.ones(images, dtype=torch.float64, device=device)
        """Error of the denoiser on each picture, as a share of the typical one at its level, when it was last probed."""

    def set_noise(self, noise: float) -> None:
        """Goes on with another noise level of the measurement."""
        self.measurement = replace(self.measurement, noise=noise)
        if self.measurement.values is not None:
            self.gamma_t = torch.full_like(self.gamma_t, 1 / max(noise**2, self._noise_floor()))

    def _noise_floor(self) -> float:
        """Noiseless linear data is treated as 60 dB, so that every precision stays finite."""
        return 1e-6 * float(self.eigenvalues.mean()) * self.variance

    def round(self) -> RoundState:
        """One sweep: linear to output, output to linear, linear to denoiser, denoiser to linear."""
        self.rounds += 1
        predicted = self.measurement.predict(self.x_e).double()
        due = self.rounds >= FIRST_CONTRAST and (self.rounds - FIRST_CONTRAST) % CONTRAST_EVERY == 0
        channel = self.measurement.channel
        if due and channel is not None and not channel.knows_scale and self.prior.contrast is not None:
            predicted = self._set_contrast(predicted)
        if self.measurement.values is None:
            self._output(predicted)
        x, v_x = self._combine(predicted)
        # extrinsic message to the denoiser, about what the denoiser said, so that no bound on the variance makes a picture large
        r, v_r = self._extrinsic(x, v_x)
        d, v_d = self._answer = self._denoise(r, v_r)
        gamma_e = (1 / v_d - 1 / v_r).clamp_min(1 / (WIDEST_MESSAGE * self.variance))
        x_e = self._within(d + _image(1 / (gamma_e * v_r)) * (d - r), 1 / gamma_e)
        share = self._share if self.started else torch.ones_like(self._share)
        self.x_e = self.x_e + _image(share).float() * (x_e - self.x_e)
        self.v_e = 1 / ((1 - share) / self.v_e + share * gamma_e)
        self.started = True
        change = self._moved(r, v_r)
        if not bool(torch.isfinite(self.x_e).all()):
            raise EngineError("Turbo message passing diverged; lower its damping, or take guided for this operator.")
        signal = (d.double() - self.pivot).square().flatten(1).mean(1)
        return RoundState(
            r,
            self.width * v_r,
            d,
            self._error_width * v_d,
            self.v_e,
            1 / self.gamma_t.clamp_min(_LEAST),
            self.z_t,
            change,
            self.contrast,
            signal,
        )

    def _extrinsic(self, x: Tensor, v_x: Tensor) -> tuple[Tensor, Tensor]:
        """What the linear module tells the denoiser: a picture and the variance (images,) of the noise on it."""
        v_r = 1 / (1 / v_x - 1 / self.v_e).clamp_min(self._least_precision)
        away = x - self.x_e
        moved = _image(v_r / v_x) * away
        if self.spectrum is not None and bool(self.spectrum.alone.any()):
            # what is known of these without the denoiser is all that is known
            moved = synthesise(torch.where(self.spectrum.alone, analyse(away.double()), analyse(moved)))
        return self._within(self.x_e + moved, v_r), v_r

    def _within(self, message: Tensor, variance: Tensor) -> Tensor:
        """A picture plus noise of that variance of u, its pixels no further from black and white than such noise takes them."""
        reach = _image(REACH * (self.width * variance).sqrt())
        return message.double().clamp(-reach, 1 + reach).float()

    def _moved(self, r: Tensor, v_r: Tensor) -> Tensor:
        """How far the message moved (images,), in deviations of it; where it moves ever more, less is taken of the next ones."""
        moved = (r - (0 if self._last is None else self._last)).double().square().flatten(1).mean(1).sqrt()
        change = moved / (self.width * v_r).sqrt()
        if self._last is not None:
            restless = change > RESTLESS * self._change
            self._share = torch.where(restless, (CALMER * self._share).clamp_min(self._least_share), self._share)
        self._last, self._change, self._calm = r, change, change < CALM
        return change

    def _set_contrast(self, predicted: Tensor) -> Tensor:
        """Multiplies all that is believed of x - pivot by the most plausible factor; returns the prediction of z."""
        assert self.prior.contrast is not None and self.measurement.channel is not None
        z_x, v_z = self.cavity(predicted)
        pivot = self.pivot
        centre, spread = self._usual_contrast()
        found = infer_contrast(self.measurement.channel, z_x, v_z, self.measurement.noise, centre, spread, self.anchor)
        self.contrast = found.spread
        factor = found.factor
        self.x_e = (pivot + _image(factor) * (self.x_e.double() - pivot)).float()
        self.v_e = self.v_e * factor**2
        self.z_t = self.anchor + factor[:, None] * (self.z_t - self.anchor)
        self.gamma_t = self.gamma_t / factor**2
        return self.anchor + factor[:, None] * (predicted - self.anchor)

    def _usual_contrast(self) -> tuple[Tensor, Tensor]:
        """What the pictures of the prior say about the factor: centre and spread (images,) of its logarithm."""
        assert self.prior.contrast is not None and self._answer is not None
        pivot = self.pivot
        denoised, error = self._answer[0], self._error_width * self._answer[1]
        if self.prior.extent is None:
            median, spread = self.prior.contrast
            now = (self.x_e.double() - pivot).square().flatten(1).mean(1).sqrt().clamp_min(1e-12)
            return math.log(median) - now.log(), torch.full_like(now, spread)
        median, spread = self.prior.extent
        deviation = denoised.double() - pivot
        lost = lost_extent(error / deviation.square().flatten(1).mean(1).clamp_min(1e-12))
        return math.log(median) - extent(deviation, pivot).log() - lost, (spread**2 + lost**2).sqrt()

    def _weights(self) -> Tensor:
        """gamma_t / (1 + v_e lambda gamma_t), (images, rows): (v_t + v_e lambda)^-1 without dividing by gamma_t."""
        return self.gamma_t[:, None] / (1 + self.v_e[:, None] * self.eigenvalues * self.gamma_t[:, None])

    def _residual(self, predicted: Tensor) -> Tensor:
        """w = (v_t I + v_e diag(lambda))^-1 E^T (z_t - A x_e), in the eigenbasis."""
        return self._weights() * self.basis.analyse(self.z_t - predicted)

    def cavity(self, predicted: Tensor) -> tuple[Tensor, Tensor]:
        """What all but the output module say about z: mean (images, rows) and variance (images, 1)."""
        prior_variance = self.v_e[:, None] * self.eigenvalues
        z_p = predicted + self.basis.synthesise(prior_variance * self._residual(predicted))
        v_zp = (prior_variance / (1 + prior_variance * self.gamma_t[:, None])).mean(1)
        gamma_z = (1 / v_zp - self.gamma_t).clamp_min(_LEAST)
        v_z = (1 / gamma_z)[:, None]
        return v_z * (z_p / v_zp[:, None] - self.z_t * self.gamma_t[:, None]), v_z

    def _output(self, predicted: Tensor) -> None:
        """Tells the output module what z is likely to be, and takes its extrinsic answer as (z_t, gamma_t)."""
        seen = self.measurement
        z_x, v_z = self.cavity(predicted)
        gamma_z = 1 / v_z[:, 0]
        assert seen.channel is not None
        total = v_z + seen.noise**2
        moments = seen.channel.moments(z_x, total)
        z_h = z_x + v_z * moments.score
        v_zh = (v_z - v_z**2 * (1 - moments.ratio) / total).mean(1)
        gamma_t = (1 / v_zh - gamma_z).clamp_min(_LEAST)
        z_t = (z_h / v_zh[:, None] - z_x * gamma_z[:, None]) / gamma_t[:, None]
        share = self._share if self.started else torch.ones_like(self._share)
        self.z_t = self.z_t + share[:, None] * (z_t - self.z_t)
        self.gamma_t = self.gamma_t + share * (gamma_t - self.gamma_t)

    def _combine(self, predicted: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior of the linear module: mean (images, c, h, w) and mean variance (images,) of x."""
        operator, v_e = self.measurement.operator, self.v_e
        w = self.basis.synthesise(self._residual(predicted))
        back = operator.adjoint(w.float())
        x = self.x_e + _image(v_e) * (back if self.spectrum is None else self.spectrum.evened(back))
        gained = (v_e[:, None] * self.eigenvalues * self._weights()).sum(1) / operator.pixels
        return x, v_e * (1 - gained).clamp_min(1e-9)

    def _denoise(self, r: Tensor, v_r: Tensor) -> tuple[Tensor, Tensor]:
        """Denoised message and its mean squared error, v_r times the divergence per pixel of the denoiser.

        The divergence is probed by finite differences along random signs, in the same batch as the message itself.
        """
        level = (self.width * v_r).sqrt().clamp(self.prior.sigma_min, self.prior.sigma_max)
        typical = self.prior.typical_error(level)
        images, shape = r.shape[0], r.shape[1:]
        signs = self.generators.signs((self.probes, *shape), r.device)  # drawn alike whether they are used or not
        known = self._calm if typical is not None and self.rounds % PROBE_EVERY else torch.zeros_like(self._calm)
        rows = 1 if bool(known.all()) else 1 + self.probes
        self.calls = rows * self.calls_of_one
        if rows == 1:
            with torch.no_grad():
                d = self._denoised(r, v_r)
            assert typical is not None
            v_d = self._relative * typical
        else:
            step = _image(0.03 * level + 1e-3).float()
            batch = torch.cat([r[:, None], r[:, None] + step[:, None] * signs], dim=1).flatten(0, 1)
            with torch.no_grad():
                out = self._denoised(batch, v_r.repeat_interleave(1 + self.probes))
            out = out.reshape(images, 1 + self.probes, *shape)
            d = out[:, 0]
            moved = (out[:, 1:] - d[:, None]).double() / step[:, None].double()
            v_d = v_r * (signs * moved).flatten(1).mean(1)
            if self.spectrum is not None:
                self._set_error_width(signs, moved, v_r, v_d)
            if typical is not None:
                v_d = torch.where(known, self._relative * typical, v_d)
        d = d.clamp(-BEYOND, 1 + BEYOND)
        v_d = self._bounded(v_d, v_r, typical)
        if typical is not None:
            self._relative = v_d / typical
        return d, v_d

    def _denoised(self, r: Tensor, v_r: Tensor) -> Tensor:
        if self.spectrum is None:
            return self.prior.denoise(r, v_r.sqrt().clamp(self.prior.sigma_min, self.prior.sigma_max).float())
        return coloured.denoise(self.prior, r, v_r, self.spectrum.noise_shape)

    def _set_error_width(self, signs: Tensor, moved: Tensor, v_r: Tensor, v_d: Tensor) -> None:
        """The error per pixel in mean squared errors of u, from the slopes in each pattern, by which noise there counts."""
        assert self.spectrum is not None
        one, noise = signs.shape[2:], self.spectrum.noise_shape
        patterns = analyse(signs.double().reshape(-1, *one)) * analyse(moved.reshape(-1, *one))
        error = v_r * (patterns * noise).reshape(len(signs), -1).mean(1)
        self._error_width = (error / v_d.clamp_min(1e-30)).clamp(float(noise.min()), float(noise.max()))

    def white_message(self, state: RoundState) -> tuple[Tensor, Tensor]:
        """Pictures (images, c, h, w) with white noise, of the level (images,), that say what the message says: what samples
        are drawn from."""
        if self.spectrum is None:
            return state.message, state.noise.sqrt()
        with torch.no_grad():
            return coloured.whiten(self.prior, state.message, state.noise / self.width, self.spectrum.noise_shape)

    def _bounded(self, v_d: Tensor, v_r: Tensor, typical: Tensor | None) -> Tensor:
        """A posterior variance lies between 0 and v_r; the bounds keep extrinsic precisions positive. Where the card tells
        the error, a much smaller one is not believed: while messages are not white yet (pictures that saturate fine
        cells) a probe may find none at all, and what is built on that falls apart."""
        least = 1e-4 * v_r if typical is None else LEAST_SHARE * typical
        return v_d.maximum(least).minimum(_SHRINK * v_r).clamp_max(self.variance)


def _image(v: Tensor) -> Tensor:
    return v.reshape(-1, 1, 1, 1)
