"""The curves of a run: what each kept step said of itself, beside what the truth and the measurements say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from engine.algorithms import Iterate
    from engine.sensing.measurement import Measurement

__all__ = ["Curves"]

POINTS = 400


class Curves:
    """``columns`` by name, all as long as ``step``; a row without a value has None there."""

    def __init__(self, measurement: Measurement, samples: int) -> None:
        self.measurement, self.samples = measurement, samples
        self.columns: dict[str, list] = {"step": []}

    def add(self, iterate: Iterate) -> None:
        """Keeps a row of an iterate, thinned to a few hundred."""
        if iterate.step % max(1, iterate.steps // POINTS) and not iterate.is_last:
            return
        row = dict(iterate.statistics)
        truth, estimate = self.measurement.truth, iterate.denoised if iterate.denoised is not None else iterate.x
        if truth is not None:
            known = truth if iterate.per_image else truth.repeat_interleave(self.samples, 0)
            errors = (estimate.cpu().clamp(0, 1) - known).square().flatten(1).mean(1)
            row["psnr"] = float((-10 * errors.clamp_min(1e-10).log10()).mean())
            mean = iterate.mean if iterate.mean is not None else estimate.unflatten(0, (len(truth), -1)).mean(1)
            actual = (mean.cpu().clamp(0, 1) - truth).square().flatten(1).mean(1).sqrt()
            row["psnr_mean"] = float((-20 * actual.clamp_min(1e-5).log10()).mean())
            if iterate.predicted_rmse is not None:
                row["actual_rmse"] = float(actual.mean())
        inside = self._consistency(iterate, estimate)
        if inside is not None:
            row["consistency"] = inside
        self.columns["step"].append(iterate.step)
        for key in (self.columns.keys() | row.keys()) - {"step"}:
            column = self.columns.setdefault(key, [None] * (len(self.columns["step"]) - 1))
            column.append(round(row[key], 6) if key in row else None)

    def _consistency(self, iterate: Iterate, estimate: Tensor) -> float | None:
        seen = self.measurement if iterate.per_image else self.measurement.for_rows(self.samples)
        values = seen.consistency(estimate.cpu().float())
        return None if values is None else float(values.mean())
