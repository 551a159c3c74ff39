"""Checks measurement files and finds their usual faults."""

from engine.doctor.examine import Report, check

__all__ = ["Report", "check"]
