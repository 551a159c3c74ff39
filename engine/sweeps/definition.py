"""What a sweep is: images, settings that all runs share, axes of settings that vary, and what is drawn of it. Torch-free.

A sweep file is TOML::

    title = "One-bit digits"
    images = "digits.idx.gz"          # a folder, an IDX file, or a list of files and sample:NAME
    limit = 16

    [fixed]                           # any key of a run
    quantizer = "one-bit"

    [axes]
    "operator.measurements" = [100, 200]      # a key of a run, or a setting of one of its choices

    [axes.method]                             # or a name for several keys that change together
    lasso = { prior = "wavelet", algorithm = "lasso" }
    turbo = { prior = "mnist", algorithm = "turbo" }
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.runs.spec import RunSpec
from engine.settings import suggest, whole
from engine.sweeps.parts import Axis, Figure, Point
from engine.sweeps.scores import SCORES
from engine.sweeps.written import axes_of, figure_of, fixed_of, images_of, text, toml_text, words

__all__ = ["BATCH", "FILE_SUFFIX", "Sweep", "ready_sweeps"]

FILE_SUFFIX = ".toml"
LARGEST_FILE = 1 << 20
MOST_POINTS = 20_000
BATCH = 8


@dataclass(frozen=True)
class Sweep:
    """The definition; see the module for its written form. ``metrics`` are the columns that the table is cut down to (all where
    empty), ``scores`` the names of what is computed beside the metrics of each run, ``batch`` how many images are measured and
    reconstructed together at most, ``documents`` whether each cell keeps its run as a file, or for
    how many of the first images."""

    images: str | tuple[str, ...]
    title: str = ""
    offset: int = 0
    limit: int | None = None
    batch: int = BATCH
    documents: bool | int = True
    fixed: Mapping[str, Any] = field(default_factory=dict)
    axes: tuple[Axis, ...] = ()
    metrics: tuple[str, ...] = ()
    scores: tuple[str, ...] = ()
    figure: Figure | None = None

    # -- reading ---------------------------------------------------------------------------------------------------

    @classmethod
    def read(cls, path: Path | str) -> Sweep:
        """The sweep of a TOML file, whose images are looked for beside it; InputError in one sentence for a bad one."""
        path = Path(path)
        try:
            if path.stat().st_size > LARGEST_FILE:
                raise InputError(f"'{path.name}' is larger than 1 MB; that is not a sweep file.")
            content = path.read_bytes().decode("utf-8")
        except OSError as error:
            raise InputError(
                f"'{path}' cannot be read ({error.strerror or error}); give a sweep file (.toml)."
            ) from None
        except UnicodeDecodeError:
            raise InputError(f"'{path.name}' is no text; give a sweep file (.toml).") from None
        return cls.parse(content, path.name, path.resolve().parent)

    @classmethod
    def parse(cls, content: str, name: str = "the sweep", beside: Path | None = None) -> Sweep:
        """The sweep of a TOML text called ``name``; names of images are relative to the folder ``beside``."""
        try:
            values = tomllib.loads(content)
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"'{name}' is not TOML ({error}).") from None
        return cls.from_dict(values, name, beside)

    @classmethod
    def from_dict(cls, values: Any, name: str = "the sweep", beside: Path | None = None) -> Sweep:
        """The sweep of plain values, as TOML or :meth:`as_dict` gives them."""
        if not isinstance(values, dict):
            raise InputError(f"'{name}' must hold a table of settings.")
        known = (*cls.__dataclass_fields__,)
        for key in values:
            if key not in known:
                raise InputError(
                    f"'{name}' has an unknown key '{key}'{suggest(str(key), known)} (known: {', '.join(known)})."
                )
        if "images" not in values:
            raise InputError(f"'{name}' names no images: add images = \"FOLDER\", an IDX file or a list of files.")
        sweep = cls(
            images=images_of(values["images"], beside),
            title=text("title", values.get("title", "")),
            offset=whole("offset", values.get("offset", 0), 0, 2**31),
            limit=None if values.get("limit") is None else whole("limit", values["limit"], 1, 2**31),
            batch=whole("batch", values.get("batch", BATCH), 1, 4096),
            documents=_documents(values.get("documents", True)),
            fixed=fixed_of(values.get("fixed", {})),
            axes=axes_of(values.get("axes", {})),
            metrics=words("metrics", values.get("metrics", ())),
            scores=words("scores", values.get("scores", ())),
            figure=figure_of(values.get("figure")),
        )
        sweep._check()
        return sweep

    def as_toml(self) -> str:
        """The written form, which :meth:`parse` reads back; every name of a file as it is on this machine."""
        values: dict[str, Any] = {
            "title": self.title, "images": self.images if isinstance(self.images, str) else list(self.images),
            "offset": self.offset, "limit": self.limit, "batch": self.batch,
            "metrics": list(self.metrics), "scores": list(self.scores), "fixed": dict(self.fixed),
            "axes": {axis.name: axis.written for axis in self.axes},
            "figure": {} if self.figure is None else {**vars(self.figure), "y": list(self.figure.y)},
        }  # fmt: skip
        if self.documents is not True:  # false and 0 say something here
            return f"documents = {str(self.documents).lower()}\n{toml_text(values)}"
        return toml_text(values)

    def _check(self) -> None:
        for axis in self.axes:
            always = set.intersection(*(set(change) for _, change in axis.changes))
            useless = always & self.fixed.keys()  # some values of an axis may well change what is fixed for the others
            if useless:
                raise InputError(
                    f"'{min(useless)}' is fixed and varies along the axis '{axis.name}'; leave one of them out."
                )
        for score in self.scores:
            SCORES.parse(score)
        names = [axis.name for axis in self.axes]
        for key in [] if self.figure is None else self.figure.axes:
            if key not in names:
                raise InputError(
                    f"The figure's '{key}' is no axis of the sweep{suggest(key, names)} (axes: {', '.join(names) or 'none'})."
                )
        if self.count > MOST_POINTS:
            raise InputError(
                f"The axes make {self.count:,} combinations; {MOST_POINTS:,} at most are computed as one sweep."
            )
        points = list(self.points())
        if all(point.spec is None for point in points):
            raise InputError(points[0].refusal)

    # -- what it makes ---------------------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many combinations the axes make."""
        count = 1
        for axis in self.axes:
            count *= len(axis.changes)
        return count

    def points(self) -> Iterator[Point]:
        """Every combination, the last axis changing fastest."""
        for chosen in itertools.product(*(axis.changes for axis in self.axes)):
            labels = {axis.name: label for axis, (label, _) in zip(self.axes, chosen, strict=True)}
            values = dict(self.fixed)
            for _, change in chosen:
                values |= change
            try:
                yield Point(labels, _spec(values))
            except InputError as error:
                yield Point(labels, None, str(error))


def _documents(value: Any) -> bool | int:
    return value if isinstance(value, bool) else whole("documents", value, 0, 2**31)


def ready_sweeps() -> dict[str, Path]:
    """The sweep files that ship with the program, by name."""
    from importlib.resources import files

    folder = Path(str(files("resources"))) / "sweeps"
    return {path.stem: path for path in sorted(folder.glob(f"*{FILE_SUFFIX}"))}


def _spec(values: Mapping[str, Any]) -> RunSpec:
    """The recipe that plain and dotted keys make."""
    plain = {key: value for key, value in values.items() if "." not in key}
    for key, value in values.items():
        if "." in key:
            of, setting = key.split(".", 1)
            family = RunSpec.settings()[of].family
            assert family is not None
            chosen = family().parse(plain.get(of, RunSpec.defaults()[of]) or "")
            if setting not in chosen.settings():
                known = ", ".join(chosen.settings()) or "none"
                raise InputError(f"The {of} '{chosen.name}' has no setting '{setting}' (settings: {known}).")
            plain[of] = chosen.replace(**{setting: value})
    return RunSpec(**plain)
