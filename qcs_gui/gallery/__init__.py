"""Presets that run by one click."""
