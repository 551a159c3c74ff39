"""The arithmetic of networks: single precision unless bfloat16 was asked for, and the same on every machine."""

import pytest
import torch
from made_networks import made_prior  # noqa: F401

from engine.priors import precision
from engine.priors.base import DenoiserPrior
from engine.priors.library import priors
from engine.runs.spec import RunSpec
