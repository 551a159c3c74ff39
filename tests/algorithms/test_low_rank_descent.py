"""Low rank: exact recovery, the condition number, outliers, tensors, one-bit completion, and the contract of algorithms."""

import json
import math

import pytest
import torch

from engine.algorithms import ALGORITHMS, Draws
from engine.algorithms.lowrank.descent import Descent, Rule
from engine.algorithms.lowrank.factored import matrix_fit
from engine.algorithms.lowrank.fits import EntriesFit, PictureFit
from engine.algorithms.lowrank.outliers import largest_entries
from engine.algorithms.lowrank.pursuit import pursuit
from engine.algorithms.lowrank.rank_one_fit import RankOneFit
from engine.algorithms.lowrank.spectral import Factors, discernible, spectrum_of
from engine.control import Cancelled, Control
from engine.errors import InputError
from engine.images.made import film, low_rank_picture
from engine.runs import Job, RunSpec, measure
from engine.seeds import RowGenerators, generator
from engine.sensing.measurement import simulate
from engine.sensing.operators import OPERATORS
from engine.sensing.quantizers import QUANTIZERS
from studies.conditioning import conditioning, large_completion
from studies.conditioning import main as study
from studies.made_low_rank import aligned_distance, made_factors

METHODS = ("scaled-gd", "gd", "scaled-gd-lambda", "tucker-gd", "robust-pca")
PICTURE = torch.from_numpy(low_rank_picture(48, 40, 3, 5.0))[None]


def run(truth, **settings):
    """The job of a picture (1, c, h, w), and its last estimate."""
    _channels, height, width = truth.shape[1:]
    spec = RunSpec(**({"size": f"{width}x{height}", "device": "cpu", "image": "sample:photo-camera"} | settings))
    job = Job(spec, measure(spec, truth))
    steps = [iterate.step for iterate in job.stream()]
    return job, job.last.x, steps


def psnr(x, truth):
    return float(-10 * torch.log10((x.clamp(0, 1) - truth).square().mean()))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["scaled-gd", "gd", "scaled-gd-lambda"])
@pytest.mark.parametrize("rank", ["3", "auto"])
def test_a_picture_of_low_rank_comes_back_from_half_of_its_pixels(method, rank):
    job, x, _ = run(
        PICTURE, prior=f"low-rank rank={rank}", operator="inpainting", quantizer="none", noise=1e-4, algorithm=method
    )
    assert psnr(x, PICTURE) > 65
    assert job.history["relative_error"][-1] < 2e-3


@pytest.mark.parametrize(
    "operator", ["gaussian measurements=900", "dct measurements=900", "rank-one measurements=1100"]
)
def test_and_from_random_sums(operator):
    _, x, _ = run(
        PICTURE, prior="low-rank rank=3", operator=operator, quantizer="none", noise=1e-4, algorithm="scaled-gd"
    )
    assert psnr(x, PICTURE) > 60


@pytest.mark.parametrize("quantizer", ["none", "one-bit", "uniform bits=3"])
@pytest.mark.parametrize(("written", "kind"), [("inpainting", EntriesFit), ("rank-one", RankOneFit)])
def test_factors_and_pictures_are_the_same_data_term(quantizer, written, kind):
    operator = OPERATORS.parse(f"{written} measurements=900").build((1, 48, 40), 0)
    seen = simulate(PICTURE, operator, QUANTIZERS.parse(quantizer), 0.05, 0, offset=0.4)
    prior = RunSpec(prior="low-rank").prior.load("cpu", (1, 48, 40))
    entries, picture = matrix_fit(seen, prior), PictureFit(seen, prior)
    assert isinstance(entries, kind)
    draws = torch.Generator().manual_seed(0)
    left, right = (0.2 * torch.randn((1, 1, n, 4), generator=draws, dtype=torch.float64) for n in (48, 40))
    a, b = entries.pull(left, right), picture.pull(left, right)
    assert torch.allclose(a.value, b.value, rtol=1e-4, atol=1e-6)
    assert torch.allclose(a.right, b.right, atol=1e-3) and torch.allclose(a.left, b.left, atol=1e-3)
    assert torch.allclose(entries.start_times(right), picture.start_times(right), atol=1e-4)
    assert torch.allclose(entries.start_energy(), picture.start_energy(), rtol=1e-4)
    # the products belong to the gradient of the value
    step = 1e-5
    way = torch.randn(left.shape, generator=draws, dtype=torch.float64)
    ahead, behind = (entries.pull(left + sign * step * way, right).value for sign in (1, -1))
    slope = (ahead - behind) / (2 * step)
    assert float(slope) == pytest.approx(float((a.right * way).sum()), rel=1e-4)


