"""How the list of priors is ordered, and the small picture beside each."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from engine.priors.library import user_folder
from engine.settings import Choice
from qcs_gui.setup.forms import Groups

__all__ = ["PICTURES", "PRIOR_GROUPS", "group_of"]

PICTURES = Path(str(files("resources"))) / "priors" / "pictures"
"""``NAME.png`` for each prior of the program; ``python -m qcs_gui.setup.prior_pictures`` makes them."""
TITLES = (
    "Photographs", "Faces", "Digits and garments", "Generators", "Sparsity", "Low rank", "Exact", "Other networks", "Yours",
)  # fmt: skip
_SUBJECTS = {
    "natural": "Photographs", "cifar10": "Photographs", "faces": "Faces", "mnist": "Digits and garments",
    "fashion-mnist": "Digits and garments", "gaussian": "Exact", "mixture": "Exact",
}  # fmt: skip
_KINDS = {"generator": "Generators", "sparsity": "Sparsity", "low-rank": "Low rank"}


def group_of(cls: type[Choice]) -> str:
    """Whose it is, else what kind it is, else what it is of."""
    variants = getattr(cls, "variants", {})
    if any(path.parent == user_folder() for path, _ in variants.values()):
        return "Yours"
    return _KINDS.get(getattr(cls, "kind", ""), "") or _SUBJECTS.get(cls.name, "Other networks")


def picture_of(cls: type[Choice]) -> Path | None:
    path = PICTURES / f"{cls.name}.png"
    return path if group_of(cls) != "Yours" and path.is_file() else None


PRIOR_GROUPS = Groups(TITLES, group_of, picture_of)
