"""What one measurement says about z = (A x)_m: output channels p(y | z). A new kind of sensor is one new file here."""

from engine.sensing.channels.base import Channel, Local
from engine.sensing.channels.cell import CellChannel
from engine.sensing.channels.clicks import ClickChannel
from engine.sensing.channels.clipped import ClippedChannel
from engine.sensing.channels.counts import CountChannel, NoisyCountChannel
from engine.sensing.channels.dithered import DitherChannel
from engine.sensing.channels.photons import PhotonChannel

__all__ = [
    "CellChannel",
    "Channel",
    "ClickChannel",
    "ClippedChannel",
    "CountChannel",
    "DitherChannel",
    "Local",
    "NoisyCountChannel",
    "PhotonChannel",
]
