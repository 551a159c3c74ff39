"""Sweeps: images times a grid of settings as one job, in one process, a pool or a cluster; its table and its curves.

Nothing is imported here, so that a process that only computes cells loads no more than it needs.
"""
