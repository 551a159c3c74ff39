"""Runs first in the bundle, before anything is imported. torch.jit would want sources, which the bundle does not hold."""

import os

os.environ["PYTORCH_JIT"] = "0"
