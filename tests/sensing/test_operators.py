"""The contract of every operator: adjoint, row norms, eigenbasis, seeds, memory."""

import math

import pytest
import torch

from engine.errors import InputError
from engine.sensing.operators import OPERATORS
from engine.sensing.operators.base import refuse_if_too_large

SHAPES = [(1, 8, 8), (3, 5, 10)]
CHOICES = [c for n, c in OPERATORS.choices.items() if n != "matrix"]
LINEAR = [c.name for c in CHOICES if c.is_linear]
MORE = [
    "gaussian measurements=24 colour=per-channel", "dct measurements=24 colour=per-channel",
    "single-pixel measurements=24 differential=false", "inpainting pattern=box", "inpainting pattern=half",
    "blur kernel=motion", "blur border=cropped width=0.5", "blur border=dark kernel=motion", "tomography angles=5 beam=fan",
    "patterns transform=dct order=random measurements=9", "correlated measurements=24 convention=element-wise",
]  # fmt: skip
SCALED = [
    "gaussian",
    "orthogonal",
    "ill-conditioned",
    "correlated",
    "dct",
    "hadamard",
    "dft",
    "single-pixel",
    "rank-one",
]


def choice(written, shape=(1, 8, 8)):
    """The choice, with a size that suits small test pictures."""
    name, *rest = written.split()
    fields = OPERATORS.get(name).settings()
    if not rest and "measurements" in fields:
        rest = ["measurements=24"]
    if name == "super-resolution":
        rest = [f"factor={2 if shape[1] % 2 == 0 else 5}"]
    return OPERATORS.parse(" ".join([name, *rest]))


def build(written, shape, seed=0):
    return choice(written, shape).build(shape, seed)


def dense(operator):
    pixels = math.prod(operator.image_shape)
    return operator.forward(torch.eye(pixels).reshape(pixels, *operator.image_shape)).T.double()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", [*LINEAR, *MORE])
def test_adjoint_dot_test(name, shape):
    operator = build(name, shape)
    x, z = torch.randn(5, *shape, dtype=torch.float64), torch.randn(5, operator.rows, dtype=torch.float64)
    left = (operator.forward(x) * z).sum(1)
    right = (x * operator.adjoint(z)).flatten(1).sum(1)
    assert torch.allclose(left, right, rtol=1e-6, atol=1e-6 * float(left.abs().max()))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", [*LINEAR, *MORE])
