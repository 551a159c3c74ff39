"""From a RunSpec to a stream of iterates to a Reconstruction.

A :class:`Job` is one batch of images measured by one operator. The window and ``qcs run`` have one image in it,
``qcs evaluate`` many; nothing else differs.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import engine
from engine.algorithms import AlgorithmChoice, Draws, Iterate
from engine.algorithms.base import ESTIMATE, RESTARTS, SAMPLES
from engine.algorithms.one_by_one import one_by_one
from engine.control import Control
from engine.device import choose_device
from engine.errors import EngineError, InputError
from engine.images import fit, load_image, plain_channels
from engine.images.bundled import sample_path
from engine.priors.base import DenoiserPrior
from engine.priors.choice import PriorChoice, Shape
from engine.runs.curves import Curves
from engine.runs.estimates import refuse_beyond_memory
from engine.runs.fallbacks import fallbacks
from engine.runs.judgement import doubt
from engine.runs.judging import Judge, Verdict, worth
from engine.runs.keyframes import KeyframeRecorder
from engine.runs.posterior import RunningMoments
from engine.runs.reconstruction import Reconstruction
from engine.runs.spec import RunSpec
from engine.sensing.files import pieces_of
from engine.sensing.holding_out import FEWEST, HeldOut, hold_out
from engine.sensing.measurement import Measurement, simulate
from engine.sensing.operators import Operator
from engine.sensing.own import OwnMatrix, instrument_of

__all__ = ["Job", "environment", "load_truth", "measure", "prepare", "reconstruct"]

HELD_OUT = 0.05
"""Share of own measurements that is left out to judge by."""
LARGEST_KEPT_MATRIX = 1 << 22
"""Entries of a matrix of one's own up to which a run keeps it beside what it measured."""


def load_truth(spec: RunSpec) -> tuple[np.ndarray, tuple[str, ...]]:
    """The picture that the spec names, fitted to the prior's size, and what was done to it."""
    path = sample_path(spec.image) or Path(spec.image)
    loaded = load_image(path)
    height, width = loaded.pixels.shape[1:]
    shape = spec.shape_for((plain_channels(loaded.pixels), height, width))
    pixels, notes = fit(loaded.pixels, shape), list(loaded.notes)
    if (height, width) != shape[1:]:
        notes.append(f"cropped and resized from {width} x {height} to {shape[2]} x {shape[1]}")
    return pixels, tuple(notes)


def prepare(spec: RunSpec, pixels: np.ndarray | None = None, adviser: PriorChoice | None = None) -> Job:
    """A job for the spec's image or measurement file, in which nothing of what is measured is left open; ``pixels`` (c, h, w)
    stands in for the file (a drawing), ``adviser`` is the prior that ranges and offset follow, the spec's own by default."""
    notes: tuple[str, ...] = ()
    if spec.measurement:
        return _own(spec)
    if pixels is None:
        pixels, notes = load_truth(spec)
    refuse_beyond_memory(spec, pixels.shape)
    seen = measure(spec, torch.from_numpy(pixels)[None], adviser=adviser)
    return Job(_settled(spec, seen.operator, adviser), seen, notes=notes)


def _own(spec: RunSpec) -> Job:
    """A job for the spec's measurement file."""
    from engine.runs.blur_width import settle_blur
    from engine.runs.inferred import table
    from engine.runs.inferring import infer
    from engine.sensing.entries import assemble, pictured
    from engine.sensing.files import read_pieces

    pieces, first = settle_blur(read_pieces(spec.measurement))
    shape = pictured(pieces)
    if not spec.prior.takes(shape):
        raise InputError(
            f"The measurement is of images of shape {shape}, the prior '{spec.prior.name}' of {spec.prior.image_shape}; "
            "choose a prior of that shape or one for any size."
        )
    notes: tuple[str, ...] = ()
    facts: dict[str, Any] = {}
    spec = spec.reading(instrument_of(pieces))
    pieces, more = infer(pieces, spec.prior, spec.seed)
    found = (*first, *more)
    measurement = assemble(pieces)
    if found:
        notes = (table(found),)
        facts["inferred"] = [each.as_dict() for each in found]
    kept = {k: v for k, v in pieces.items() if k != "A" or v.size <= LARGEST_KEPT_MATRIX}
    job = Job(spec, measurement, notes=notes, measured=kept)
    job.facts |= facts
    return job


