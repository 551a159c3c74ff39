"""Pictures: reading them safely, fitting them to a prior, writing them."""

from engine.images.decoders import FORMATS, LoadedImage
from engine.images.fitting import fit, framed, plain_channels
from engine.images.reading import SUFFIXES, load_image, picture_shape
from engine.images.writing import read_recipe, save_png, save_tiff, to_bytes

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "LoadedImage",
    "fit",
    "framed",
    "load_image",
    "picture_shape",
    "plain_channels",
    "read_recipe",
    "save_png",
    "save_tiff",
    "to_bytes",
]
