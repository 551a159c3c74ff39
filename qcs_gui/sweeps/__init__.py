"""Sweeps in the window: chosen or written, run beside the window, and looked at as a table whose cells open as runs."""
