"""About priors: their page, training, import."""
