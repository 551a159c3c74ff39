"""Low-rank matrices and tensors by their factors: gradient descent, scaled (Tong, Ma and Chi, 2021) and not."""
