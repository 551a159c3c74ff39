"""Settings: what is accepted, what is refused and how it is said."""

import pytest

from engine.algorithms import ALGORITHMS
from engine.errors import InputError
from engine.operators import OPERATORS
from engine.priors.library import priors
from engine.quantizers import QUANTIZERS

FAMILIES = [OPERATORS, QUANTIZERS, ALGORITHMS]
ALL = [(family, name) for family in FAMILIES for name in family.choices]


@pytest.mark.parametrize(("family", "name"), ALL)
def test_written_form_reads_back(family, name):
    choice = family.parse(name)
    assert family.parse(str(choice)) == choice


@pytest.mark.parametrize(("family", "name"), ALL)
def test_every_setting_is_described(family, name):
    facts = family.get(name).describe()
    assert facts["label"]
    assert facts["summary"].endswith(".")
    for key, setting in facts["settings"].items():
        assert setting["label"], key
        assert setting["help"].endswith("."), key


@pytest.mark.parametrize(
    ("family", "written", "says"),
    [
        (OPERATORS, "gausian", "did you mean gaussian"),
        (OPERATORS, "gaussian measurments=3", "did you mean measurements"),
        (OPERATORS, "gaussian measurements=0", "from 1 to 10,000,000"),
        (OPERATORS, "gaussian measurements=2.5", "whole number"),
        (OPERATORS, "gaussian measurements=nan", "whole number"),
        (OPERATORS, "gaussian measurements=inf", "whole number"),
        (OPERATORS, "gaussian measurements", "key=value"),
        (OPERATORS, "gaussian measurements=1 measurements=2", "twice"),
        (OPERATORS, "", "No operator"),
        (OPERATORS, "gaussian 'x", "unclosed quote"),
        (QUANTIZERS, "uniform bits=9", "from 1 to 8"),
        (QUANTIZERS, "uniform step=nan", "finite number"),
        (QUANTIZERS, "uniform step=-1", "above 0"),
        (ALGORITHMS, "qcs-sgm guard=maybe", "true or false"),
        (ALGORITHMS, "qcs-sgm step=inf", "finite"),
        (ALGORITHMS, "qcs-sgm preset=fast", "presets: paper"),
        (ALGORITHMS, "turbo rounds=auto", "needs a value"),
    ],
)
def test_bad_input_is_one_sentence(family, written, says):
    with pytest.raises(InputError) as caught:
        family.parse(written)
    message = str(caught.value)
    assert says in message
    assert "\n" not in message
    assert message.endswith((".", "?)."))


def test_preset_can_be_overridden():
    paper = ALGORITHMS.parse("qcs-sgm preset=paper")
    assert (paper.step, paper.levels, paper.repeats, paper.final_denoising) == (2.0, 232, 5, False)
    assert ALGORITHMS.parse("qcs-sgm preset=paper levels=7").levels == 7


def test_optional_takes_auto():
    assert QUANTIZERS.parse("uniform step=auto").step is None


def test_priors_have_cards():
    facts = priors().get("mnist").describe()
    card = facts["card"]
    assert facts["image_shape"] == [1, 28, 28]
    for key in ("data", "licence", "command", "title"):
        assert card[key], key
    assert card["seed"] is not None
    assert len(card["quality"]["sigma"]) == len(card["quality"]["rmse"]) >= 8


def test_turbo_is_not_offered_where_it_fails():
    turbo, one_bit = ALGORITHMS.parse("turbo"), QUANTIZERS.parse("one-bit")
    assert turbo.refusal(OPERATORS.parse("correlated"), one_bit) is None
    assert "guided" in turbo.refusal(OPERATORS.parse("correlated convention=element-wise"), one_bit)
    assert turbo.refusal(OPERATORS.parse("dct measurements=60000"), one_bit) is None
