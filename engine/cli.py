"""The command line ``qcs``: the only place that parses arguments. The work is in the modules it calls."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from engine import __version__
from engine.errors import EngineError, InputError

__all__ = ["main"]

DONE, ENGINE_FAILURE, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence instead of printing the usage."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise InputError(f"{message[:1].upper()}{message[1:]} (see 'qcs --help').")


def _choices(parser: argparse.ArgumentParser, algorithm: bool = True) -> None:
    parser.add_argument("--operator", default=None, metavar='"NAME key=value ..."', help="sensing matrix (gaussian)")
    parser.add_argument("--quantizer", default=None, metavar='"NAME key=value ..."', help="quantizer (one-bit)")
    parser.add_argument("--noise", default=None, help="standard deviation of the noise, in the units of A x (0.05)")
    parser.add_argument("--prior", default="mnist", metavar="NAME", help="prior")
    parser.add_argument("--seed", default="0", help="seed of matrix, noise and samples")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of the engine; 0 takes all cores")
    if algorithm:
        parser.add_argument("--algorithm", default="turbo", metavar='"NAME key=value ..."', help="algorithm")
        parser.add_argument("--samples", default="8", help="posterior samples")
        parser.add_argument("--first-sample", default="0", help="number of the first posterior sample")


def _spec(arguments: argparse.Namespace, **more):
    from engine.spec import RunSpec

    names = ("operator", "quantizer", "noise", "prior", "seed", "device", "algorithm", "samples", "first_sample")
    values = {n: getattr(arguments, n) for n in names if getattr(arguments, n, None) is not None}
    if more.get("measurement"):
        given = [n for n in ("operator", "quantizer", "noise") if n in values]
        if given:
            raise InputError(f"--{given[0]} does not go with --measurement: the measurement file decides it.")
    if getattr(arguments, "threads", 0) < 0:
        raise InputError(f"threads={arguments.threads} is not valid: give a whole number of at least 0.")
    spec = RunSpec(**values, **more)
    if getattr(arguments, "threads", 0):
        import torch

        torch.set_num_threads(arguments.threads)
    return spec


class _Bar:
    """A progress bar with the time left, on a terminal only."""

    def __init__(self, label: str) -> None:
        self.label, self.start, self.shown = label, time.monotonic(), 0.0
        self.live = sys.stderr.isatty()

    def __call__(self, share: float, text: str = "") -> None:
        now = time.monotonic()
        if not self.live or (now - self.shown < 0.1 and share < 1):
            return
        self.shown = now
        left = (now - self.start) * (1 - share) / share if share > 0 else 0.0
        filled = round(30 * share)
        line = f"\r{self.label} [{'#' * filled}{'.' * (30 - filled)}] {share:4.0%} {left:5.1f} s left {text}"
        sys.stderr.write(line[:110].ljust(110))
        if share >= 1:
            sys.stderr.write("\n")
        sys.stderr.flush()


def _run(arguments: argparse.Namespace) -> int:
    from engine.control import Control
    from engine.files import make_folder

    if arguments.image and arguments.measurement:
        raise InputError("Give either --image or --measurement, not both.")
    source = (
        {"measurement": arguments.measurement}
        if arguments.measurement
        else {"image": arguments.image or "sample:digit-3"}
    )
    spec = _spec(arguments, **source)
    folder = make_folder(arguments.out)
    from engine.runs import prepare

    job, control, bar = prepare(spec), Control(), _Bar(spec.algorithm.name)
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
    shown = {k: round(v, 4) for k, v in result.metrics().items() if v is not None}
    print(
        json.dumps(
            {"out": str(folder), "seconds": round(result.seconds, 2), "network_calls": result.network_calls} | shown
        )
    )
    return INTERRUPTED if interrupted else DONE


def _evaluate(arguments: argparse.Namespace) -> int:
    from engine.files import make_folder

    spec = _spec(arguments, image=str(arguments.images))
    folder = make_folder(arguments.out)
    from engine.evaluation import evaluate

    bar = _Bar(f"evaluate {spec.algorithm.name}")
    limit = None if arguments.limit is None else arguments.limit
    evaluation = evaluate(
        spec,
        arguments.images,
        arguments.offset,
        limit,
        progress=lambda done, total, share: bar(share, f"{done}/{total} images"),
    )
    evaluation.write(folder)
    summary = evaluation.summary()
    print(json.dumps({"out": str(folder), "count": summary["count"]} | summary["mean"], indent=2))
    if evaluation.interrupted:
        return INTERRUPTED
    if evaluation.failure:
        raise EngineError(f"{evaluation.failure} The {summary['count']} images done before are in '{folder}'.")
    return DONE


def _measure(arguments: argparse.Namespace) -> int:
    spec = _spec(arguments, image=arguments.image)
    import torch

    from engine.measurement_files import save_measurement
    from engine.runs import load_truth, measure

    truth, notes = load_truth(spec)
    measurement = measure(spec, torch.from_numpy(truth)[None])
    save_measurement(arguments.out, measurement, spec)
    print(json.dumps({"out": arguments.out, "measurements": measurement.operator.rows, "notes": list(notes)}))
    return DONE


def _describe(arguments: argparse.Namespace) -> int:
    from engine.describe import describe

    facts = describe()
    if arguments.json:
        print(json.dumps(facts, indent=2))
        return DONE
    for family, entries in facts.items():
        print(f"{family}:")
        for entry in entries:
            print(f"  {entry['name']:<14} {entry['summary']}")
            for key, setting in entry["settings"].items():
                default = "auto" if setting["default"] is None else setting["default"]
                print(f"      {key}={default}: {setting['help']} ({setting['takes']})")
    return DONE


def _train(arguments: argparse.Namespace) -> int:
    from engine.training.settings import DenoiserTraining

    values = {k: getattr(arguments, k) for k in DenoiserTraining.settings() if getattr(arguments, k) is not None}
    settings = DenoiserTraining(**values)
    import shlex

    from engine.training.denoiser import DenoiserTrainer

    words = [
        f"--{k.replace('_', '-')} {shlex.quote(Path(v).name if k in ('images', 'validation', 'out') else str(v))}"
        for k, v in values.items()
    ]
    trainer = DenoiserTrainer(settings, command="qcs train " + " ".join(words))
    bar, interrupted, last = _Bar("train"), False, time.monotonic()
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
        print(json.dumps(prior.card.as_dict(), indent=2))
    return INTERRUPTED if interrupted else DONE


def _benchmark(arguments: argparse.Namespace) -> int:
    from engine.benchmark import compare_algorithms

    spec = _spec(arguments, image=arguments.image or "sample:digit-3")
    table = compare_algorithms(spec)
    if arguments.json:
        print(json.dumps(table, indent=2))
    else:
        for name, row in table["algorithms"].items():
            ratio = f"{1 / row['time_ratio']:.1f} times faster than qcs-sgm" if name != "qcs-sgm" else ""
            print(
                f"{name:<10} {row['seconds']:8.2f} s  {row['network_calls']:5d} calls  {row['psnr_mean']:6.2f} dB  {ratio}"
            )
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="qcs", description="Reconstruct images from few, coarsely quantized measurements.")
    parser.add_argument("--version", action="version", version=f"QCS Studio {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)

    run = commands.add_parser("run", help="measure and reconstruct one image, or reconstruct a measurement file")
    run.add_argument("--image", default="", help="picture file or sample:NAME")
    run.add_argument("--measurement", default="", help="measurement file (.npz)")
    _choices(run)
    run.add_argument("--out", required=True, help="folder for the results")
    run.set_defaults(work=_run)

    evaluate = commands.add_parser("evaluate", help="many images, one table")
    evaluate.add_argument("--images", required=True, help="folder of pictures or IDX file")
    evaluate.add_argument("--limit", type=int, default=None, help="number of images")
    evaluate.add_argument("--offset", type=int, default=0, help="number of the first image")
    _choices(evaluate)
    evaluate.add_argument("--out", required=True, help="folder for the results")
    evaluate.set_defaults(work=_evaluate)

    measure = commands.add_parser("measure", help="simulate and save a measurement")
    measure.add_argument("--image", required=True, help="picture file or sample:NAME")
    _choices(measure, algorithm=False)
    measure.add_argument("--out", required=True, help="measurement file (.npz)")
    measure.set_defaults(work=_measure)

    describe = commands.add_parser("describe", help="every choice with its settings")
    describe.add_argument("--json", action="store_true", help="as JSON")
    describe.set_defaults(work=_describe)

    train = commands.add_parser("train", help="train a denoiser; the same command resumes")
    from engine.training.settings import DenoiserTraining

    for key, setting in DenoiserTraining.settings().items():
        required = key in ("images", "out")
        train.add_argument(
            f"--{key.replace('_', '-')}",
            default=None,
            required=required,
            help=f"{setting.help} ({setting.expected()})".replace("%", "%%"),
        )
    train.set_defaults(work=_train)

    benchmark = commands.add_parser("benchmark", help="time the algorithms side by side")
    benchmark.add_argument("--image", default="", help="picture file or sample:NAME")
    _choices(benchmark)
    benchmark.add_argument("--json", action="store_true", help="as JSON")
    benchmark.set_defaults(work=_benchmark)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status and never raises for what a user can cause."""
    try:
        parsed = _parser().parse_args(arguments)
        return parsed.work(parsed)
    except InputError as error:
        print(f"qcs: {error}", file=sys.stderr)
        return BAD_INPUT
    except EngineError as error:
        print(f"qcs: {error}", file=sys.stderr)
        return ENGINE_FAILURE
    except KeyboardInterrupt:
        print("qcs: interrupted before anything was done.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except MemoryError:
        print("qcs: out of memory; lower the number of samples or the image size.", file=sys.stderr)
        return ENGINE_FAILURE
    except Exception as error:
        if os.environ.get("QCS_STUDIO_TRACEBACK"):
            raise
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        print(f"qcs: internal error: {reason} (set QCS_STUDIO_TRACEBACK=1 for details).", file=sys.stderr)
        return ENGINE_FAILURE


if __name__ == "__main__":
    sys.exit(main())
