"""The command line ``qcs``: the only place that parses arguments. The work is in the modules it calls."""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from engine.cli import commands as work
from engine.cli.commands import BAD_INPUT, DONE, ENGINE_FAILURE, INTERRUPTED
from engine.errors import EngineError, InputError

__all__ = ["main"]


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence instead of printing the usage."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise InputError(f"{message[:1].upper()}{message[1:]} (see 'qcs --help').")


class _Version(argparse.Action):
    """Finds out commit and torch only when asked."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from engine import about_build

        print(about_build())
        parser.exit()


def _run(parser: argparse.ArgumentParser) -> None:
    from engine.cli.sources import add_recipe

    add_recipe(parser)
    parser.add_argument(
        "--from", dest="from_run", default="", metavar="RUN",
        help="repeat the recipe of a kept run or of a file, with the changes that are given",
    )  # fmt: skip
    for name, what in (
        ("gain", "y = gain A x + dark"), ("dark", "y of a black picture"),
        ("shift", "how much higher all thresholds lie than it says"), ("flip", "probability that a bit is wrong"),
    ):  # fmt: skip
        parser.add_argument(
            f"--{name}",
            default="",
            metavar="NUMBER",
            help=f"of a measurement file: {what}; a number, or auto to infer it",
        )
    parser.add_argument(
        "--stack", default="auto", choices=("auto", "clicks", "counts", "sum", "mean"),
        help="what the frames of a TIFF file of several are: clicks of single photons or photon counts, added up; or pictures, "
        "of which the sum or the mean is taken",
    )  # fmt: skip
    parser.add_argument("--save", default="", metavar="NAME", help="name of the run in the library (one is made up)")
    parser.add_argument("--no-save", action="store_true", help="do not keep the run in the library")
    parser.add_argument("--out", required=True, help="folder for the results")
    parser.set_defaults(work=work.run)


def _evaluate(parser: argparse.ArgumentParser) -> None:
    from engine.cli.sources import add_recipe

    parser.add_argument("--images", required=True, help="folder of pictures or IDX file")
    parser.add_argument("--limit", type=int, default=None, help="number of images")
    parser.add_argument("--offset", type=int, default=0, help="number of the first image")
    add_recipe(parser, without=("image", "measurement"))
    parser.add_argument("--out", required=True, help="folder for the results")
    parser.set_defaults(work=work.evaluate)


def _measure(parser: argparse.ArgumentParser) -> None:
    from engine.cli.sources import add_recipe

    add_recipe(parser, without=("measurement", "algorithm", "samples", "first_sample"))
    parser.add_argument("--out", required=True, help="measurement file (.npz)")
    parser.set_defaults(work=work.measure)


def _denoise(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", required=True, help="folder of pictures or IDX file")
    parser.add_argument("--limit", type=int, default=None, help="number of images")
    parser.add_argument("--noise", required=True, help="standard deviation of the noise, in [0, 1] units")
    parser.add_argument("--prior", default="natural", metavar='"NAME key=value ..."', help="prior")
    parser.add_argument("--seed", default="0", help="seed of the noise")
    parser.add_argument(
        "--turns", default="8", help="rotations and mirror images that are denoised and averaged, 1 to 8 (8)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of the engine; 0 takes all cores")
    parser.add_argument("--out", required=True, help="folder for the denoised pictures and summary.json")
    parser.set_defaults(work=work.denoise)


def _describe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(work=work.describe)


def _train(parser: argparse.ArgumentParser) -> None:
    from engine.priors.training.generators.settings import GeneratorTraining
    from engine.priors.training.settings import DenoiserTraining

    kinds = ("denoiser", *GeneratorTraining.settings()["method"].choices)
    parser.add_argument("--kind", default="denoiser", choices=kinds, help="what is trained (denoiser)")
    for key, setting in (GeneratorTraining.settings() | DenoiserTraining.settings()).items():
        if key == "method":
            continue
        required = key in ("images", "out")
        parser.add_argument(
            f"--{key.replace('_', '-')}",
            default=None,
            required=required,
            help=f"{setting.help} ({setting.expected()})".replace("%", "%%"),
        )
    parser.set_defaults(work=work.train)


def _benchmark(parser: argparse.ArgumentParser) -> None:
    from engine.cli.sources import add_recipe

    parser.add_argument(
        "--what",
        default="algorithms",
        choices=(
            "algorithms",
            "bits",
            "baseline",
            "methods",
            "advice",
            "prediction",
            "defaults",
        ),
        help="algorithms; bits: 1, 2, 3 bits and none; baseline: beside the Bussgang-LMMSE estimate from the same codes; "
        "methods: every algorithm on the same images; advice: measures "
        "and writes the table that advice is given by; prediction: the expected PSNR beside what turbo reaches; "
        "defaults: every operator and quantizer (or the one given) beside doing nothing, with --prior or with all four",
    )
    parser.add_argument(
        "--images", default="", help="bits, baseline, methods, prediction, defaults: folder of pictures or IDX file"
    )
    parser.add_argument("--training", default="", help="baseline: folder whose power spectrum the estimate is given")
    parser.add_argument(
        "--write", action="store_true", help="prediction: write what was measured to the table that predictions go by"
    )
    parser.add_argument("--limit", type=int, default=None, help="of these: number of images")
    parser.add_argument("--offset", type=int, default=0, help="of these: number of the first image")
    add_recipe(parser, without=("measurement",))
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(work=work.benchmark)


def _in(module: str, name: str) -> Callable[[argparse.ArgumentParser], None]:
    """A function that adds arguments, imported when it is needed."""

    def add(parser: argparse.ArgumentParser) -> None:
        getattr(import_module(f"engine.cli.{module}"), name)(parser)

    return add


COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "run": ("measure and reconstruct one image, or reconstruct a measurement file", _run),
    "evaluate": ("many images, one table", _evaluate),
    "sweep": ("images times a grid of settings: one table, resumable", _in("sweeping", "add_arguments")),
    "worker": ("compute cells of sweeps for a Dask scheduler", _in("sweeping", "add_worker")),
    "runs": ("the library of kept runs", _in("runs", "add_arguments")),
    "film": ("a kept run as GIF, MP4 or numbered PNG", _in("runs", "add_film")),
    "report": ("a run, or several side by side, as one HTML file", _in("runs", "add_report")),
    "check": (
        "whether y, matrix and noise of a file can belong together, and its faults",
        _in("checking", "add_arguments"),
    ),
    "measure": ("simulate and save a measurement", _measure),
    "denoise": ("add noise to pictures and denoise them with a prior", _denoise),
    "describe": ("every choice with its settings", _describe),
    "train": ("train a prior; the same command resumes", _train),
    "import-prior": ("take a network that was trained elsewhere as a prior", _in("importing", "add_arguments")),
    "design": ("the best split of a budget into measurements and bits, predicted", _in("designing", "add_arguments")),
    "rate-prior": ("measure a prior's denoising error and write it on its card", _in("rating", "add_arguments")),
    "check-copies": ("samples of a prior beside the nearest pictures it was trained on", _in("rating", "add_copies")),
    "rate-generators": ("how far pictures of generators are from real ones", _in("rating", "add_generators")),
    "make-picture": ("a picture of exact rank, or a film with a still background", _in("picturing", "add_arguments")),
    "benchmark": ("algorithms side by side: time, bits, predictions, defaults", _benchmark),
}
"""Name to what it does, in a few words, and what adds its arguments."""


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Knows all commands, and the arguments of the one that is called: those of the others need not be imported."""
    parser = _Parser(prog="qcs", description="Reconstruct images from few, coarsely quantized measurements.")
    parser.add_argument("--version", action=_Version, help="version, commit and build of torch")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    called = next((word for word in arguments if not word.startswith("-")), "")
    for name, (help, add) in COMMANDS.items():
        command = commands.add_parser(name, help=help)
        if name == called:
            add(command)
    return parser


def _conditioning(words: list[str]) -> int:
    """A command until it became a study beside the package; scripts go on with it where the study is at hand."""
    try:
        study = import_module("studies.conditioning")
    except ModuleNotFoundError:
        raise InputError(
            "'conditioning' is a study that lies beside the package; run it in a checkout of the sources."
        ) from None
    return study.main(words)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status and never raises for what a user can cause."""
    multiprocessing.freeze_support()  # a frozen program that reads a foreign file starts itself again
    try:
        words = sys.argv[1:] if arguments is None else list(arguments)
        if words[:1] == ["conditioning"]:
            return _conditioning(words[1:])
        parsed = _parser(words).parse_args(words)
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