def measure(
    spec: RunSpec, truth: torch.Tensor, indices: Sequence[int] = (0,), adviser: PriorChoice | None = None
) -> Measurement:
    """Simulates the spec's measurement of images (n, c, h, w) with the absolute numbers ``indices``. What the spec leaves open is
    settled by ``adviser``, or by its own prior."""
    operator = _build(spec, tuple(truth.shape[1:]))  # type: ignore[arg-type]
    spec = _settled(spec, operator, adviser)
    return simulate(truth, operator, spec.quantizer, spec.noise, spec.matrix_seed, indices, spec.measured_offset)


def _settled(spec: RunSpec, operator: Operator, adviser: PriorChoice | None = None) -> RunSpec:
    return spec.settled(operator.image_shape, adviser, built=lambda: operator)


def _build(spec: RunSpec, shape: Shape) -> Operator:
    try:
        return spec.operator.settled(shape).build(shape, spec.matrix_seed)
    except MemoryError:
        raise InputError(
            f"The operator '{spec.operator.name}' does not fit in memory; ask for fewer measurements or a smaller image."
        ) from None


def _refuse_overflow(iterate: Iterate) -> None:
    """Nothing that is not a number reaches a window or a file, whichever algorithm it comes from."""
    seen = (iterate.x, iterate.denoised, iterate.mean)
    if not all(bool(torch.isfinite(t).all()) for t in seen if t is not None):
        raise EngineError(
            f"The picture is no longer finite at step {iterate.step} of {iterate.steps}: the numbers grew beyond single "
            "precision; check the noise, or give matrix, measurements and noise in other units, near 1."
        )


