"""What ``qcs import-prior`` does, given its parsed arguments."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from engine.cli.commands import DONE
from engine.files import json_text
from engine.priors.importing.settings import PriorImport

__all__ = ["add_arguments", "import_prior"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A flag for every setting."""
    for key, setting in PriorImport.settings().items():
        parser.add_argument(
            f"--{key.replace('_', '-')}",
            default=None,
            required=key == "file",
            help=f"{setting.help} ({setting.expected()})".replace("%", "%%"),
        )
    parser.set_defaults(work=import_prior)


def import_prior(arguments: argparse.Namespace) -> int:
    values = {k: getattr(arguments, k) for k in PriorImport.settings() if getattr(arguments, k) is not None}
    settings = PriorImport(**values)
    from engine.priors.header import read_header
    from engine.priors.importing import importer as importing

    # Folders of this machine have no place on a card.
    shown = {k: Path(v).name if k == "file" else v for k, v in values.items()}
    words = [f"--{k.replace('_', '-')} {shlex.quote(str(v))}" for k, v in shown.items()]
    path = importing.import_prior(settings, command="qcs import-prior " + " ".join(words))
    facts = read_header(path)
    card = facts["card"]
    found = {
        "path": str(path),
        "name": card["name"],
        "kind": facts.get("kind", "denoiser"),
        "parameters": card["parameters"],
        "image_shape": facts["image_shape"],
        "sigma_range": [facts[k] for k in ("sigma_min", "sigma_max") if k in facts],  # a generator has none
        "notes": card["notes"],
    }
    print(json_text(found, indent=2))
    return DONE
