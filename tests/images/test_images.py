"""Picture files: each kind converted as its numbers mean, each broken one refused in one sentence."""

import io
import time

import numpy as np
import pytest
import tifffile
from PIL import Image

from engine.errors import InputError
from engine.images import fit, load_image, read_recipe, save_png, save_tiff

RAMP = np.linspace(0, 1, 12 * 10).reshape(12, 10)


def save(path, image, **options):
    image.save(path, **options)
    return path


def test_eight_and_sixteen_bit_grey(tmp_path):
    eight = save(tmp_path / "a.png", Image.fromarray(np.rint(RAMP * 255).astype(np.uint8)))
    assert np.allclose(load_image(eight).pixels[0], RAMP, atol=0.5 / 255)
    sixteen = save(tmp_path / "b.png", Image.fromarray(np.rint(RAMP * 65535).astype(np.uint16)))
    assert np.allclose(load_image(sixteen).pixels[0], RAMP, atol=1e-5)
    assert load_image(sixteen).pixels.dtype == np.float32


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "f4", "f8"])
def test_tiff_by_its_own_numbers(tmp_path, dtype):
    full = np.iinfo(dtype).max if dtype[0] == "u" else 1
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.asarray(RAMP * full).astype(dtype))
    assert np.allclose(load_image(path).pixels[0], RAMP, atol=1 / 255 if dtype == "u1" else 1e-4)


def test_colour_tiff_and_float_range(tmp_path):
    rgb = np.stack([RAMP, 1 - RAMP, RAMP * 0], -1)
    tifffile.imwrite(tmp_path / "c.tif", np.rint(rgb * 65535).astype("u2"), photometric="rgb")
    assert np.allclose(load_image(tmp_path / "c.tif").pixels, rgb.transpose(2, 0, 1), atol=1e-4)
    tifffile.imwrite(tmp_path / "d.tif", (RAMP * 300 - 20).astype("f4"))
    loaded = load_image(tmp_path / "d.tif")
    assert np.allclose(loaded.pixels[0], RAMP, atol=1e-5)
    assert "stretched" in " ".join(loaded.notes)


def test_compressed_tiff(tmp_path):
    for compression in ("tiff_lzw", "tiff_deflate"):
        path = save(tmp_path / "a.tif", Image.fromarray(np.rint(RAMP * 255).astype(np.uint8)), compression=compression)
        assert np.allclose(load_image(path).pixels[0], RAMP, atol=0.5 / 255)
        deep = save(
            tmp_path / "b.tif", Image.fromarray(np.rint(RAMP * 65535).astype(np.uint16)), compression=compression
        )
        assert np.allclose(load_image(deep).pixels[0], RAMP, atol=1e-4)


def test_transparency_is_laid_on_white(tmp_path):
    rgba = np.zeros((4, 4, 4), np.uint8)
    rgba[..., 0], rgba[:2, :, 3] = 255, 255
    pixels = load_image(save(tmp_path / "a.png", Image.fromarray(rgba, "RGBA"))).pixels
    assert np.allclose(pixels[:, 0, 0], [1, 0, 0])
    assert np.allclose(pixels[:, 3, 0], [1, 1, 1])
    la = np.zeros((4, 4, 2), np.uint8)
    grey = load_image(save(tmp_path / "b.png", Image.fromarray(la, "LA"))).pixels
    assert grey.shape == (1, 4, 4)
    assert np.allclose(grey, 1)


def test_palette_with_transparency_and_bilevel(tmp_path):
    image = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8).repeat(2, 0).repeat(2, 1), "P")
    image.putpalette([255, 0, 0, 0, 0, 255] + [0] * 762)
    pixels = load_image(save(tmp_path / "a.png", image, transparency=1)).pixels
    assert np.allclose(pixels[:, 0, 0], [1, 0, 0])
    assert np.allclose(pixels[:, 0, 3], [1, 1, 1])
    bilevel = load_image(save(tmp_path / "b.png", Image.fromarray(RAMP > 0.5))).pixels
    assert np.allclose(bilevel[0], RAMP > 0.5)


def test_cmyk_becomes_rgb(tmp_path):
    path = save(tmp_path / "a.jpg", Image.new("CMYK", (8, 8), (0, 255, 255, 0)), quality=95)
    pixels = load_image(path).pixels
    assert pixels.shape == (3, 8, 8)
    assert pixels[0].mean() > 0.9
    assert pixels[1:].mean() < 0.1


def test_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter to the right
    array = np.rint(RAMP * 255).astype(np.uint8)
    for name, options in (("a.png", {}), ("a.tif", {})):
        path = save(tmp_path / name, Image.fromarray(array), exif=exif, **options)
        assert np.array_equal(np.rint(load_image(path).pixels[0] * 255), np.rot90(array, -1)), name