class Job:
    """One run. Iterate over :meth:`stream`, then take :meth:`reconstructions`."""

    def __init__(
        self, spec: RunSpec, measurement: Measurement, indices: Sequence[int] = (0,), notes: tuple[str, ...] = (),
        measured: dict[str, np.ndarray] | None = None,
    ) -> None:  # fmt: skip
        # what is left open is decided by now, and the result says how
        self.spec = _settled(spec, measurement.operator).replace(algorithm=spec.algorithm)
        self.indices, self.notes = list(indices), notes
        self.device = choose_device(spec.device)
        self.facts = environment(self.device)
        self.measurement = measurement
        self._candidates = [self.spec.algorithm]
        if spec.reconstructed.algorithm is None:
            self._candidates += fallbacks(self.spec)
        self._tried: list[list[Reconstruction]] = []
        self.held = self._held_out()
        self.last: Iterate | None = None
        self.finished_early = False
        self.seconds = 0.0
        self.own_mean_after: tuple[float, int] | None = None
        """Seconds and network calls after which a method that draws samples later had its posterior mean."""
        self._curves, self.keyframes = Curves(measurement, self.spec.samples), KeyframeRecorder()
        self._judge = Judge(measurement, self.held, self.spec.seed)
        self._measured, self._trivial = measured, np.array(0.5)

    @property
    def history(self) -> dict[str, list]:
        """The curves so far, by name."""
        return self._curves.columns

    def _held_out(self) -> HeldOut | None:
        """What is left out of the reconstruction to judge it by, where that is asked for and worth it."""
        share, seen = self.spec.held_out, self.measurement
        if share is None:  # what was simulated here with a recipe has no instrument that could be wrong
            share = HELD_OUT if isinstance(self.spec.instrument.operator, OwnMatrix) else 0.0
        if not share or seen.operator.rows < FEWEST or not self.spec.algorithm.leaves_out:
            return None
        return hold_out(seen, share, self.spec.seed, self.indices)

    def stream(self, control: Control | None = None) -> Generator[Iterate, None, None]:
        """The iterates, one by one. Time spent paused or in the consumer does not count into ``seconds``.

        Where the algorithm was left to the program and its result cannot be right, as far as is seen without the truth, the next
        one that suits goes on; what was found before stays. Raises EngineError where nothing was found, Cancelled when the
        control cancels.
        """
        control = control or Control()
        for number, algorithm in enumerate(self._candidates):
            more = number + 1 < len(self._candidates)
            if number:
                self._begin(algorithm)
            try:
                yield from self._attempt(control)
            except EngineError as error:
                if not more and not self._tried:
                    raise
                self.last = None
                self.notes = (*self.notes, f"{algorithm.label} did not get there: {error}")
                continue
            if self.finished_early or not more:
                return
            results = self._results()
            if not any(r.unseen_failure for r in results):
                return
            self._tried.append(results)
            self.notes = (
                *self.notes, f"{algorithm.label} was tried and given up: {results[0].unseen_failure}",
            )  # fmt: skip

    def _begin(self, algorithm: AlgorithmChoice) -> None:
        """Another method from the start."""
        self.spec = self.spec.replace(algorithm=algorithm)
        self.last, self.keyframes = None, KeyframeRecorder()
        self._curves = Curves(self.measurement, self.spec.samples)

    def _attempt(self, control: Control) -> Generator[Iterate, None, None]:
        spec = self.spec
        mark = time.perf_counter()
        try:
            prior = spec.prior.load(self.device, self.measurement.operator.image_shape)
            if isinstance(prior, DenoiserPrior):
                self.facts["precision"] = prior.precision
            centre = prior.mean_image()
            self._trivial = np.array(prior.mean) if centre is None else centre.float().cpu().numpy()
            samples = range(spec.first_sample, spec.first_sample + spec.samples)
            draws = Draws(spec.seed, self.indices, samples)
            alone = isinstance(prior, DenoiserPrior) and prior.precision != "float32"
            compute = partial(one_by_one, spec.algorithm) if alone else spec.algorithm.iterates
            fitted = self.measurement if self.held is None else self.held.fitted
            iterates = compute(fitted.to(self.device), prior, draws)
            for iterate in iterates:
                _refuse_overflow(iterate)
                self.last = iterate
                self._curves.add(iterate)
                if self.measurement.images == 1:
                    self.keyframes.add(iterate, spec.samples)
                self.seconds += time.perf_counter() - mark
                if iterate.per_image and iterate.mean is not None:
                    self.own_mean_after = self.seconds, iterate.network_calls
                yield iterate
                keep_going = control.proceed()
                mark = time.perf_counter()
                if not keep_going and not iterate.is_last:
                    self.finished_early = True
                    return
        except (MemoryError, torch.OutOfMemoryError):
            raise EngineError(
                f"Out of memory with {spec.samples} samples on {self.device}; lower the number of samples or the image size."
            ) from None
        except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
            raise EngineError(
                "A matrix of this run could not be decomposed: its numbers grew beyond what can be computed with; take a smaller "
                "step or penalty, or give matrix, measurements and noise in other units, near 1."
            ) from None
        except RuntimeError as error:
            if isinstance(error, EngineError):
                raise
            if "memory" in str(error).lower():
                raise EngineError(
                    f"Out of memory on {self.device}; lower the number of samples or the image size."
                ) from error
            raise EngineError(f"The engine failed: {str(error).splitlines()[0][:200]}") from error

    def reconstructions(self) -> list[Reconstruction]:
        """One per image, from the last iterate, or from the method tried before that predicts measurements better; raises
        EngineError if there was none."""
        if not self._tried:
            return self._results()
        last = [] if self.last is None else [self._results()]
        return [self._best(of_image) for of_image in zip(*last, *reversed(self._tried), strict=True)]

    def _best(self, results: tuple[Reconstruction, ...]) -> Reconstruction:
        best = max(results, key=worth)
        happened = [note for note in self.notes if note not in best.notes]
        if not happened:
            return best
        chosen = f"Of all methods tried, what {best.spec.algorithm.label} found predicts the measurements best, and is shown."
        return replace(best, notes=(*happened, chosen, *best.notes))

    def _results(self) -> list[Reconstruction]:
        last = self.last
        if last is None:
            raise EngineError("The run ended before its first step; start it again.")
        images, shape = self.measurement.images, self.measurement.operator.image_shape
        if self.spec.algorithm.rows_are == ESTIMATE:
            samples = last.x.new_zeros((0, *shape))
        elif last.is_last:
            samples = last.x
        elif last.per_image:
            samples = last.x.new_zeros((0, *shape))
        else:
            samples = last.denoised if last.denoised is not None else last.x
        of_images = samples.reshape(images, -1, *shape).float().cpu().numpy()
        return [self._one(i, of_images[i], last) for i in range(images)]

    def _one(self, index: int, samples: np.ndarray, last: Iterate) -> Reconstruction:
        moments = RunningMoments()
        moments.add(samples)
        own = last.mean is not None
        mean = last.mean[index].float().cpu().numpy() if last.mean is not None else moments.mean
        assert mean is not None
        rows = self.spec.algorithm.rows_are
        if rows == RESTARTS and last.loss is not None:
            mean, own = samples[int(last.loss.reshape(self.measurement.images, -1)[index].argmin())], True
        one, images = self.measurement.select([index]), self.measurement.images
        truth = None if one.truth is None else one.truth[0].numpy()
        true = None if one.truth is None else one.consistency(one.truth)
        predicted = None if last.predicted_rmse is None else float(last.predicted_rmse[index])
        notes = (*self.notes, last.note) if last.note else self.notes
        known = self.spec.algorithm.known_error
        if known and len(samples) > 1:
            notes = (*notes, f"Where the posterior is known exactly, {known.words} with {self.spec.algorithm.name}.")
        shown = samples if rows == SAMPLES else samples[:0]
        consistency, failed, found, unseen = self._verdict(index, mean, shown, predicted)
        notes = (*notes, *filter(None, (doubt(truth, consistency), failed)))
        measured = self._measured
        if measured is None:
            seed = self.spec.matrix_seed
            measured = pieces_of(one, self.spec.operator, seed, LARGEST_KEPT_MATRIX) if images == 1 else {}
        return Reconstruction(
            spec=self.spec, samples=samples, mean=mean, std=moments.std if rows == SAMPLES else None, own_mean=own, truth=truth,
            consistency=consistency, consistency_truth=None if true is None else float(true[0]),
            predicted_rmse=predicted, network_calls=last.network_calls, seconds=self.seconds / self.measurement.images,
            status="finished early" if self.finished_early else "done", history=self.history, facts=self.facts,
            notes=notes, failed=failed, score=found, unseen_failure=unseen,
            measured=measured, keyframes=tuple(self.keyframes.frames) if images == 1 else (),
        )  # fmt: skip

    def _verdict(self, index: int, mean: np.ndarray, samples: np.ndarray, predicted: float | None) -> Verdict:
        return self._judge.verdict(index, self.spec.algorithm, mean, self._trivial, samples, predicted)

    def added_to(self, earlier: Reconstruction) -> Reconstruction:
        """``earlier``, a run of the same measurement, with this one's samples added, and judged anew."""
        merged = earlier.with_more(self.reconstructions()[0])
        samples = merged.samples if merged.rows_are == SAMPLES else merged.samples[:0]
        consistency, failed, found, unseen = self._verdict(0, merged.mean, samples, merged.predicted_rmse)
        outdated = {earlier.failed, doubt(earlier.truth, earlier.consistency)}
        notes = [note for note in merged.notes if note not in outdated]
        notes += filter(None, (doubt(merged.truth, consistency), failed))
        return replace(
            merged, consistency=consistency, failed=failed, score=found, unseen_failure=unseen, notes=tuple(notes)
        )


def environment(device: str) -> dict:
    """What a result depends on beside its recipe."""
    return {
        "versions": {
            "qcs-studio": engine.__version__, "torch": torch.__version__, "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "device": device, "threads": torch.get_num_threads(), "cores": os.cpu_count(),
    }  # fmt: skip


def reconstruct(spec: RunSpec, pixels: np.ndarray | None = None, control: Control | None = None) -> Reconstruction:
    """The whole way in one call, for scripts and notebooks."""
    job = prepare(spec, pixels)
    for _ in job.stream(control):
        pass
    return job.reconstructions()[0]
