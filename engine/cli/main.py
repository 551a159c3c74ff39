"""The command line ``qcs``: the only place that parses arguments. The work is in the modules it calls."""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import sys
from collections.abc import Sequence

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


def _choices(parser: argparse.ArgumentParser, algorithm: bool = True) -> None:
    parser.add_argument("--operator", default=None, metavar='"NAME key=value ..."', help="sensing matrix (gaussian)")
    parser.add_argument("--quantizer", default=None, metavar='"NAME key=value ..."', help="quantizer (one-bit)")
    parser.add_argument("--noise", default=None, help="standard deviation of the noise, in the units of A x (0.05)")
    parser.add_argument(
        "--measurement-offset",
        dest="offset_of_x",
        default=None,
        metavar="NUMBER",
        help="A (x - offset) is measured (auto)",
    )
    parser.add_argument("--prior", default="mnist", metavar='"NAME key=value ..."', help="prior")
    parser.add_argument(
        "--size", default="auto", metavar="WxH", help="crop and resize pictures to this, for priors of any size (auto)"
    )
    parser.add_argument("--seed", default="0", help="seed of matrix, noise and samples")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of the engine; 0 takes all cores")
    if algorithm:
        parser.add_argument(
            "--algorithm",
            default="auto",
            metavar='"NAME key=value ..."',
            help="algorithm; auto takes what suits the operator",
        )
        parser.add_argument("--samples", default="8", help="posterior samples")
        parser.add_argument("--first-sample", default="0", help="number of the first posterior sample")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="qcs", description="Reconstruct images from few, coarsely quantized measurements.")
    parser.add_argument("--version", action=_Version, help="version, commit and build of torch")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)

    run = commands.add_parser("run", help="measure and reconstruct one image, or reconstruct a measurement file")
    run.add_argument("--image", default="", help="picture file or sample:NAME")
    run.add_argument(
        "--measurement",
        default="",
        help="measurement file (.npz, .mat, .npy or .csv); operator, noise and offset complete what it does not say",
    )
    _choices(run)
    run.add_argument(
        "--from", dest="from_run", default="", metavar="RUN", help="repeat the recipe of a kept run or of a file"
    )
    run.add_argument("--save", default="", metavar="NAME", help="name of the run in the library (one is made up)")
    run.add_argument("--no-save", action="store_true", help="do not keep the run in the library")
    run.add_argument("--out", required=True, help="folder for the results")
    run.set_defaults(work=work.run)

    evaluate = commands.add_parser("evaluate", help="many images, one table")
    evaluate.add_argument("--images", required=True, help="folder of pictures or IDX file")
    evaluate.add_argument("--limit", type=int, default=None, help="number of images")
    evaluate.add_argument("--offset", type=int, default=0, help="number of the first image")
    _choices(evaluate)
    evaluate.add_argument("--out", required=True, help="folder for the results")
    evaluate.set_defaults(work=work.evaluate)

    from engine.cli.runs import add_arguments as add_runs
    from engine.cli.runs import add_film, add_report

    add_runs(commands.add_parser("runs", help="the library of kept runs"))
    add_film(commands.add_parser("film", help="a kept run as GIF, MP4 or numbered PNG"))
    add_report(commands.add_parser("report", help="a run, or several side by side, as one HTML file"))

    measure = commands.add_parser("measure", help="simulate and save a measurement")
    measure.add_argument("--image", required=True, help="picture file or sample:NAME")
    _choices(measure, algorithm=False)
    measure.add_argument("--out", required=True, help="measurement file (.npz)")
    measure.set_defaults(work=work.measure)

    denoise = commands.add_parser("denoise", help="add noise to pictures and denoise them with a prior")
    denoise.add_argument("--images", required=True, help="folder of pictures or IDX file")
    denoise.add_argument("--limit", type=int, default=None, help="number of images")
    denoise.add_argument("--noise", required=True, help="standard deviation of the noise, in [0, 1] units")
    denoise.add_argument("--prior", default="natural", metavar='"NAME key=value ..."', help="prior")
    denoise.add_argument("--seed", default="0", help="seed of the noise")
    denoise.add_argument(
        "--turns", default="8", help="rotations and mirror images that are denoised and averaged, 1 to 8 (8)"
    )
    denoise.add_argument("--device", default="auto", help="auto, cpu or cuda")
    denoise.add_argument("--threads", type=int, default=0, help="CPU threads of the engine; 0 takes all cores")
    denoise.add_argument("--out", required=True, help="folder for the denoised pictures and summary.json")
    denoise.set_defaults(work=work.denoise)

    describe = commands.add_parser("describe", help="every choice with its settings")
    describe.add_argument("--json", action="store_true", help="as JSON")
    describe.set_defaults(work=work.describe)

    train = commands.add_parser("train", help="train a prior; the same command resumes")
    from engine.priors.training.generators.settings import GeneratorTraining
    from engine.priors.training.settings import DenoiserTraining

    kinds = ("denoiser", *GeneratorTraining.settings()["method"].choices)
    train.add_argument("--kind", default="denoiser", choices=kinds, help="what is trained (denoiser)")
    for key, setting in (GeneratorTraining.settings() | DenoiserTraining.settings()).items():
        if key == "method":
            continue
        required = key in ("images", "out")
        train.add_argument(
            f"--{key.replace('_', '-')}",
            default=None,
            required=required,
            help=f"{setting.help} ({setting.expected()})".replace("%", "%%"),
        )
    train.set_defaults(work=work.train)

    from engine.cli.importing import add_arguments

    add_arguments(commands.add_parser("import-prior", help="take a network that was trained elsewhere as a prior"))

    from engine.cli.designing import add_arguments as add_design

    add_design(commands.add_parser("design", help="the best split of a budget into measurements and bits, predicted"))

    from engine.cli.rating import add_arguments as add_rating
    from engine.cli.rating import add_copies, add_generators

    add_rating(commands.add_parser("rate-prior", help="measure a prior's denoising error and write it on its card"))
    add_copies(
        commands.add_parser("check-copies", help="samples of a prior beside the nearest pictures it was trained on")
    )
    add_generators(commands.add_parser("rate-generators", help="how far pictures of generators are from real ones"))

    from engine.cli.conditioning import add_arguments as add_conditioning
    from engine.cli.conditioning import add_pictures

    add_conditioning(
        commands.add_parser("conditioning", help="descent on low-rank factors against the condition number")
    )
    add_pictures(commands.add_parser("make-picture", help="a picture of exact rank, or a film with a still background"))

    benchmark = commands.add_parser("benchmark", help="time algorithms and likelihoods side by side")
    benchmark.add_argument(
        "--what",
        default="algorithms",
        choices=(
            "algorithms",
            "likelihoods",
            "scale",
            "bits",
            "baseline",
            "methods",
            "calibration",
            "advice",
            "prediction",
        ),
        help="algorithms; likelihoods: EP against its dense form and guided with either; scale: 64 x 64 to 512 x 512; "
        "bits: 1, 2, 3 bits and none; baseline: beside the Bussgang-LMMSE estimate from the same codes; "
        "methods: every algorithm on the same images; calibration: every sampler against exact posteriors; advice: measures "
        "and writes the table that advice is given by; prediction: the expected PSNR beside what turbo reaches",
    )
    benchmark.add_argument("--images", default="", help="bits, baseline, methods: folder of pictures or IDX file")
    benchmark.add_argument("--training", default="", help="baseline: folder whose power spectrum the estimate is given")
    benchmark.add_argument(
        "--write", action="store_true", help="prediction: write what was measured to the table that predictions go by"
    )
    benchmark.add_argument("--limit", type=int, default=None, help="bits, baseline, methods: number of images")
    benchmark.add_argument("--offset", type=int, default=0, help="bits, baseline, methods: number of the first image")
    benchmark.add_argument("--image", default="", help="picture file or sample:NAME")
    _choices(benchmark)
    benchmark.add_argument("--json", action="store_true", help="as JSON")
    benchmark.set_defaults(work=work.benchmark)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status and never raises for what a user can cause."""
    multiprocessing.freeze_support()  # a frozen program that reads a foreign file starts itself again
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