def test_row_norms_and_eigenbasis_are_exact(name, shape):
    operator = build(name, shape)
    matrix = dense(operator)
    assert torch.allclose(operator.row_norms_squared(), matrix.square().sum(1), rtol=1e-5)
    basis = operator.gram_eigenbasis()
    if basis is not None:
        z = torch.randn(3, operator.rows, dtype=torch.float64)
        assert torch.allclose(basis.synthesise(basis.analyse(z)), z, atol=1e-5)
        product = basis.synthesise(basis.values.double() * basis.analyse(z))
        assert torch.allclose(product, z @ (matrix @ matrix.T), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", SCALED)
def test_seed_fixes_the_operator_and_scale_is_the_convention(name):
    first, again, other = (dense(build(name, (1, 16, 16), seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert float(first.square().sum()) == pytest.approx(256, rel=0.05)


def test_memory_is_refused_before_allocation():
    with pytest.raises(InputError, match="GB"):
        OPERATORS.parse("gaussian measurements=10000000").build((3, 512, 512), 0)
    refuse_if_too_large(1000, "It", "nothing")


@pytest.mark.parametrize("name", [c.name for c in CHOICES] + MORE)
@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 10, 10)])
def test_what_a_choice_says_beforehand_is_true(name, shape):
    made = choice(name, shape)
    operator = made.build(shape, 0)
    assert 0 < operator.memory_usage() <= made.memory_for(shape)
    assert made.rows_for(shape) == operator.rows
    assert made.mean_row_norm_squared(shape) == pytest.approx(float(operator.row_norms_squared().mean()), rel=0.15)
    assert made.is_linear == operator.is_linear
    basis = operator.gram_eigenbasis()
    assert made.has_eigenbasis == (basis is not None)
    if basis is not None:
        assert made.orthogonal_rows == basis.trivial
    picture = operator.picture()
    assert picture.shape[0] == shape[0]
    assert 0 <= float(picture.min()) < float(picture.max()) <= 1 or name in ("identity", "bayer")


@pytest.mark.parametrize("name", [n for n in LINEAR if n not in (*SCALED, "patterns")] + MORE[2:9])
def test_light_has_no_negative_rows_and_mid_grey_is_the_centre(name):
    operator = build(name, (1, 10, 10))
    assert operator.non_negative
    assert (dense(operator) >= -1e-7).all()
    centre, scale = operator.typical_response(0.0)
    assert torch.allclose(
        torch.as_tensor(centre).float(), operator.forward(torch.full((1, 1, 10, 10), 0.5))[0], atol=1e-6
    )
    assert scale > 0


def test_convolutions_and_blocks_against_scipy():
    from scipy.ndimage import convolve

    x = torch.rand(1, 1, 16, 16, dtype=torch.float64)
    blur = build("blur kernel=motion length=5 angle=30", (1, 16, 16))
    kernel = blur.kernel.roll((8, 8), (0, 1)).double().numpy()[:16, :16]
    want = convolve(x[0, 0].numpy(), kernel, mode="wrap", origin=(0, 0))
    assert torch.allclose(blur.forward(x).reshape(16, 16), torch.from_numpy(want), atol=1e-6)
    assert float(blur.kernel.sum()) == pytest.approx(1)
    blocks = OPERATORS.parse("super-resolution factor=4").build((1, 16, 16), 0)
    assert torch.allclose(blocks.forward(x)[0], x.reshape(4, 4, 4, 4).mean((1, 3)).flatten())
    with pytest.raises(InputError, match="blocks of 3"):
        OPERATORS.parse("super-resolution factor=3").build((1, 16, 16), 0)


def test_masks(tmp_path):
    from engine.images import save_png

    mask = torch.zeros(1, 8, 8)
    mask[:, :, 4:] = 1
    save_png(tmp_path / "mask.png", mask.numpy())
    seen = OPERATORS.parse(f"inpainting pattern=image file={tmp_path / 'mask.png'}").build((3, 8, 8), 0)
    assert torch.equal(seen.picture(), mask.expand(3, -1, -1))
    assert torch.equal(
        build("inpainting pattern=half", (1, 8, 8)).picture()[0].mean(1), torch.tensor([1.0] * 4 + [0.0] * 4)
    )
    assert float(build("inpainting pattern=box box=0.5", (1, 8, 8)).picture().mean()) == 0.75
    random = [OPERATORS.parse("inpainting measurements=20").build((1, 8, 8), s).picture() for s in (0, 0, 1)]
    assert torch.equal(random[0], random[1]) and not torch.equal(random[0], random[2])
    assert float(random[0].sum()) == 20
    for bad in ("inpainting measurements=65", "inpainting pattern=image", "inpainting pattern=box box=1"):
        with pytest.raises(InputError):
            OPERATORS.parse(bad).build((1, 8, 8), 0)


@pytest.mark.parametrize("shape", SHAPES)
def test_phase_retrieval_has_the_right_jacobian(shape):
    operator = OPERATORS.parse("phase-retrieval masks=3").build(shape, 0)
    x = torch.rand(2, *shape, dtype=torch.float64)
    jacobian = torch.stack(
        [torch.autograd.functional.jacobian(lambda v: operator.forward(v[None])[0], one).flatten(1) for one in x]
    )
    z = torch.randn(2, operator.rows, dtype=torch.float64)
    want = (jacobian * z[:, :, None]).sum(1).reshape(x.shape)
    assert torch.allclose(operator.pull_back(x, z), want, atol=1e-6)
    assert torch.allclose(operator.row_norms_squared_at(x), jacobian.square().sum(2), rtol=1e-4, atol=1e-6)
    assert float(jacobian.square().sum(2).mean()) == pytest.approx(float(operator.row_norms_squared()[0]), rel=0.1)
    assert float(torch.linalg.matrix_norm(jacobian, 2).max()) <= operator.gain_bound() + 1e-6


@pytest.mark.parametrize("suffix", ["npy", "npz", "mat", "csv"])
def test_matrix_files(tmp_path, suffix):
    import numpy as np
    from scipy.io import savemat

    matrix, file = np.random.default_rng(0).normal(size=(12, 64)), tmp_path / f"A.{suffix}"
    {
        "npy": lambda: np.save(file, matrix), "npz": lambda: np.savez(file, A=matrix),
        "mat": lambda: savemat(file, {"A": matrix}), "csv": lambda: np.savetxt(file, matrix, delimiter=","),
    }[suffix]()  # fmt: skip
    made = OPERATORS.parse(f"matrix file={file}")
    assert made.rows_for((1, 8, 8)) == 12
    operator = made.build((1, 8, 8), 0)
    assert torch.allclose(operator.matrix, torch.from_numpy(matrix).float())
    with pytest.raises(InputError, match="one column per pixel"):
        made.build((1, 8, 9), 0)


def test_bad_matrix_files_are_one_sentence(tmp_path):
    import numpy as np

    np.save(tmp_path / "nan.npy", np.full((3, 64), np.nan))
    np.save(tmp_path / "cube.npy", np.zeros((3, 4, 5)))
    np.save(tmp_path / "complex.npy", np.zeros((3, 64), complex))
    np.save(tmp_path / "zero.npy", np.zeros((3, 64)))
    np.save(tmp_path / "object.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "two.npz", B=np.ones((3, 64)), C=np.ones((3, 64)))
    (tmp_path / "words.csv").write_text("a,b\nc,d\n")
    (tmp_path / "short.npy").write_bytes(b"\x93NUMPY")
    (tmp_path / "A.docx").write_text("no")
    for file in [*tmp_path.iterdir(), tmp_path / "missing.npy", ""]:
        with pytest.raises(InputError) as caught:
            OPERATORS.parse(f"matrix file='{file}'").build((1, 8, 8), 0)
        assert "\n" not in str(caught.value)


def test_a_dense_matrix_too_large_names_a_fast_operator():
    with pytest.raises(InputError, match=r"GB.*dct"):
        OPERATORS.parse("gaussian measurements=32768").build((1, 1024, 1024), 0)
