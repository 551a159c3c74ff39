"""Which algorithm suits operator, quantizer and prior, and why: what the window chooses until the user does."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from engine.algorithms import ALGORITHMS
from engine.algorithms.messages.turbo import Turbo
from engine.algorithms.sparse.convex_concave import ConvexConcave
from engine.algorithms.splitting.plug_and_play import PlugAndPlay
from engine.errors import InputError
from engine.sensing.operators.dense_choice import DenseChoice
from engine.sensing.operators.matrix_file import MatrixFile
from engine.sensing.operators.pixels import Inpainting

if TYPE_CHECKING:
    from engine.priors.choice import PriorChoice
    from engine.sensing.operators import OperatorChoice
    from engine.sensing.quantizers import QuantizerChoice

__all__ = ["TABLE", "recommend"]

TABLE = Path(str(files("resources"))) / "advice.json"
"""What was measured, by ``qcs benchmark --what advice``: for every operator, quantizer and kind of picture, the mean PSNR of each
candidate and the best."""

FILLING_FIRST, FILLING_FIRST_OF_CELLS = 0.15, 0.07
"""Noise levels at which plug-and-play begins to fill pixels of photographs in."""
AS_GOOD = 0.5
"""Decibels by which message passing has to be better where it may not settle."""


def recommend(operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> tuple[str, str]:
    """The written form of the algorithm to take and the reason, in one clause; InputError for a kind of prior that no
    algorithm takes."""
    if prior.kind not in _BY_KIND:
        raise InputError(f"No algorithm takes the prior '{prior.name}' yet; choose another prior.")
    return _BY_KIND[prior.kind](operator, quantizer, prior)


@lru_cache(maxsize=1)
def _table() -> list[dict]:
    try:
        return json.loads(TABLE.read_text(encoding="utf-8"))["rows"]
    except (OSError, ValueError, KeyError):
        return []


def _measured(operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> tuple[str, str] | None:
    """What won where this was measured, and that it did; None where it was not or where the winner does not run here."""
    bits = quantizer.bits_per_measurement
    seen = (
        "none"
        if bits is None
        else "dithered"
        if quantizer.name == "dithered"
        else "one-bit"
        if bits <= 1
        else "uniform"
    )
    # photographs go with any contrast, which signs do not tell; digits and garments go with one
    pictures = "natural" if prior.any_size or prior.facts.get("contrast") else "mnist"
    fits = [
        row for row in _table()
        if (row["quantizer"], row["prior"]) == (seen, pictures) and _describes(row["operator"], operator)
    ]  # fmt: skip
    if not fits:
        return None
    row = max(fits, key=lambda row: len(row["operator"].split()))
    best = row["best"]
    if best == Turbo.name and Turbo().warning(operator, quantizer, prior) is not None:
        # message passing that settled on those test pictures need not settle on others: where no pixels are mixed, another method
        # that is as good goes before
        others = {n: v for n, v in row["psnr"].items() if n != best and v > row["psnr"][best] - AS_GOOD}
        best = max(others, key=lambda name: others[name], default=best)
    if ALGORITHMS.parse(best).refusal(operator, quantizer, prior) is not None:
        return None
    others = {name: value for name, value in row["psnr"].items() if name != best}
    told = f"it did {'best' if best == row['best'] else 'as well as the best'} on test pictures here, {row['psnr'][best]:.1f} dB"
    if others:
        second = max(others, key=lambda name: others[name])
        told += f" ({second}: {others[second]:.1f} dB)"
    return best, told


def _describes(written: str, operator: OperatorChoice) -> bool:
    name, *settings = written.split()
    if name != operator.name:
        return False
    wanted = dict(word.split("=", 1) for word in settings)
    return all(str(getattr(operator, key)).lower() == value for key, value in wanted.items())


def _for_sparsity(operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> tuple[str, str]:
    algorithm = ConvexConcave()
    # pushing grey to black and white goes wrong where rows see neighbours alone (a two-valued digit: blurred 15.4 dB where the
    # convex problem has 22.1, masked 14.3 and 17.0); through random rows and scans it is exact
    if algorithm.unsuited(operator, quantizer, prior) is None and not operator.sees_neighbours:
        return algorithm.name, "it pushes grey pixels to black or white, which few or limited angles do not tell apart"
    return "lasso", "a convex problem with one solution, for any cells and any linear operator"


def _for_denoiser(operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> tuple[str, str]:
    measured = _measured(operator, quantizer, prior)
    if measured is not None:
        return _begun_low(measured, operator, quantizer, prior)
    if _coarse_light(operator, quantizer):
        return (
            "split-gibbs",
            "the brightness takes most of the cells' range here, and its draws are exact in what is seen",
        )
    refused = Turbo().refusal(operator, quantizer, prior)
    if refused is None and operator.random_like:
        return "turbo", "the matrix mixes all pixels at random, where message passing is near-optimal and fast"
    if operator.name == "matrix" and operator.has_eigenbasis and not (operator.random_like or operator.orthogonal_rows):
        return (
            "split-gibbs",
            "this matrix does not mix all pixels, as message passing wants; draws that are exact in what is seen need no mixing",
        )
    if operator.name == "patterns" and quantizer.bits_per_measurement is not None:
        best = "split-gibbs" if prior.any_size and quantizer.bits_per_measurement <= 1 else "diffpir"
        return best, "it did best on test pictures where cells of fast patterns in order were seen"
    if operator.is_linear and operator.random_like:
        return "guided", "the matrix is too large to decompose, which the other methods need"
    if isinstance(operator, DenseChoice) and (quantizer.bits_per_measurement or 2) <= 1:
        return "guided", "signs of rows that depend on one another leave an exact proximal map little to hold on to"
    if operator.is_linear or prior.any_size:
        return (
            "plug-and-play",
            "the operator does not mix all pixels, as message passing wants, and the exact proximal map of what is seen suits it",
        )
    return "guided", "it needs only the gradient of the measurement, which need not be linear"


def _coarse_light(operator: OperatorChoice, quantizer: QuantizerChoice) -> bool:
    """Cells of light through masks: the brightness takes most of the range, and what is left is too coarse for messages (random
    grey masks, 3 bits: 11.1 dB where split Gibbs has 15.6)."""
    cells = quantizer.bits_per_measurement is not None
    return cells and isinstance(operator, MatrixFile) and operator.of_light and operator.has_eigenbasis


def _begun_low(
    advised: tuple[str, str], operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice
) -> tuple[str, str]:
    """A prior for pictures of any size knows neighbourhoods, not scenes: what it puts into a wide gap at a high level is further
    from the truth than the interpolated picture, so that filling in begins lower; lower still with cells, also of small
    photographs, unless a box is missing, which is seen all round (table in docs/correctness.md)."""
    name, why = advised
    if name != PlugAndPlay.name or not isinstance(operator, Inpainting):
        return advised
    if quantizer.bits_per_measurement is not None and operator.pattern != "box" and prior.facts.get("contrast"):
        return f"{name} level_first={FILLING_FIRST_OF_CELLS}", why
    return (f"{name} level_first={FILLING_FIRST}", why) if prior.any_size else advised


def _for_generator(operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> tuple[str, str]:
    return "latent-langevin", "posterior samples of the latent, with the exact likelihood of any cells and any operator"


def _for_low_rank(operator: OperatorChoice, quantizer: QuantizerChoice, prior: PriorChoice) -> tuple[str, str]:
    return "scaled-gd", "as fast for ill-conditioned matrices as for others, with any cells and any linear operator"


_BY_KIND = {
    "denoiser": _for_denoiser, "generator": _for_generator, "sparsity": _for_sparsity, "low-rank": _for_low_rank,
}  # fmt: skip
