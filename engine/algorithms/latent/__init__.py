"""Methods that look for the latent of a generator."""
