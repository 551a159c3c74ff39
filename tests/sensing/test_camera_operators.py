"""Convolutions with a border, mosaics, rays, sparse matrices, functions and rows of transforms, each against another way."""

import math

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d

from engine.errors import InputError
from engine.sensing.operators import OPERATORS
from engine.sensing.operators.convolution import ConvolutionOperator
from engine.sensing.operators.functions import FunctionOperator
from engine.sensing.operators.scan import make_scan, ray_lengths, rays_of
from engine.sensing.operators.sparse import SparseOperator
from engine.sensing.operators.transform_rows import TRANSFORMS, TransformRows


def dense(operator):
    pixels = math.prod(operator.image_shape)
    return operator.forward(torch.eye(pixels, dtype=torch.float64).reshape(pixels, *operator.image_shape)).T


def has_its_adjoint(operator):
    x = torch.randn(2, *operator.image_shape, dtype=torch.float64)
    z = torch.randn(2, operator.rows, dtype=torch.float64)
    here, there = (operator.forward(x) * z).sum(1), (x * operator.adjoint(z)).flatten(1).sum(1)
    return torch.allclose(here, there, rtol=1e-9, atol=1e-9 * float(here.abs().max()))


# -- convolution -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", [(3, 5), (4, 6), (1, 1), (12, 15)])
def test_a_cropped_convolution_is_the_valid_part(kernel):
    k, x = torch.rand(kernel), torch.rand(2, 3, 12, 15, dtype=torch.float64)
    operator = ConvolutionOperator(k, (3, 12, 15))
    want = np.stack([[convolve2d(c, k.double(), "valid") for c in one] for one in x.numpy()])
    assert operator.sensor == want.shape[2:] and operator.rows == 3 * math.prod(want.shape[2:])
    assert torch.allclose(operator.forward(x), torch.from_numpy(want).flatten(1))
    assert has_its_adjoint(operator)
    assert torch.allclose(operator.row_norms_squared(), dense(operator).square().sum(1), rtol=1e-5)


@pytest.mark.parametrize("kernel", [(12, 15), (7, 30), (4, 5), (25, 2)])
def test_a_lensless_sensor_sees_the_middle_of_the_whole_convolution(kernel):
    k, x = torch.rand(kernel), torch.rand(1, 1, 12, 15, dtype=torch.float64)
    operator = ConvolutionOperator(k, (1, 12, 15), (12, 15))
    whole = convolve2d(x[0, 0], k.double(), "full")
    top, left = kernel[0] // 2, kernel[1] // 2
    assert torch.allclose(
        operator.forward(x)[0], torch.from_numpy(whole[top : top + 12, left : left + 15].copy()).flatten()
    )
    assert has_its_adjoint(operator)
    assert torch.allclose(operator.row_norms_squared(), dense(operator).square().sum(1), rtol=1e-5)


def test_cropped_blur_agrees_with_periodic_blur_inside_and_its_picture_lies_in_place():
    x = torch.rand(1, 1, 32, 28)
    periodic, cropped = (
        OPERATORS.parse(f"blur width=1.2 border={b}").build((1, 32, 28), 0) for b in ("periodic", "cropped")
    )
    laid = cropped.laid_out(cropped.forward(x)[0])
    inside = laid.isfinite()
    assert 0 < int(inside.sum()) == cropped.rows < inside.numel()
    assert torch.allclose(laid[inside], periodic.laid_out(periodic.forward(x)[0])[inside], atol=2e-4)
    plain = cropped.interpolate(cropped.forward(x))
    assert plain.shape == x.shape and torch.allclose(plain[0][inside], laid[inside])
    # the border goes on
    assert torch.equal(plain[0, 0, 0], plain[0, 0, cropped._corner()[0]])


def test_what_does_not_fit_is_said():
    with pytest.raises(InputError, match="smaller kernel"):
        ConvolutionOperator(torch.ones(9, 3), (1, 8, 8))
    with pytest.raises(InputError, match="narrower"):
        OPERATORS.parse("blur border=cropped width=5").build((1, 16, 16), 0)
    with pytest.raises(InputError, match="larger scene"):
        ConvolutionOperator(torch.ones(3, 3), (1, 8, 8), (30, 8))