@pytest.mark.slow
def test_scaling_makes_up_for_the_condition_number():
    rows = conditioning("completion", (1.0, 10.0), side=120, rank=4, iterations=1500)["rows"]
    steps = {(row["method"], row["condition"]): row["iterations"] for row in rows}
    assert steps["scaled-gd", 10.0] < 2 * steps["scaled-gd", 1.0]
    assert steps["gd", 10.0] > 4 * steps["gd", 1.0]
    assert all(row["distance"] < 1e-4 for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize(("problem", "side", "rank"), [("robust-pca", 160, 4), ("tensors", 30, 3), ("sensing", 60, 2)])
def test_each_problem_is_solved_to_a_millionth(problem, side, rank):
    row = conditioning(problem, (5.0,), side=side, rank=rank, iterations=400)["rows"][0]
    assert row["iterations"] is not None and row["error"] < 1e-6


@pytest.mark.slow
def test_a_rank_that_is_too_high_is_no_harm_from_a_small_random_start():
    rows = conditioning("over-estimated", (10.0,), side=40, rank=2, iterations=300)["rows"]
    steps = {row["method"]: row["iterations"] or 10**6 for row in rows}
    assert steps["scaled-gd-lambda"] < 200 and steps["scaled-gd-lambda"] < steps["gd"]


def test_the_damping_falls_with_the_square_root_of_the_objective():
    operator = OPERATORS.parse("inpainting measurements=900").build((1, 48, 40), 0)
    seen = simulate(PICTURE, operator, QUANTIZERS.parse("none"), 0.0, 0, offset=0.4)
    fit = matrix_fit(seen, RunSpec(prior="low-rank").prior.load("cpu", (1, 48, 40)))
    draws = torch.Generator().manual_seed(0)
    left, right = (0.2 * torch.randn((1, 1, n, 4), generator=draws, dtype=torch.float64) for n in (48, 40))
    start = Factors(left, right, torch.ones((1, 1, 4), dtype=torch.bool))
    one, none, going = (
        torch.ones((1, 1), dtype=torch.float64),
        torch.zeros(1, dtype=torch.float64),
        torch.tensor([True]),
    )
    follows = Descent(fit, start, Rule(True, 0.5, False, following=True), one, 3 * one, none)
    first = float(follows.f)
    for _ in range(8):
        follows.advance(going)
    share = float(follows.f) / first
    assert share < 0.3
    constant = Descent(fit, follows.factors, Rule(True, 0.5, False), one, 3 * share**0.5 * one, none)
    for descent in (follows, constant):
        descent.advance(going)
    assert torch.allclose(follows.factors.left, constant.factors.left, rtol=1e-9, atol=1e-12)
    assert torch.allclose(follows.factors.right, constant.factors.right, rtol=1e-9, atol=1e-12)


def test_distance_does_not_see_how_a_matrix_is_factored():
    truth = made_factors(30, 3, 5.0, 0)
    turn = torch.randn((3, 3), generator=torch.Generator().manual_seed(1), dtype=torch.float64) + 2 * torch.eye(3)
    other = truth._replace(left=truth.left @ turn, right=truth.right @ torch.linalg.inv(turn).mT)
    assert aligned_distance(other, truth) < 1e-6
    assert aligned_distance(truth._replace(left=1.1 * truth.left), truth) > 1e-2


@pytest.mark.slow
def test_large_matrices_are_never_formed():
    rows = large_completion(side=300, rank=3, share=0.2, seconds=5.0)["rows"]
    assert rows[0]["error"] <= 1e-4 and {"seconds", "peak_mb"} <= rows[0].keys() & rows[1].keys()
    places = matrix_fit(
        simulate(PICTURE, OPERATORS.parse("inpainting").build((1, 48, 40), 0), QUANTIZERS.parse("none"), 0.0, 0),
        RunSpec(prior="low-rank").prior.load("cpu", (1, 48, 40)),
    )  # fmt: skip
    assert max(t.numel() for t in vars(places).values() if isinstance(t, torch.Tensor)) <= places.seen


@pytest.mark.slow
@pytest.mark.parametrize(("operator", "more"), [("identity", 5), ("inpainting measurements=7500", 2)])
def test_dithered_bits_of_a_picture_of_rank_five_beat_the_linear_estimate(operator, more):
    truth = torch.from_numpy(low_rank_picture(100, 100, 5, 10.0))[None]
    job, x, _ = run(
        truth, prior="low-rank rank=5", operator=operator, quantizer="dithered", noise=0.02, algorithm="scaled-gd"
    )
    assert psnr(x, truth) > psnr(job.measurement.simple_estimate(), truth) + more


def test_the_moving_ball_is_told_from_the_still_scene():
    frames, side = 12, 20
    moving = torch.from_numpy(film(frames, side, side))[None]
    for form in ("threshold", "subgradient"):
        _, still, _ = run(moving, prior=f"low-rank form=frames frames={frames} rank=2", operator="identity", quantizer="none",
                          noise=0.005, algorithm=f"robust-pca form={form}")  # fmt: skip
        ball = (moving - still).reshape(frames, side, side).abs() > 0.15
        assert 0.02 < float(ball.float().mean()) < 0.12
        assert float((moving - still)[(moving < 0.9)].abs().median()) < 0.02


def test_the_largest_entries_are_so_in_their_row_and_column():
    e = torch.zeros((1, 1, 10, 10), dtype=torch.float64)
    e[0, 0, 3, :6] = torch.arange(1, 7)
    e[0, 0, 7, 7] = 0.5
    kept = largest_entries(e, torch.ones_like(e), 0.2)
    assert torch.equal(kept[0, 0, 3].nonzero().flatten(), torch.tensor([4, 5])) and float(kept[0, 0, 7, 7]) == 0.5


def test_the_rank_is_counted_where_noise_ends():
    truth = torch.from_numpy(low_rank_picture(64, 64, 6, 4.0))[None]
    seen = simulate(truth, OPERATORS.parse("identity").build((1, 64, 64), 0), QUANTIZERS.parse("none"), 0.02, 0)
    fit = matrix_fit(seen, RunSpec(prior="low-rank").prior.load("cpu", (1, 64, 64)))
    assert int(discernible(spectrum_of(fit, 30, RowGenerators([generator(0, "x")])), fit)) == 6


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("quantizer", ["none", "one-bit", "dithered", "uniform bits=3", "lloyd-max bits=2"])
def test_the_contract(method, quantizer):
    truth = torch.cat([PICTURE, PICTURE.flip(2)])
    settings = {
        "prior": "low-rank", "operator": "inpainting measurements=1400", "quantizer": quantizer, "noise": 0.05, "size": "40x48",
        "image": "sample:photo-camera", "device": "cpu", "algorithm": f"{method} iterations=6",
    }  # fmt: skip
    spec = RunSpec(**settings)
    both, alone = Job(spec, measure(spec, truth, [0, 1]), [0, 1]), Job(spec, measure(spec, truth[1:], [1]), [1])
    for job in (both, alone):
        steps = [iterate.step for iterate in job.stream()]
        assert steps == list(range(1, len(steps) + 1)) and job.last.is_last
        assert torch.isfinite(job.last.x).all() and job.last.mean is not None
    assert torch.allclose(both.last.x[1], alone.last.x[0], atol=1e-4)
    control = Control()
    stream = Job(spec, measure(spec, truth, [0, 1]), [0, 1]).stream(control)
    next(stream)
    control.cancel()
    with pytest.raises(Cancelled):
        list(stream)


def test_what_tells_nothing_of_a_row_is_refused():
    with pytest.raises(InputError, match="Nothing was seen of row 24 of the 48 x 40 matrix, nor of 23 more"):
        run(PICTURE, prior="low-rank", operator="inpainting pattern=half", quantizer="none", algorithm="scaled-gd")
    with pytest.raises(InputError, match="Nothing was seen of row"):
        run(PICTURE, prior="low-rank", operator="inpainting pattern=half", quantizer="none", algorithm="robust-pca")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"operator": "phase-retrieval", "algorithm": "scaled-gd"}, "needs a linear operator"),
        ({"operator": "dct", "algorithm": "robust-pca"}, "needs measurements that are pixels"),
        ({"prior": "low-rank form=patches", "operator": "identity", "algorithm": "tucker-gd"}, "set overlap=false"),
        ({"prior": "wavelet", "algorithm": "gd"}, "gd takes a low-rank prior: choose low-rank"),
        (
            {"operator": "identity", "algorithm": "robust-pca form=subgradient", "quantizer": "one-bit"},
            "takes real values",
        ),
    ],
)
def test_what_does_not_go_together_is_said(settings, words):
    spec = {
        "prior": "low-rank",
        "operator": "identity",
        "quantizer": "none",
        "image": "sample:photo-camera",
        "size": "32x32",
    } | settings
    with pytest.raises(InputError, match=words):
        run(PICTURE[:, :, :32, :32], **spec)


