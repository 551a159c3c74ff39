"""Reconstruction of images from few, coarsely quantized measurements. Knows no user interface."""

__version__ = "0.1.0"
