"""What a command works on, from its parsed arguments."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from engine.runs.spec import RunSpec

__all__ = ["completed_measurement", "repeated", "spec_of"]


def spec_of(arguments: argparse.Namespace, **more) -> RunSpec:
    """The spec that the arguments and ``more`` (an image or a measurement file) describe; sets the number of threads."""
    from engine.runs.spec import RunSpec

    names = (
        "operator",
        "quantizer",
        "noise",
        "prior",
        "seed",
        "device",
        "algorithm",
        "samples",
        "first_sample",
        "size",
    )
    values = {n: getattr(arguments, n) for n in names if getattr(arguments, n, None) is not None}
    if getattr(arguments, "offset_of_x", None) is not None:
        values["offset"] = arguments.offset_of_x
    if more.get("measurement"):
        if values.get("algorithm") == "auto":
            values["algorithm"] = _algorithm_for(more["measurement"], values.get("prior", "mnist"))
        for name in ("operator", "quantizer", "noise", "offset"):
            if name in values:
                _refuse_beside_measurement(name)
    spec = RunSpec(**values, **more)
    set_threads(arguments)
    return spec


def repeated(arguments: argparse.Namespace) -> tuple[RunSpec, np.ndarray | None]:
    """The recipe of a kept run and its picture (c, h, w), as it was; what it measured, where there was no picture, is
    written beside the results. Device and threads may be given anew, everything else is the run's."""
    from engine.files import make_folder
    from engine.runs.library import Library
    from engine.sensing.files import save_pieces

    for name in ("operator", "quantizer", "noise", "offset_of_x"):
        if getattr(arguments, name) is not None:
            raise InputError(f"--{name.split('_')[0]} does not go with --from: the run decides it.")
    result = Library().open(arguments.from_run)
    spec = result.spec if arguments.device == "auto" else result.spec.replace(device=arguments.device)
    set_threads(arguments)
    if not spec.measurement or Path(spec.measurement).is_file():
        return spec, result.truth if not spec.measurement else None
    if not {"A", "operator"} & result.measured.keys():
        raise InputError(f"'{spec.measurement}', which this run reconstructs, is no longer there; put it back.")
    path = save_pieces(make_folder(arguments.out) / "measurement.npz", result.measured)
    return spec.replace(measurement=str(path)), None


def set_threads(arguments: argparse.Namespace) -> None:
    """Sets the number of threads that the arguments ask for."""
    if getattr(arguments, "threads", 0) < 0:
        raise InputError(f"threads={arguments.threads} is not valid: give a whole number of at least 0.")
    if getattr(arguments, "threads", 0):
        import torch

        torch.set_num_threads(arguments.threads)


def _refuse_beside_measurement(name: str) -> None:
    option = "measurement-offset" if name == "offset" else name
    raise InputError(f"--{option} does not go with --measurement: the measurement file decides it.")


def completed_measurement(arguments: argparse.Namespace) -> str:
    """The measurement file, or a copy of it in the folder of results with what it lacks and the arguments say; those
    arguments are used up."""
    from engine.files import make_folder
    from engine.priors.library import priors
    from engine.runs.spec import check_offset, read_size
    from engine.sensing.files import assemble, read_pieces, save_pieces
    from engine.sensing.operators import OPERATORS
    from engine.sensing.operators.matrix_file import MatrixFile
    from engine.sensing.own import Completion
    from engine.settings import check_noise, whole

    given = {"operator": arguments.operator, "noise": arguments.noise, "offset": arguments.offset_of_x}
    if all(v is None for v in given.values()):
        return arguments.measurement
    pieces = read_pieces(arguments.measurement)
    for name, value in given.items():
        if value is not None and (name in pieces or (name == "operator" and "A" in pieces)):
            _refuse_beside_measurement(name)
    choice = None if arguments.operator is None else OPERATORS.parse(arguments.operator)
    matrix = choice.file if isinstance(choice, MatrixFile) else ""
    recipe = "" if choice is None or matrix else str(choice)
    noise = None if arguments.noise is None else check_noise(arguments.noise)
    seed = whole("seed", arguments.seed, 0, 2**53)
    shape: tuple[int, ...] = ()
    if choice is not None and "shape" not in pieces:
        size, prior = read_size(arguments.size), priors().parse(arguments.prior)
        if size != "auto":
            shape = tuple(int(n) for n in size.split("x"))[::-1]
        elif recipe or not prior.any_size:  # the columns of a matrix tell of a square
            shape = prior.image_shape
    more = Completion(
        matrix=matrix, recipe=recipe, seed=seed, shape=shape, noise=noise, offset=check_offset(arguments.offset_of_x)
    )
    pieces = more.apply(pieces)
    assemble(pieces)  # what does not fit is said before anything is written
    arguments.operator = arguments.noise = arguments.offset_of_x = None
    return str(save_pieces(make_folder(arguments.out) / "measurement.npz", pieces))


def _algorithm_for(measurement: str, prior: str) -> str:
    """The algorithm that suits the operator of a measurement file and the prior."""
    from engine.priors.library import priors
    from engine.runs.advice import recommend
    from engine.sensing.files import holds_bits, operator_choice, read_pieces
    from engine.sensing.quantizers import QUANTIZERS

    pieces = read_pieces(measurement)
    linear = "y" in pieces and "thresholds" not in pieces and not holds_bits(pieces["y"])
    quantizer = QUANTIZERS.parse("none" if linear else "one-bit")
    return recommend(operator_choice(pieces), quantizer, priors().parse(prior))[0]