@pytest.mark.parametrize("method", METHODS[:4])
@pytest.mark.parametrize("operator", ["gaussian measurements=1", "rank-one measurements=1", "gaussian measurements=3"])
@pytest.mark.parametrize("quantizer", ["none", "one-bit"])
def test_a_single_measurement_gives_a_picture(method, operator, quantizer):
    _, x, _ = run(PICTURE[:, :, :16, :16], prior="low-rank", operator=operator, quantizer=quantizer, noise=0.01,
                  algorithm=f"{method} iterations=5")  # fmt: skip
    assert torch.isfinite(x).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("side", [2, 16])
def test_a_flat_picture_has_finite_curves(method, side):
    job, x, _ = run(torch.full((1, 1, side, side), 0.5), prior="low-rank", operator="identity", quantizer="none", noise=0.0,
                    algorithm=f"{method} iterations=5")  # fmt: skip
    assert torch.allclose(x, torch.full_like(x, 0.5), atol=1e-5)
    assert all(math.isfinite(v) for values in job.history.values() for v in values if v is not None)


@pytest.mark.parametrize("method", METHODS)
def test_a_step_that_is_too_long_is_one_sentence(method):
    how = "step=10 iterations=300" if method == "robust-pca" else "steps=constant step=50 iterations=300"
    noise = torch.rand((1, 1, 16, 16), generator=torch.Generator().manual_seed(0))
    with pytest.raises(InputError, match=f"{method} diverged at step .*; give a smaller step than"):
        run(
            noise,
            prior="low-rank rank=3",
            operator="identity" if method == "robust-pca" else "inpainting",
            quantizer="none",
            noise=0.01,
            algorithm=f"{method} {how}",
        )


