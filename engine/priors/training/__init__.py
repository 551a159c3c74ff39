"""Training of denoising networks."""
