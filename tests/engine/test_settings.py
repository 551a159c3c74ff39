"""Settings: what is accepted, what is refused and how it is said."""

import pytest

from engine.algorithms import ALGORITHMS
from engine.errors import InputError
from engine.priors.library import priors
from engine.runs.advice import recommend
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS

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
        (OPERATORS, "gaussian measurements=0", "from 1 to 100,000,000"),
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


MNIST = priors().parse("mnist")


def test_turbo_warns_where_it_does_badly_and_is_refused_where_it_cannot_run():
    turbo, one_bit = ALGORITHMS.parse("turbo"), QUANTIZERS.parse("one-bit")
    for written in ("correlated", "dct measurements=60000", "single-pixel"):
        assert (
            turbo.refusal(OPERATORS.parse(written), one_bit, MNIST)
            is turbo.warning(OPERATORS.parse(written), one_bit, MNIST)
            is None
        )
    for written in ("correlated convention=element-wise", "inpainting", "blur", "super-resolution", "identity"):
        assert turbo.refusal(OPERATORS.parse(written), one_bit, MNIST) is None
        assert "plug-and-play" in turbo.warning(OPERATORS.parse(written), one_bit, MNIST)
    for written in ("phase-retrieval", "gaussian measurements=20000"):
        assert "guided" in turbo.refusal(OPERATORS.parse(written), one_bit, MNIST)


def test_the_advice_fits_what_it_is_given_for():
    names = [n for n in OPERATORS.choices if n != "matrix"]
    for written in [*names, "correlated convention=element-wise", "gaussian measurements=20000"]:
        for quantizer in QUANTIZERS.choices:
            operator, seen = OPERATORS.parse(written), QUANTIZERS.parse(quantizer)
            best, reason = recommend(operator, seen, MNIST)
            algorithm = ALGORITHMS.parse(best)
            assert algorithm.refusal(operator, seen, MNIST) is None
            assert algorithm.warning(operator, seen, MNIST) is None or "did best on test pictures" in reason
    assert recommend(OPERATORS.parse("ill-conditioned"), QUANTIZERS.parse("one-bit"), MNIST)[0] == "turbo"
    natural, real = priors().parse("natural"), QUANTIZERS.parse("none")
    for written in (
        "inpainting",
        "inpainting pattern=box",
        "super-resolution factor=2",
        "blur width=2",
        "phase-retrieval",
    ):
        assert ALGORITHMS.parse(recommend(OPERATORS.parse(written), real, natural)[0]).name == "plug-and-play"
