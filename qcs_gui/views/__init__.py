"""Dumb views: they lay out widgets, show what they are given and emit what was clicked."""
