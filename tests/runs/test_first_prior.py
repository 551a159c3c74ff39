"""The prior that a measurement file begins with: the same in the window and on the command line."""

import numpy as np
import pytest

from engine.errors import InputError
from engine.runs.first_prior import first_prior


@pytest.mark.parametrize(
    ("shape", "name"),
    [((1, 28, 28), "mnist"), ((3, 32, 32), "cifar10"), ((1, 100, 70), "natural"), ((3, 40, 50), "natural")],
)
def test_a_denoiser_for_just_the_shape_goes_before_one_for_any(shape, name):
    prior, why = first_prior({}, shape)
    assert prior.kind == "denoiser" and prior.takes(shape)
    assert prior.any_size == (name == "natural") == (why == "for pictures of any size")
    assert name != "natural" or prior.name == name


def test_few_angles_are_of_things_of_one_material_and_all_round_of_any():
    assert first_prior({"angles": np.linspace(0, 60, 121)}, (1, 64, 64))[0].name == "two-valued"
    assert first_prior({"angles": np.linspace(0, 179, 180)}, (1, 64, 64))[0].name == "natural"


def test_no_prior_is_one_sentence():
    with pytest.raises(InputError, match="no prior for pictures of shape"):
        first_prior({}, (7, 5, 5))
