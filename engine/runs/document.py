"""A run as one file, ``NAME.qcs``: a ZIP that opens anywhere.

``run.json`` (recipe, metrics, curves, versions, notes, and the size and SHA-256 of the other members), ``arrays.npz`` (samples,
mean, std, truth, and what was measured as the entries of a measurement file), ``keyframes.npz`` and ``thumbnail.png``. Nothing
is pickled; a file is written whole or not at all, and nothing of it is believed before its checksum is right.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import InputError
from engine.files import json_text, refuse_no_file, write_atomically
from engine.foreign.arrays import ARRAY_FAULTS
from engine.foreign.json_text import parsed_json, some_entries
from engine.priors.choice import missing_prior
from engine.priors.library import priors
from engine.runs.keyframes import pack, unpack
from engine.runs.score import Score
from engine.runs.spec import RunSpec
from engine.sensing.own import instrument_of

if TYPE_CHECKING:
    from engine.runs.reconstruction import Reconstruction

__all__ = ["SUFFIX", "document_of", "open_run", "read_facts", "read_thumbnail", "save_run", "spec_from"]

SUFFIX = ".qcs"
FORMAT, VERSION = "qcs-studio run", 1
LARGEST_FACTS, LARGEST_ARRAYS = 32 << 20, 4 << 30
THUMBNAIL = 96
ARRAYS = ("samples", "mean", "std", "truth")
ENTRY = "measured."
"""In front of the entries of the measurement, among the arrays."""


def save_run(path: Path | str, result: Reconstruction) -> Path:
    """Writes the document; raises InputError where the file system refuses, and leaves what was there before."""
    path = Path(path)
    if path.suffix != SUFFIX:
        raise InputError(f"'{path}': a run is kept in a file that ends in {SUFFIX}.")
    content = document_of(result)
    return write_atomically(path, lambda temporary: temporary.write_bytes(content))


def document_of(result: Reconstruction) -> bytes:
    """The content of its file."""
    arrays = {n: a for n in ARRAYS if (a := getattr(result, n)) is not None}
    arrays |= {ENTRY + key: np.asarray(value) for key, value in result.measured.items()}
    members = {
        "arrays.npz": _npz(arrays), "keyframes.npz": _npz(pack(result.keyframes)), "thumbnail.png": _thumbnail(result.mean),
    }  # fmt: skip
    facts = {
        "format": FORMAT, "version": VERSION, "created": time.time(), **result.as_dict(),
        "prior": _prior_facts(result), "own_mean": result.own_mean, "consistency": result.consistency,
        "consistency_truth": result.consistency_truth, "predicted_rmse": result.predicted_rmse, "facts": result.facts,
        "members": {n: {"bytes": len(b), "sha256": hashlib.sha256(b).hexdigest()} for n, b in members.items()},
    }  # fmt: skip
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("run.json", json_text(facts, indent=1))
        for name, content in members.items():
            file.writestr(zipfile.ZipInfo(name), content)  # compressed already
    return whole.getvalue()


def open_run(path: Path | str) -> Reconstruction:
    """The result in a document, or in what earlier versions wrote: ``result.npz``, ``result.json`` or the folder of both.

    Raises InputError, in one sentence, where the file is damaged, of a newer version, or no run at all.
    """
    path = Path(path)
    if path.is_dir() or path.suffix.lower() in (".npz", ".json"):
        from engine.runs.earlier import open_earlier

        return open_earlier(path)
    from engine.runs.reconstruction import Reconstruction

    facts, members = _read(path)
    with _faults_of(path):
        arrays, frames = _arrays(members["arrays.npz"]), _arrays(members["keyframes.npz"])
    if not (well_formed(facts) and pictures_fit(arrays)):
        raise _damaged(path)
    measured = {k[len(ENTRY) :]: v for k, v in arrays.items() if k.startswith(ENTRY)}
    spec = spec_from(facts["recipe"], facts["prior"])
    if spec.measurement and measured.keys() - {"y", "lower", "upper"}:
        spec = spec.reading(instrument_of(measured))
    try:
        keyframes = unpack(frames, arrays["mean"].shape)
    except ValueError:
        raise _damaged(path) from None
    return Reconstruction(
        spec=spec, samples=arrays["samples"], mean=arrays["mean"], std=arrays.get("std"), own_mean=facts["own_mean"],
        truth=arrays.get("truth"), consistency=facts["consistency"], consistency_truth=facts["consistency_truth"],
        predicted_rmse=facts["predicted_rmse"], network_calls=facts["network_calls"], seconds=facts["seconds"],
        status=facts["status"], history=facts["history"], facts=facts["facts"], notes=tuple(facts["notes"]),
        failed=facts["failed"], measured=measured, keyframes=keyframes, score=Score.from_dict(facts.get("score")),
        unseen_failure=str(facts.get("unseen_failure", "")),
    )  # fmt: skip


LISTED = (
    "format", "version", "created", "recipe", "metrics", "rows", "status", "failed", "seconds", "network_calls", "samples",
)  # fmt: skip


def read_facts(path: Path | str) -> dict[str, Any]:
    """What a list shows of a document, the entries LISTED of ``run.json``; InputError where it is damaged."""
    path = Path(path)
    with _faults_of(path), zipfile.ZipFile(path) as file:
        facts = _facts(file, path, lambda content: some_entries(content, LISTED))
        if not all(isinstance(facts.get(k), dict) for k in ("recipe", "metrics")):
            raise _damaged(path)
        return facts


def read_thumbnail(path: Path | str) -> bytes:
    """The PNG of the document's mean."""
    return _read(Path(path))[1]["thumbnail.png"]


