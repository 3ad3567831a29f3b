"""Where a primary tumor of a site can begin: its organ and a little around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from oncology.imaging import shape
from oncology.imaging.location import LOBES
from oncology.imaging.shape import Spacing


@dataclass(frozen=True)
class Home:
    """Structures that a tumor of a site grows in.

    Attributes:
        margin_mm: around them, for masks that are off by as much or leave the tumor out.
        closed_mm: gaps of this radius belong to them: a tumor that was not taken for lung.
        others: neighbors in which it does not begin, and whose own uptake looks like one.
    """

    structures: tuple[str, ...]
    margin_mm: float
    closed_mm: float = 0.0
    others: tuple[str, ...] = ()


def _both(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}_{side}" for name in names for side in ("left", "right"))


HEART = ("heart", "heart_myocardium", *_both("heart_atrium", "heart_ventricle"), "atrial_appendage_left")
HOMES: Mapping[str, Home] = {
    "lung": Home(
        (*_both("lung"), *LOBES, "atelectasis"), 2.0, closed_mm=6.0, others=(*HEART, "liver", "spleen", "stomach")
    ),
    "esophagus": Home(("esophagus",), 8.0, others=(*HEART, "liver", "aorta")),
    "pancreas": Home(
        ("pancreas", "pancreas_head", "pancreas_neck", "pancreas_body", "pancreas_tail", "pancreatic_duct"),
        8.0, others=(*_both("kidney"), "liver", "spleen", "aorta"),
    ),
    "larynx": Home(
        ("larynx_air", "epiglottis", "thyroid_cartilage", "cricoid_cartilage", "pre_epiglottic_space",
         *_both("vocal_cord", "false_vocal_cord", "paraglottic_space", "arytenoid", "aryepiglottic_fold")), 5.0,
    ),
    "hypopharynx": Home(("hypopharynx", "postcricoid_area", *_both("pyriform_sinus", "pyriform_sinus_wall")), 8.0),
    "oropharynx": Home(
        ("oropharynx", "tongue_base", "soft_palate", "posterior_pharyngeal_wall", *_both("palatine_tonsil")), 8.0
    ),
    "oral_cavity": Home(
        ("oral_tongue", "tongue", "floor_of_mouth", "lip", "hard_palate", "upper_alveolar_ridge", "teeth",
         *_both("buccal_mucosa", "sublingual_gland")), 8.0,
    ),
    "nasopharynx": Home(("nasopharynx", *_both("parapharyngeal_space")), 8.0),
}  # fmt: skip


def home_of(cancer: str, structures: Mapping[str, np.ndarray], spacing_mm: Spacing) -> np.ndarray | None:
    """Where a primary tumor is looked for, (Z, Y, X) bool; None where nothing of its organ was seen.

    Args:
        structures: (Z, Y, X) bool by name.
        spacing_mm: of their voxels (z, y, x).
    """
    home = HOMES.get(cancer)
    found = [structures[name] for name in home.structures if name in structures] if home else []
    whole = np.logical_or.reduce(found) if found else None
    if home is None or whole is None or not whole.any():
        return None
    closed = shape.close(whole, home.closed_mm, spacing_mm) if home.closed_mm else whole
    result = shape.dilate(closed, home.margin_mm, spacing_mm)
    for name in home.others:
        if name in structures:
            result &= ~structures[name]
    return result


def asked_for(cancer: str) -> tuple[str, ...]:
    """Names of the structures that `home_of` reads."""
    home = HOMES.get(cancer)
    return (*home.structures, *home.others) if home else ()
