"""Where :class:`RunSpec` used to live; scripts import it from here."""

from engine.runs.spec import RunSpec

__all__ = ["RunSpec"]