@pytest.mark.slow
def test_the_study_of_conditioning_tells_iterations_and_draws(tmp_path, capsys):
    chart = tmp_path / "curves.svg"
    words = [
        "--problem",
        "completion",
        "--side",
        "40",
        "--rank",
        "2",
        "--condition",
        "1,5",
        "--chart",
        str(chart),
        "--json",
    ]
    assert study(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert {(r["method"], r["condition"]) for r in found["rows"]} == {
        (m, c) for m in ("gd", "scaled-gd") for c in (1.0, 5.0)
    }
    assert chart.read_text().startswith("<svg") and "κ = 5" in chart.read_text()
    for bad, sentence in (
        (["--condition", "a"], "takes numbers such as 1,5,10,20"), (["--rank", "300"], "rank=300 does not go with side=200"),
        (["--chart", "x.png"], "ends in .svg"),
    ):  # fmt: skip
        with pytest.raises(SystemExit):
            study(bad)
        assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("outliers", [10, 20, 45])
@pytest.mark.parametrize("rank", ["3", "auto"])
def test_a_share_of_outliers_that_is_true_or_too_large_is_enough(outliers, rank):
    """A row has more of them than its share now and then, and what was published knows only rows with less."""
    draws = torch.Generator().manual_seed(0)
    hit = torch.rand(PICTURE.shape, generator=draws) < 0.1
    spoilt = torch.where(hit, torch.ones(()), PICTURE)
    seen = simulate(spoilt, OPERATORS.parse("identity").build((1, 48, 40), 0), QUANTIZERS.parse("none"), 0.0, 0)
    prior = RunSpec(prior=f"low-rank rank={rank}", size="40x48").prior.load("cpu", (1, 48, 40))
    *_, last = ALGORITHMS.parse(f"robust-pca outliers={outliers}").iterates(seen, prior, Draws(0))
    assert float((last.x - PICTURE).norm() / (PICTURE - 0.5).norm()) < 0.01
    assert not last.note


def test_a_share_that_is_too_small_is_told():
    draws = torch.Generator().manual_seed(0)
    spoilt = torch.where(torch.rand(PICTURE.shape, generator=draws) < 0.1, torch.ones(()), PICTURE)
    seen = simulate(spoilt, OPERATORS.parse("identity").build((1, 48, 40), 0), QUANTIZERS.parse("none"), 0.0, 0)
    prior = RunSpec(prior="low-rank rank=3", size="40x48").prior.load("cpu", (1, 48, 40))
    *_, last = ALGORITHMS.parse("robust-pca outliers=2").iterates(seen, prior, Draws(0))
    assert "raise outliers" in last.note


def test_pursuit_parts_low_rank_from_outliers_without_knowing_either():
    draws = torch.Generator().manual_seed(1)
    low = (torch.randn((1, 1, 60, 2), generator=draws) @ torch.randn((1, 1, 2, 70), generator=draws)).double()
    spoilt = low + 5 * (torch.rand(low.shape, generator=draws) < 0.08) * torch.randn(low.shape, generator=draws)
    at = (torch.rand(low.shape, generator=draws) < 0.9).double()
    *_, found = pursuit(spoilt * at, at)
    assert float((found.low - low).norm() / low.norm()) < 1e-3
    assert not bool((found.sparse * (1 - at)).any())