def test_conjugate_gradients_are_helped_by_the_periodic_basis():
    from engine.likelihoods.gram import GramSolver

    operator = OPERATORS.parse("blur border=cropped width=1.5").build((1, 32, 32), 0)
    r = torch.randn(2, operator.rows, dtype=torch.float64)
    solver, level, one = GramSolver(operator), torch.full((2,), 1e-3), torch.ones(2)
    exact = torch.linalg.solve(1e-3 * torch.eye(operator.rows) + dense(operator) @ dense(operator).T, r.T).T
    assert torch.allclose(solver.solve(r, level, one), exact, rtol=1e-3, atol=1e-3 * float(exact.abs().max()))


# -- tomography --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fan", [False, True])
def test_lengths_are_those_of_finely_sampled_rays(fan):
    picture = np.random.default_rng(0).random((8, 12))
    where = {"source": 15.0, "behind": 9.0} if fan else {}
    points, ways = rays_of(np.radians([0.7, 30.0, 91.0, 200.0]), 9, 1.3, **where)
    points, ways = points.reshape(-1, 2), ways.reshape(-1, 2)
    ray, pixel, length = ray_lengths(points, ways, picture.shape)
    found = np.bincount(ray, length * picture.ravel()[pixel], minlength=len(points))
    steps = (np.arange(60000) + 0.5) / 60000 * 60 - 30
    for k in range(len(points)):
        x, y = (points[k] + steps[:, None] * ways[k]).T
        column, row = np.floor(x + 6).astype(int), np.floor(4 - y).astype(int)
        inside = (column >= 0) & (column < 12) & (row >= 0) & (row < 8)
        assert found[k] == pytest.approx(picture[row[inside], column[inside]].sum() * 60 / 60000, abs=5e-3)


def test_a_disc_has_the_sinogram_of_a_disc_and_comes_back():
    n, radius = 64, 20
    y, x = np.mgrid[:n, :n] - (n - 1) / 2
    disc = torch.from_numpy((x**2 + y**2 < radius**2).astype(np.float32))[None, None]
    operator = OPERATORS.parse("tomography angles=90").build((1, n, n), 0)
    sinogram = operator.laid_out(operator.forward(disc)[0])[0].numpy()
    assert sinogram.shape == (90, 91)
    place = (np.arange(91) - 45) * math.hypot(n, n) / 91
    chord = 2 * np.sqrt(np.clip(radius**2 - place**2, 0, None))
    assert np.abs(sinogram - chord).mean() < 0.4
    back = operator.interpolate(operator.forward(disc))
    assert float((back - disc).square().mean().sqrt()) < 0.08


def test_the_first_angle_looks_upwards_and_angles_turn_anticlockwise():
    picture = torch.zeros(1, 1, 9, 9)
    picture[0, 0, 4, 7] = 1  # right of the middle
    operator = make_scan(np.radians([0.0, 90.0]), 9, 1.0, (1, 9, 9))
    upwards, leftwards = operator.forward(picture)[0].reshape(2, 9)
    assert upwards.argmax() == 7 and leftwards.argmax() == 4
    picture = picture.transpose(2, 3)  # below the middle
    upwards, leftwards = operator.forward(picture)[0].reshape(2, 9)
    assert upwards.argmax() == 4 and leftwards.argmax() == 1


def test_a_source_inside_the_picture_is_refused():
    with pytest.raises(InputError, match="within the picture"):
        make_scan(np.zeros(1), 4, 1.0, (1, 8, 8), source=5.0, behind=8.0)


# -- sparse matrices and functions -------------------------------------------------------------------------------------


def test_a_sparse_matrix_measures_as_the_dense_one_and_stays_sparse():
    import scipy.sparse

    matrix = scipy.sparse.random_array((40, 3 * 60), density=0.05, rng=np.random.default_rng(0), dtype=np.float64)
    operator = SparseOperator.from_scipy(matrix, (3, 6, 10))
    assert torch.allclose(dense(operator), torch.from_numpy(matrix.toarray()), atol=1e-7)
    assert has_its_adjoint(operator)
    assert torch.allclose(operator.row_norms_squared(), dense(operator).square().sum(1), rtol=1e-5)
    assert operator.non_negative and operator.memory_usage() < 24 * matrix.nnz + 8 * (40 + 180 + 2) + 1
    large = scipy.sparse.csr_array(([1.0, -1.0], ([0, 10**6 - 1], [5, 10**6 - 1])), shape=(10**6, 10**6))
    huge = SparseOperator.from_scipy(large, (1, 1000, 1000))
    assert not huge.non_negative and float(huge.forward(torch.ones(1, 1, 1000, 1000)).sum()) == 0