def test_first_frame_of_many(tmp_path):
    frames = [Image.new("L", (6, 6), v) for v in (0, 255)]
    path = save(tmp_path / "a.gif", frames[0], save_all=True, append_images=frames[1:])
    loaded = load_image(path)
    assert loaded.pixels.max() == 0
    assert "frame 1 of 2" in loaded.notes
    tifffile.imwrite(tmp_path / "b.tif", np.stack([RAMP * 0, RAMP + 0]).astype("f4"), photometric="minisblack")
    assert load_image(tmp_path / "b.tif").pixels.max() == 0


def test_sixteen_bit_colour_png_says_that_it_was_reduced(tmp_path):
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    raw = b"".join(b"\0" + np.full((4, 3), 300, ">u2").tobytes() for _ in range(4))
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0))
    content += chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(content)
    assert "16-bit colour read as 8 bit" in load_image(tmp_path / "a.png").notes


def bad_files(folder):
    (folder / "text.png").write_text("hello, I am a text file")
    (folder / "empty.png").write_bytes(b"")
    Image.new("L", (1, 1)).save(folder / "one.png")
    Image.new("1", (20000, 20000)).save(folder / "huge.png")
    tifffile.imwrite(folder / "nan.tif", np.full((8, 8), np.nan, "f4"))
    tifffile.imwrite(folder / "inf.tif", np.full((8, 8), np.inf, "f4"))
    tifffile.imwrite(folder / "signed.tif", np.full((8, 8), -5, "i2"))
    buffer = io.BytesIO()
    Image.fromarray(np.rint(RAMP * 255).astype(np.uint8)).save(buffer, "PNG")
    (folder / "cut.png").write_bytes(buffer.getvalue()[:60])
    (folder / "folder.png").mkdir()
    (folder / "evil.svg").write_text("<svg/>")
    return ["text.png", "empty.png", "one.png", "huge.png", "nan.tif", "inf.tif", "signed.tif", "cut.png", "folder.png",
            "evil.svg", "missing.png"]  # fmt: skip


def test_bad_files_are_one_sentence_each(tmp_path):
    for name in bad_files(tmp_path):
        with pytest.raises(InputError) as caught:
            load_image(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF"])
def test_mutated_files_never_escape(tmp_path, form):
    """Every damaged file loads or is an InputError, quickly."""
    buffer = io.BytesIO()
    Image.fromarray(np.rint(RAMP * 255).astype(np.uint8)).save(buffer, form)
    rng = np.random.default_rng(0)
    path = tmp_path / "x.img"
    start = time.monotonic()
    for _ in range(200):
        content = bytearray(buffer.getvalue())
        for _ in range(rng.integers(1, 6)):
            content[rng.integers(0, min(len(content), 120))] = rng.integers(0, 256)
        path.write_bytes(bytes(content))
        try:
            pixels = load_image(path).pixels
        except InputError:
            continue
        assert np.isfinite(pixels).all()
    assert time.monotonic() - start < 60


def test_fit_crops_resizes_and_converts():
    assert fit(np.ones((3, 40, 60), np.float32), (1, 28, 28)).shape == (1, 28, 28)
    assert np.allclose(fit(np.ones((3, 40, 60), np.float32), (1, 28, 28)), 1)
    red = np.zeros((3, 28, 28), np.float32)
    red[0] = 1
    assert np.allclose(fit(red, (1, 28, 28)), 0.299)  # Rec. 601
    wide = np.zeros((1, 28, 84), np.float32)
    wide[:, :, 28:56] = 1
    assert np.allclose(fit(wide, (1, 28, 28)), 1)
    halves = np.arange(16, dtype=np.float32).reshape(1, 4, 4) / 16
    assert np.allclose(fit(halves, (1, 2, 2))[0], halves[0].reshape(2, 2, 2, 2).mean((1, 3)), atol=1e-6)
    grey = np.random.default_rng(0).random((1, 5, 5)).astype(np.float32)
    assert np.array_equal(fit(grey, (1, 5, 5)), grey)


def test_exports_carry_the_recipe_and_their_values(tmp_path):
    pixels = RAMP[None].astype(np.float32)
    save_png(tmp_path / "a.png", pixels, '{"é": 1}')
    assert read_recipe(tmp_path / "a.png") == '{"é": 1}'
    assert np.allclose(load_image(tmp_path / "a.png").pixels, pixels, atol=0.5 / 255)
    save_tiff(tmp_path / "a.tif", np.repeat(pixels, 3, 0), '{"é": 1}')
    assert np.allclose(load_image(tmp_path / "a.tif").pixels, np.repeat(pixels, 3, 0), atol=1e-5)
    assert read_recipe(tmp_path / "a.tif") is None
