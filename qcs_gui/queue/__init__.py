"""Runs that wait their turn, and go on after a restart."""