def well_formed(facts: dict[str, Any]) -> bool:
    """Whether the entries of ``run.json`` are there and of their kinds."""
    numbers = (facts.get(k, ()) for k in ("consistency", "consistency_truth", "predicted_rmse"))
    recipe, prior, notes = facts.get("recipe"), facts.get("prior"), facts.get("notes")
    return (
        is_history(facts.get("history"))
        and isinstance(recipe, dict)
        and all(isinstance(v, (str, int, float)) for v in recipe.values())
        and isinstance(prior, dict)
        and _is_prior(prior)
        and isinstance(notes, list)
        and all(isinstance(note, str) for note in notes)
        and isinstance(facts.get("facts"), dict)
        and isinstance(facts.get("own_mean"), bool)
        and all(v is None or _is_number(v) for v in numbers)
        and all(isinstance(facts.get(k), str) for k in ("status", "failed"))
        and isinstance(facts.get("network_calls"), int)
        and _is_number(facts.get("seconds"))
    )


def is_history(history: Any) -> bool:
    """Whether these are curves: lists by name, all of one length, of numbers or None, and ``step`` of numbers alone."""
    return (
        isinstance(history, dict)
        and all(isinstance(column, list) for column in history.values())
        and len({len(column) for column in history.values()}) <= 1
        and ("step" in history or not history)
        and all(v is None or _is_number(v) for column in history.values() for v in column)
        and None not in history.get("step", ())
    )


