"""What the commands of the command line do, given their parsed arguments."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.progress import Bar
from engine.cli.sources import completed_measurement, given, repeated, set_threads, spec_of
from engine.errors import EngineError, InputError
from engine.files import json_text

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction

__all__ = [
    "BAD_INPUT",
    "DONE",
    "ENGINE_FAILURE",
    "INTERRUPTED",
    "benchmark",
    "denoise",
    "describe",
    "evaluate",
    "measure",
    "run",
    "train",
]

DONE, ENGINE_FAILURE, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def run(arguments: argparse.Namespace) -> int:
    from engine.control import Control
    from engine.files import make_folder
    from engine.sensing.own import UNITS

    values = given(arguments)
    if bool(values.get("measurement")) + (bool(values.get("image")) or bool(arguments.from_run)) > 1:
        raise InputError("Give one of --image, --measurement and --from.")
    if any(getattr(arguments, key) for key in UNITS) and not values.get("measurement"):
        raise InputError(f"{', '.join(f'--{key}' for key in UNITS)} go with --measurement.")
    if arguments.stack != "auto" and not values.get("measurement"):
        raise InputError("--stack goes with --measurement.")
    if arguments.save and arguments.no_save:
        raise InputError("Give either --save or --no-save, not both.")
    if arguments.save:
        from engine.runs.library import Library

        Library().refuse_taken(arguments.save)
    pixels = None
    if arguments.from_run:
        spec, pixels = repeated(arguments)
    elif values.get("measurement"):
        spec = completed_measurement(arguments)
    else:
        spec = spec_of(arguments)
    from engine.runs.job import prepare

    job, control = prepare(spec, pixels), Control()
    bar = Bar(job.spec.algorithm.name)
    folder = make_folder(arguments.out)  # nothing is left behind by what cannot run
    interrupted = False
    stream = job.stream(control)
    try:
        for iterate in stream:
            bar(iterate.step / iterate.steps, iterate.phase)
    except KeyboardInterrupt:
        interrupted = True
        stream.close()
        job.finished_early = True
        if job.last is None:
            raise
    result = job.reconstructions()[0]
    result.write(folder)
    kept = {} if arguments.no_save else _keep(result, arguments.save)
    shown = {k: round(v, 4) for k, v in result.metrics().items() if v is not None}
    print(
        json_text(
            {"out": str(folder)} | kept
            | {"seconds": round(result.seconds, 2), "network_calls": result.network_calls, "rows": result.rows_are} | shown
        )
    )  # fmt: skip
    if result.facts.get("inferred"):
        from engine.runs.inferred import columns

        print(columns(result.facts["inferred"]), file=sys.stderr)
    if result.failed:
        print(f"qcs: {result.failed}", file=sys.stderr)
    return INTERRUPTED if interrupted else DONE


def _keep(result: Reconstruction, name: str) -> dict[str, str]:
    """Puts the run into the library; the results are written already, so that a full disk here is only told."""
    from engine.runs.library import Library

    try:
        return {"run": Library().add(result, name).name}
    except InputError as error:
        print(f"qcs: the run was not kept in the library: {error}", file=sys.stderr)
        return {}


def evaluate(arguments: argparse.Namespace) -> int:
    from engine.files import make_folder

    spec = spec_of(arguments, image=str(arguments.images))
    folder = make_folder(arguments.out)
    from engine.sweeps import evaluation as many

    bar = Bar(f"evaluate {spec.algorithm.name}")
    evaluation = many.evaluate(
        spec,
        arguments.images,
        arguments.offset,
        arguments.limit,
        progress=lambda done, total, share: bar(share, f"{done}/{total} images"),
        folder=folder,
    )
    if evaluation.taken_over:
        print(
            f"qcs: {evaluation.taken_over} images had been done before, by an evaluation that was stopped.",
            file=sys.stderr,
        )
    evaluation.write(folder)
    summary = evaluation.summary()
    shown = {"out": str(folder), "count": summary["count"], "rows": summary["rows"]} | summary["mean"]
    print(json_text(shown, indent=2))
    if summary["failed"]:
        print(
            f"qcs: {summary['failed']} of {summary['count']} reconstructions have failed: they are worth less than a trivial "
            "estimate; summary.json says which and why.",
            file=sys.stderr,
        )
    if evaluation.interrupted:
        return INTERRUPTED
    if evaluation.failure:
        kind = InputError if evaluation.errors[0].bad_input else EngineError
        raise kind(f"{evaluation.failure} The {summary['count']} images that could be done are in '{folder}'.")
    return DONE


def measure(arguments: argparse.Namespace) -> int:
    if "image" not in given(arguments):
        raise InputError("The following arguments are required: --image (see 'qcs --help').")
    spec = spec_of(arguments)
    import torch

    from engine.runs import job as runs
    from engine.sensing.files import save_measurement

    truth, notes = runs.load_truth(spec)
    measurement = runs.measure(spec, torch.from_numpy(truth)[None])
    save_measurement(arguments.out, measurement, spec.operator, spec.matrix_seed)
    print(json_text({"out": arguments.out, "measurements": measurement.operator.rows, "notes": list(notes)}))
    return DONE


def denoise(arguments: argparse.Namespace) -> int:
    from engine.priors.library import priors
    from engine.settings import DEVICE, NOISE, SEED, whole

    choice, noise = priors().parse(arguments.prior), NOISE.check("noise", arguments.noise)
    seed, turns = SEED.check("seed", arguments.seed), whole("turns", arguments.turns, 1, 8)
    DEVICE.check("device", arguments.device)
    set_threads(arguments)
    from engine.experiments.denoising import denoise_folder

    bar = Bar("denoise")
    summary = denoise_folder(
        choice, arguments.images, noise, arguments.out, seed, arguments.device, arguments.limit, turns,
        progress=lambda done, total: bar(done / total, f"{done}/{total} images"),
    )  # fmt: skip
    print(json_text({"out": arguments.out, "count": summary["count"], "seconds": summary["seconds"]} | summary["mean"]))
    return DONE


def describe(arguments: argparse.Namespace) -> int:
    from engine.cli import describe as descriptions

    facts = descriptions.describe()
    if arguments.json:
        print(json_text(facts, indent=2))
        return DONE
    for family, entries in facts.items():
        print(f"{family}:")
        for entry in entries:
            print(f"  {entry['name']:<14} {entry['summary']}")
            for key, setting in entry["settings"].items():
                default = "auto" if setting["default"] is None else setting["default"]
                print(f"      {key}={default}: {setting['help']} ({setting['takes']})")
    return DONE


def train(arguments: argparse.Namespace) -> int:
    from engine.priors.training.generators.settings import GeneratorTraining
    from engine.priors.training.settings import DenoiserTraining

    kind = arguments.kind
    of = DenoiserTraining if kind == "denoiser" else GeneratorTraining
    every = GeneratorTraining.settings() | DenoiserTraining.settings()
    values = {k: getattr(arguments, k) for k in every if getattr(arguments, k, None) is not None}
    foreign = next((k for k in values if k not in of.settings()), None)
    if foreign:
        raise InputError(f"--{foreign.replace('_', '-')} is no setting of --kind {kind}; leave it out.")
    if kind != "denoiser":
        values["method"] = kind
    settings = of(**values)
    import shlex

    from engine.priors.training.generators import trainer_for

    values = {k: v for k, v in values.items() if k != "method"}
    words = [
        f"--{k.replace('_', '-')} {shlex.quote(Path(v).name if k in ('images', 'validation', 'out', 'start') else str(v))}"
        for k, v in values.items()
    ]
    named = [] if kind == "denoiser" else [f"--kind {kind}"]
    trainer = trainer_for(settings, command=" ".join(["qcs train", *named, *words]))
    if trainer.source.note:
        print(trainer.source.note, flush=True)
    bar, interrupted, last = Bar("train"), False, time.monotonic()
    try:
        for progress in trainer:
            bar(progress.step / progress.steps, f"loss {progress.loss:.4f}")
            if not bar.live and time.monotonic() - last > 60:
                last = time.monotonic()
                print(f"step {progress.step} of {progress.steps}, loss {progress.loss:.4f}", flush=True)
    except KeyboardInterrupt:
        interrupted = True
        trainer.save()
        print(f"Stopped at step {trainer.step}; the same command resumes there.")
    if not interrupted:
        prior = trainer.finish()
        print(json_text(prior.card.as_dict(), indent=2))
    return INTERRUPTED if interrupted else DONE


def _tell(arguments: argparse.Namespace):
    """Says rows as they come, beside a table that is written when all are there."""
    return lambda row: print(_line(row), file=sys.stderr, flush=True)


def _line(row: dict) -> str:
    return "  ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())


def _measured_methods(arguments: argparse.Namespace) -> dict:
    """The benchmarks that come with their own pictures."""
    if arguments.what == "advice":
        from engine.sweeps.advising import advice

        return advice(tell=_tell(arguments))
    from engine.sweeps.defaulting import PICTURES, defaults

    recipe = given(arguments)
    prior, source = recipe.pop("prior", None), arguments.images
    if "image" in recipe:
        raise InputError("This benchmark takes many pictures: give --images FOLDER_OR_IDX, or none for its own.")
    if prior is None and source:
        raise InputError("Pictures of one's own are of one kind: give its --prior too.")
    if prior is not None and prior not in PICTURES and not source:
        raise InputError(
            f"--what defaults has pictures for the priors {', '.join(PICTURES)}; give one of them, or --images FOLDER_OR_IDX."
        )
    if not source and (arguments.offset or arguments.limit is not None):
        raise InputError("--offset and --limit go with --images.")
    set_threads(arguments)
    priors = (prior,) if prior else tuple(PICTURES)
    return defaults(priors, _tell(arguments), source, arguments.offset, arguments.limit, recipe)


def _table(arguments: argparse.Namespace) -> dict:
    """The benchmarks that reconstruct images of a folder."""
    from engine.sweeps.standard import baseline, bits, methods, prediction

    source = arguments.images
    if not source:
        raise InputError("This benchmark needs images: give --images FOLDER_OR_IDX.")
    spec = spec_of(arguments, image=source)
    if arguments.what == "methods":
        return methods(spec, source, arguments.offset, arguments.limit, _tell(arguments))
    if arguments.what == "prediction":
        table = prediction(spec, source, arguments.offset, arguments.limit, _tell(arguments))
        if arguments.write:
            from engine.files import write_json
            from engine.runs.shortfall import TABLE, with_rows

            write_json(TABLE, with_rows(table["rows"], table["prior"], table["channels"], table["noise"]))
        return table
    if arguments.what == "bits":
        return bits(spec, source, arguments.offset, arguments.limit)
    return baseline(spec, source, arguments.training, arguments.offset, arguments.limit)


def benchmark(arguments: argparse.Namespace) -> int:
    if arguments.what in ("bits", "baseline", "methods", "advice", "prediction", "defaults"):
        own = arguments.what in ("advice", "defaults")
        table = _measured_methods(arguments) if own else _table(arguments)
        rows = [*table["rows"], {"mean": ""} | table["mean"]] if "mean" in table else table["rows"]
        if arguments.json:
            print(json_text(table, indent=2))
        for row in [] if arguments.json else rows:
            print(_line(row))
        return DONE
    from engine.sweeps.standard import compare_algorithms

    spec = spec_of(arguments)
    table = compare_algorithms(spec)
    if arguments.json:
        print(json_text(table, indent=2))
    else:
        for name, row in table["algorithms"].items():
            ratio = f"{1 / row['time_ratio']:.1f} times faster than qcs-sgm" if name != "qcs-sgm" else ""
            print(
                f"{name:<10} {row['seconds']:8.2f} s  {row['network_calls']:5d} calls  {row['psnr_mean']:6.2f} dB  {ratio}"
            )
    return DONE
