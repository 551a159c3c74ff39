"""Readers for test_wall, each of which goes wrong in its own way."""

import faulthandler
import os
import sys
import time

import numpy as np

from engine.errors import InputError
from engine.foreign.wall import Answer


def plain(path):
    heavy = [m for m in ("torch", "PySide6", "scipy") if m in sys.modules]
    arrays = {
        "turned": np.arange(6).reshape(2, 3).T,
        "big": np.arange(3, dtype=">f8"),
        "word": np.array("wörd"),
        "none": np.zeros((0, 3)),
    }
    return Answer({"path": path.name, "modules": heavy}, arrays)


def crash(path):
    faulthandler.enable()
    os.abort()


def hang(path):
    time.sleep(1000)


def error(path):
    raise ZeroDivisionError


def deep(path):
    value = []
    for _ in range(100_000):
        value = [value]
    return Answer({"value": value})


def objects(path):
    return Answer(arrays={"a": np.array([object()])})


def too_much(path):
    return Answer(arrays={"a": np.zeros(1 << 21, np.uint8)})


class Lying(np.ndarray):
    shape = (1 << 40, 1 << 40)


def lies(path):
    return Answer(arrays={"a": np.zeros(4, np.uint8).view(Lying)})


def greedy(path):
    return Answer({"sum": int(np.ones(1 << 26).sum())})


def refuse(path):
    raise InputError("no such luck.")
