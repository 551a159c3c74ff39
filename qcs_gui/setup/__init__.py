"""The column of steps: picture, sensing, quantizer, prior, algorithm."""