def pictures_fit(arrays: dict[str, np.ndarray]) -> bool:
    """Whether ``mean``, and ``samples``, ``std`` and ``truth`` where they are there, are pictures of one shape."""
    if "mean" not in arrays or "samples" not in arrays:
        return False
    shape = arrays["mean"].shape
    return (
        len(shape) == 3
        and 0 not in shape
        and arrays["samples"].shape[1:] == shape
        and all(arrays[n].shape == shape for n in ("std", "truth") if n in arrays)
        and all(arrays[n].dtype.kind == "f" for n in ARRAYS if n in arrays)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_prior(prior: dict[str, Any]) -> bool:
    facts = prior.get("facts")
    shape = facts.get("image_shape") if isinstance(facts, dict) else None
    return (
        isinstance(prior.get("kind"), str)
        and isinstance(facts, dict)
        and _is_number(facts.get("mean"))
        and isinstance(facts.get("card"), dict)
        and isinstance(shape, list)
        and len(shape) == 3
        and all(isinstance(n, int) and n > 0 for n in shape)
    )


def spec_from(recipe: dict[str, Any], prior: dict[str, Any]) -> RunSpec:
    """The recipe of a document, also where its prior is not installed here: then the spec can be read, not run."""
    name = str(recipe.get("prior", "")).split(" ")[0]
    if name and name not in priors().choices:
        missing = missing_prior(name, str(prior["kind"]), prior["facts"], bool(prior["any_size"]))
        recipe = recipe | {"prior": missing}
    return RunSpec.from_dict(recipe)


def _prior_facts(result: Reconstruction) -> dict[str, Any]:
    choice = result.spec.prior
    facts = {"mean": float(choice.facts["mean"]), "image_shape": list(choice.image_shape), "card": choice.facts["card"]}
    return {"name": choice.name, "kind": choice.kind, "any_size": choice.any_size, "facts": facts}


def _read(path: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    refuse_no_file(path)
    with _faults_of(path), zipfile.ZipFile(path) as file:
        facts, members = _facts(file, path, parsed_json), {}
        for name in ("arrays.npz", "keyframes.npz", "thumbnail.png"):
            said = facts["members"][name]
            if file.getinfo(name).file_size != said["bytes"] or said["bytes"] > LARGEST_ARRAYS:
                raise _damaged(path)
            members[name] = file.read(name)
            if hashlib.sha256(members[name]).hexdigest() != said["sha256"]:
                raise _damaged(path)
        return facts, members


@contextlib.contextmanager
def _faults_of(path: Path) -> Iterator[None]:
    """Says in a sentence what unpacking raises at a file that is not what it should be. No work of the program's own belongs into
    the block: its errors are not the file's."""
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"'{path}' does not exist; give the name of a run.") from None
    except OSError as error:
        if error.errno is None:  # zlib's and zipfile's
            raise _damaged(path) from error
        raise InputError(f"'{path}' cannot be read ({error.strerror or error}).") from None
    except (*ARRAY_FAULTS, KeyError) as error:
        raise _damaged(path) from error


def _facts(file: zipfile.ZipFile, path: Path, parsed: Callable[[bytes], Any]) -> dict[str, Any]:
    if file.getinfo("run.json").file_size > LARGEST_FACTS:
        raise _damaged(path)
    facts = parsed(file.read("run.json"))
    if facts["format"] != FORMAT:
        raise _damaged(path)
    if facts["version"] > VERSION:
        raise InputError(f"'{path}' was written by a newer version of QCS Studio; update the program to open it.")
    return facts


def _damaged(path: Path) -> InputError:
    return InputError(f"'{path}' is damaged or not a run of this program; take another copy of it, or run it again.")


def _npz(arrays: dict[str, np.ndarray]) -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    return content.getvalue()


def _arrays(content: bytes) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(io.BytesIO(content)) as inner:
        if sum(member.file_size for member in inner.infolist()) > LARGEST_ARRAYS:
            raise ValueError
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return dict(file.items())


def _thumbnail(mean: np.ndarray) -> bytes:
    from PIL import Image

    pixels = (np.clip(mean, 0, 1) * 255).round().astype(np.uint8)
    picture = Image.fromarray(pixels[0] if len(pixels) != 3 else pixels.transpose(1, 2, 0))
    share = THUMBNAIL / max(picture.size)
    size = tuple(max(1, round(side * share)) for side in picture.size)
    content = io.BytesIO()
    picture.resize(size, Image.Resampling.NEAREST if share > 1 else Image.Resampling.LANCZOS).save(content, "PNG")  # type: ignore[arg-type]
    return content.getvalue()
