"""Runs as objects: kept, opened, exported."""
