"""What the training of a generator needs to know; torch-free, so that forms can be built from it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.priors.training.settings import Training
from engine.settings import integer, number, one_of, text

__all__ = ["GeneratorTraining"]


@dataclass(frozen=True)
class GeneratorTraining(Training):
    """Train a generator: a network that makes a picture of every latent."""

    name = "generator"
    label = "Generator training"

    method: str = one_of(
        "vae",
        ("vae", "gan", "ambient-gan", "dcs", "sdlss"),
        "Method",
        "vae: variational autoencoder (Kingma and Welling, 2014); gan: Wasserstein GAN with gradient penalty (Gulrajani et "
        "al., 2017); ambient-gan: the same from measurements alone (Bora et al., 2018); dcs and sdlss: learnt "
        "together with a few steps on the latent (Wu et al., 2019; Killedar et al., 2021).",
    )
    decoder: str = one_of(
        "auto",
        ("auto", "mlp", "conv"),
        "Decoder",
        "mlp: fully connected; conv: convolutions from a coarse grid on; auto takes mlp for a vae on up to 1,024 values.",
    )
    latent: int = integer(20, "Latent size", "Numbers that a picture is made of.", low=1, high=4096)
    hidden: int = integer(
        500, "Hidden size", "Width of the two hidden layers of a fully connected decoder.", low=8, high=8192
    )
    width: int = integer(64, "Width", "Channels of the finest grid of a convolutional decoder.", low=8, high=512)
    likelihood: str = one_of(
        "bernoulli",
        ("bernoulli", "gaussian"),
        "Likelihood",
        "Of a pixel given the latent, vae: bernoulli for drawings in black and white, gaussian for photographs.",
    )
    measurement: str = text(
        "",
        "Measurement",
        "Of each picture, ambient-gan: drop share=0.5, patch side=14, blur, project or bits. A gan is trained on such pictures "
        "with missing pixels filled in.",
    )
    measurements: int = integer(
        25, "Measurements", "Rows of the Gaussian matrices that dcs and sdlss learn for.", low=1, high=65536
    )
    inner: int = integer(3, "Inner steps", "On the latent; dcs, sdlss.", low=1, high=50)
    sparsity: int = integer(80, "Sparsity", "Entries of the latent that are kept; sdlss.", low=1, high=4096)
    matrix: str = one_of(
        "fresh",
        ("fresh", "learnt"),
        "Matrix",
        "dcs, sdlss: fresh Gaussian ones, so that it serves any; or one that is learnt too and written beside the weights as "
        "NAME-matrix.npy, to be measured with (operator matrix).",
    )
    critic_steps: int = integer(
        5, "Critic steps", "Steps of the critic for each of the generator; gan, ambient-gan.", low=1, high=100
    )
    penalty: float = number(
        10.0, "Gradient penalty", "Weight of the critic's gradient penalty; gan, ambient-gan.", low=0, high=1e4
    )