@pytest.mark.parametrize(
    ("starts", "columns", "entries", "words"),
    [
        ([0, 1], [99], [1.0], "one column per pixel"),
        ([0, 2], [1], [1.0], "rise from 0"),
        ([0, 2, 1], [1], [1.0], "rise from 0"),
        ([0, 1], [1, 2], [1.0], "give as many"),
        ([0, 1], [1], [math.nan], "finite"),
        ([0, 1], [1], [0.0], "all zero"),
        ([0.0, 1.0], [1], [1.0], "whole numbers"),
    ],
)
def test_what_is_no_sparse_matrix_is_said(starts, columns, entries, words):
    with pytest.raises(InputError, match=words):
        SparseOperator(np.array(starts), np.array(columns), np.array(entries), (1, 4, 4))


def test_functions_and_linear_operators_are_taken_and_checked():
    from scipy.sparse.linalg import aslinearoperator

    matrix = np.random.default_rng(0).normal(size=(7, 20))
    operator = FunctionOperator.from_scipy(aslinearoperator(matrix), (1, 4, 5))
    assert torch.allclose(dense(operator), torch.from_numpy(matrix)) and not operator.non_negative
    assert torch.allclose(operator.row_norms_squared(), torch.from_numpy((matrix**2).sum(1)))
    assert FunctionOperator(lambda x: abs(matrix) @ x, lambda z: abs(matrix).T @ z, 7, (1, 4, 5)).non_negative
    for forward, adjoint, words in (
        (lambda x: matrix @ x, lambda z: -matrix.T @ z, "adjoint"),
        (lambda x: matrix @ x + 1, lambda z: matrix.T @ z, "not linear"),
        (lambda x: x, lambda z: matrix.T @ z, "gives 20 numbers"),
    ):
        with pytest.raises(InputError, match=words):
            FunctionOperator(forward, adjoint, 7, (1, 4, 5))


def test_norms_of_many_rows_are_estimated():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(2100, 30)) * rng.uniform(0.5, 2, size=(2100, 1))
    operator = FunctionOperator(lambda x: matrix @ x, lambda z: matrix.T @ z, 2100, (1, 5, 6))
    share = operator.row_norms_squared().numpy() / (matrix**2).sum(1)
    assert abs(share.mean() - 1) < 0.02 and share.std() < 0.2


# -- rows of transforms ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_all_rows_of_a_transform_are_orthonormal(transform):
    operator = TransformRows(transform, torch.randperm(128), (1, 8, 16), scale=3.0, levels=3)
    matrix = dense(operator)
    assert torch.allclose(matrix @ matrix.T, 9 * torch.eye(128, dtype=torch.float64), atol=1e-9)
    assert has_its_adjoint(operator)


@pytest.mark.parametrize("rising", [False, True])
def test_haar_coefficients_lie_as_pywavelets_lays_them_out(rising):
    pywt = pytest.importorskip("pywt")
    x = np.random.default_rng(0).random((16, 32))
    want = pywt.coeffs_to_array(pywt.wavedec2(x, "haar", level=3))[0]
    operator = TransformRows("haar", torch.arange(512), (1, 16, 32), levels=3, rising=rising)
    found = operator.forward(torch.from_numpy(x)[None, None])[0].reshape(16, 32).numpy()
    signs = np.sign(found / want)
    assert np.allclose(np.abs(found), np.abs(want))
    both = np.zeros((16, 32), bool)
    for level in range(1, 4):
        both[16 >> level : 16 >> (level - 1), 32 >> level : 32 >> (level - 1)] = True
    same = both | np.logical_and.outer(np.arange(16) < 2, np.arange(32) < 4) | (not rising)
    assert (signs[same] == 1).all() and (signs[~same] == -1).all()


