"""What a command works on, from its parsed arguments."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from engine.runs.spec import RunSpec

__all__ = ["PICTURE", "add_recipe", "completed_measurement", "given", "repeated", "set_threads", "spec_of"]

PREFIX = "recipe_"
WORDS = {int: "N", float: "NUMBER", str: "TEXT"}
PICTURE = ("image", "size", "colour")
"""What decides which pixels are measured."""


def add_recipe(parser: argparse.ArgumentParser, without: Sequence[str] = ()) -> None:
    """A flag for every setting of a recipe but these, made of the setting itself. One that is not given leaves no value, so that
    commands know which were."""
    from engine.runs.spec import RunSpec, flag_of

    defaults = RunSpec.defaults()
    for key, setting in RunSpec.settings().items():
        if key not in without:
            default = setting.written(defaults[key])
            parser.add_argument(
                flag_of(key),
                dest=PREFIX + key,
                metavar='"NAME key=value ..."' if setting.family else WORDS[setting.kind],
                help=f"{setting.help} ({setting.expected()}{f'; {default}' if default else ''})".replace("%", "%%"),
            )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of the engine; 0 takes all cores")


def given(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings of a recipe that were given."""
    found = {k.removeprefix(PREFIX): v for k, v in vars(arguments).items() if k.startswith(PREFIX)}
    return {k: v for k, v in found.items() if v is not None}


def spec_of(arguments: argparse.Namespace, **more: Any) -> RunSpec:
    """The spec that the arguments and ``more`` (an image or a measurement file) describe; sets the number of threads."""
    from engine.runs.spec import RunSpec

    set_threads(arguments)
    return RunSpec(**given(arguments) | more)


def repeated(arguments: argparse.Namespace) -> tuple[RunSpec, np.ndarray | None]:
    """A kept run's recipe with the changes that were given, and its picture (c, h, w) as it was, where that is measured again;
    what it measured, where there was no picture, is written beside the results."""
    from engine.files import make_folder
    from engine.images.bundled import MEASUREMENT, sample_path
    from engine.runs.library import Library
    from engine.runs.spec import flag_of
    from engine.sensing.files import save_pieces
    from engine.sensing.operators.from_arrays import KINDS

    set_threads(arguments)
    result, changes = Library().open(arguments.from_run), given(arguments)
    spec = result.spec
    if not spec.measurement:
        if result.truth is not None:  # measured as then, also by a run from before ranges were written down
            spec = spec.settled(result.truth.shape)
        return spec.replace(**changes), None if changes.keys() & set(PICTURE) else result.truth
    for key in changes.keys() & spec.replace(measurement="").measured.settings().keys():
        raise InputError(
            f"{flag_of(key)} does not go with --from here: the run is of a measurement file, which decides it."
        )
    if (sample_path(spec.measurement, MEASUREMENT) or Path(spec.measurement)).is_file():
        return spec.replace(**changes), None
    if not {*KINDS, "operator"} & result.measured.keys():
        raise InputError(f"'{spec.measurement}', which this run reconstructs, is no longer there; put it back.")
    path = save_pieces(make_folder(arguments.out) / "measurement.npz", result.measured)
    return spec.replace(measurement=str(path), **changes), None


def set_threads(arguments: argparse.Namespace) -> None:
    """Sets the number of threads that the arguments ask for."""
    from engine.settings import whole

    if threads := whole("threads", getattr(arguments, "threads", 0), 0, 4096):
        import torch

        torch.set_num_threads(threads)


def completed_measurement(arguments: argparse.Namespace) -> RunSpec:
    """The spec for a measurement file, or for a copy of it in the folder of results with what it lacks and the arguments say."""
    from engine.files import make_folder
    from engine.runs.blur_width import settle_blur
    from engine.runs.spec import RunSpec, flag_of
    from engine.sensing.entries import assemble, is_auto
    from engine.sensing.files import read_pieces, save_pieces
    from engine.sensing.operators.blur import Blur
    from engine.sensing.operators.from_arrays import kind_of, picture_seen
    from engine.sensing.operators.matrix_file import MatrixFile
    from engine.sensing.own import UNITS, Completion

    set_threads(arguments)
    values = given(arguments)
    if "quantizer" in values:
        raise InputError("--quantizer does not go with --measurement: the measurement file decides it.")
    named = {key: values.pop(key) for key in ("operator", "noise", "offset") if key in values}
    units: dict[str, Any] = {key: getattr(arguments, key, "") for key in UNITS}
    units = {key: written for key, written in units.items() if written}
    spec = RunSpec(**values)
    stack = getattr(arguments, "stack", "auto")
    if not named and not units and stack == "auto":
        return spec if "prior" in values else _with_fitting_prior(spec, read_pieces(spec.measurement))
    # what the recipe says of a picture completes what the file says of one
    recipe = RunSpec(**named, **{k: v for k, v in values.items() if k not in ("measurement", "algorithm")})
    pieces = read_pieces(spec.measurement, stack)
    is_open = isinstance(recipe.operator, Blur) and recipe.operator.is_open and "operator" in named
    # what a file says may be forgotten, to be inferred instead
    forgets = {key for key, written in units.items() if written.strip() == "auto"} | (
        {"operator"} if is_open else set()
    )
    for key in {*named, *units} - forgets:
        if (key in pieces and not is_auto(pieces[key])) or (key == "operator" and kind_of(pieces)):
            raise InputError(f"{flag_of(key)} does not go with --measurement: the measurement file decides it.")
    matrix = recipe.operator.file if isinstance(recipe.operator, MatrixFile) else ""
    written = str(recipe.operator) if "operator" in named and not matrix else ""
    shape: tuple[int, ...] = ()
    if "operator" in named and not is_open and "shape" not in pieces and (matrix or picture_seen(pieces) is None):
        if recipe.size is not None:
            shape = tuple(int(n) for n in recipe.size.split("x"))[::-1]
        elif written or not recipe.prior.any_size:  # the columns of a matrix tell of a square
            shape = recipe.prior.image_shape
    more = Completion(
        matrix=matrix, recipe=written, seed=recipe.matrix_seed, shape=shape,
        noise=recipe.noise if "noise" in named else None, offset=recipe.offset,
        **units,
    )  # fmt: skip
    pieces = more.apply(pieces)
    assemble(settle_blur(pieces)[0])  # what does not fit is said before anything is written
    spec = spec if "prior" in values else _with_fitting_prior(spec, pieces)
    return spec.replace(measurement=str(save_pieces(make_folder(arguments.out) / "measurement.npz", pieces)))


def _with_fitting_prior(spec: RunSpec, pieces: dict[str, np.ndarray]) -> RunSpec:
    """The spec, its prior one that suits what was measured where the usual one is of other pictures; says so."""
    from engine.runs.first_prior import first_prior
    from engine.sensing.entries import pictured

    shape = pictured(pieces)
    if spec.prior.takes(shape):
        return spec
    prior, why = first_prior(pieces, shape)
    print(f"qcs: The prior is {prior.name}, {why}.", file=sys.stderr)
    return spec.replace(prior=prior)
