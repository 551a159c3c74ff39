"""Pictures: reading them safely, fitting them to a prior, writing them."""

from engine.images.decoders import FORMATS, LoadedImage
from engine.images.fitting import fit, framed, plain_channels
from engine.images.reading import SUFFIXES, load_image, picture_shape
from engine.images.stacks import Stack, is_stack, read_stack
from engine.images.writing import read_recipe, save_png, save_tiff, to_bytes

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "LoadedImage",
    "Stack",
    "fit",
    "framed",
    "is_stack",
    "load_image",
    "picture_shape",
    "plain_channels",
    "read_recipe",
    "read_stack",
    "save_png",
    "save_tiff",
    "to_bytes",
]