def test_haar_of_a_step_without_pywavelets():
    x = torch.tensor([[1.0, 2.0], [5.0, 8.0]], dtype=torch.float64)[None, None]
    falling, rising = (
        TransformRows("haar", torch.arange(4), (1, 2, 2), rising=r).forward(x)[0].tolist() for r in (False, True)
    )
    assert falling == pytest.approx([8, -2, -5, 1]) and rising == pytest.approx([8, 2, 5, 1])


def test_walsh_rows_are_in_order_of_sign_changes_and_dct_is_scipys():
    from scipy.fft import dctn
    from scipy.linalg import hadamard

    walsh = dense(TransformRows("walsh", torch.arange(16), (1, 1, 16))) * 4
    assert [int((row[1:] != row[:-1]).sum()) for row in walsh.round()] == list(range(16))
    natural = dense(TransformRows("hadamard", torch.arange(64), (1, 8, 8))) * 8
    assert np.allclose(natural, hadamard(64))
    x = np.random.default_rng(0).random((6, 9))
    found = TransformRows("dct", torch.arange(54), (1, 6, 9)).forward(torch.from_numpy(x)[None, None])[0]
    assert np.allclose(found.reshape(6, 9), dctn(x, norm="ortho"))


def test_rows_that_are_not_there_are_refused():
    for made, words in (
        (lambda: TransformRows("walsh", torch.arange(3), (1, 6, 8)), "powers of two"),
        (lambda: TransformRows("haar", torch.arange(3), (1, 8, 8), levels=4), "divisible by 16"),
        (lambda: TransformRows("dct", torch.tensor([64]), (1, 8, 8)), "from 0 to 63"),
        (lambda: TransformRows("dct", torch.tensor([1, 1]), (1, 8, 8)), "twice"),
        (lambda: TransformRows("dct", torch.tensor([1]), (3, 8, 8)), "one channel"),
        (lambda: OPERATORS.parse("patterns measurements=65").build((1, 8, 8), 0), "only 64"),
    ):
        with pytest.raises(InputError, match=words):
            made()


def test_coarse_patterns_come_first():
    flat = torch.full((1, 1, 16, 16), 0.5)
    for transform in ("dct", "walsh", "haar"):
        operator = OPERATORS.parse(f"patterns measurements=16 transform={transform} levels=4").build((1, 16, 16), 0)
        assert float(operator.forward(flat)[0, 0]) == pytest.approx(8)
        again = operator.interpolate(operator.forward(flat))
        assert torch.allclose(again, flat, atol=1e-6)


# -- mosaic ------------------------------------------------------------------------------------------------------------


def test_a_mosaic_sees_the_colours_of_its_pattern():
    x = torch.arange(3 * 4 * 6, dtype=torch.float32).reshape(1, 3, 4, 6)
    operator = OPERATORS.parse("bayer pattern=grbg").build((3, 4, 6), 0)
    seen = operator.laid_out(operator.forward(x)[0])[0]
    assert seen[0, 0] == x[0, 1, 0, 0] and seen[0, 1] == x[0, 0, 0, 1]
    assert seen[1, 0] == x[0, 2, 1, 0] and seen[3, 5] == x[0, 1, 3, 5]
    flat = torch.tensor([0.2, 0.5, 0.9]).reshape(1, 3, 1, 1).expand(1, 3, 4, 6)
    assert torch.allclose(operator.interpolate(operator.forward(flat)), flat)
    with pytest.raises(InputError, match="colour"):
        OPERATORS.parse("bayer").build((2, 4, 4), 0)


def test_a_coarser_scan_measures_pictures_of_blocks():
    operator = OPERATORS.parse("tomography angles=7").build((1, 20, 31), 0)
    coarse, merged = operator.coarser(8)
    assert coarse.image_shape == (1, 5, 8)
    small = torch.rand((2, 1, 5, 8))
    large = small.repeat_interleave(4, 2).repeat_interleave(4, 3)[..., :20, :31]
    assert coarse.forward(small).numpy() == pytest.approx(merged(operator.forward(large)).numpy(), rel=1e-4, abs=1e-4)
    assert coarse.rows == 7 * math.ceil(operator.scan[1] / 4)
    some = torch.tensor([3, 40, 41])
    assert torch.equal(operator.rows_of(some), super(SparseOperator, operator).rows_of(some))
    same, kept = operator.coarser(31)
    assert same is operator
    assert torch.equal(kept(small), small)
