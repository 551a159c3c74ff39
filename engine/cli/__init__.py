"""The command line ``qcs``: the only place that parses arguments."""

from engine.cli.main import main

__all__ = ["main"]
