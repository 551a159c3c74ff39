"""Data that ships with the program: weights of priors and sample images."""
