"""What MATLAB structs of other programs say, in the entries of a measurement file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.errors import InputError

__all__ = ["from_structs"]

FAN = ("cone", "fan", "fanbeam", "fan-beam")


def from_structs(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The entries that structs ("struct.field") hold: a scan as the Finnish Inverse Problems Society's CT files have it
    (``sinogram`` and ``parameters``; Meaney et al., doi 10.5281/zenodo.6984868), else the fields of a single struct.
    InputError where a scan's geometry is missing."""
    scan = next((name.removesuffix(".sinogram") for name in arrays if name.endswith(".sinogram")), None)
    if scan is not None:
        others = {k: v for k, v in arrays.items() if not k.startswith(f"{scan}.")}
        return _scan({k.removeprefix(f"{scan}."): v for k, v in arrays.items() if k.startswith(f"{scan}.")}) | others
    roots = {name.split(".", 1)[0] for name in arrays}
    if len(roots) == 1 and all("." in name for name in arrays):
        return {name.split(".", 1)[1]: value for name, value in arrays.items()}
    return dict(arrays)


def _scan(fields: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A scan of which one slice was taken, in pixels as wide as a detector seems at the axis of rotation."""
    sinogram = fields["sinogram"]
    angles = fields.get("parameters.angles", np.zeros(0)).reshape(-1)
    if sinogram.ndim != 2 or angles.size not in sinogram.shape or angles.dtype.kind not in "iuf":
        raise InputError(
            f"'sinogram' has the shape {sinogram.shape} and 'parameters.angles' {angles.size} numbers; one line of it for each "
            "angle is needed."
        )
    made = {"y": sinogram if len(sinogram) == angles.size else sinogram.T, "angles": angles, "gain": np.array("auto")}
    kind = str(fields.get("parameters.geometryType", "")).lower()
    if kind not in FAN:
        if "parallel" in kind:
            return made
        raise InputError(f"The geometry '{kind[:20]}' of the scan is not known; parallel beams and fans are.")
    source, whole = (_length(fields, f"distanceSource{end}") for end in ("Origin", "Detector"))
    wide = next((_length(fields, key) for key in ("pixelSizePost", "pixelSize") if f"parameters.{key}" in fields), None)
    if wide is None or not 0 < source < whole:
        raise InputError(
            "The scan's 'parameters' need 'distanceSourceOrigin', the larger 'distanceSourceDetector' and 'pixelSize'."
        )
    pixel = wide * source / whole
    return made | {
        "spacing": np.array(wide / pixel),
        "source": np.array(source / pixel),
        "behind": np.array((whole - source) / pixel),
    }


def _length(fields: Mapping[str, np.ndarray], key: str) -> float:
    value = fields.get(f"parameters.{key}")
    if value is None or value.size != 1 or value.dtype.kind not in "iuf" or not value.reshape(-1)[0] > 0:
        raise InputError(f"The scan's 'parameters.{key}' must be one number above 0.")
    return float(value.reshape(-1)[0])
