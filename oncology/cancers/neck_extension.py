"""Grade of extranodal extension on imaging by stated rules: a probability, and signs that an image shows.

Grades of the Head and Neck Cancer International Group (Henson 2024, Lancet Oncol 25:e297): 0 none, 1 into the fat
around the node, 2 nodes grown together, 3 into muscle, vessel, skin or another neighbor. A grade is named only where
its own sign is seen; a probability alone names none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from oncology.findings import Node
from oncology.imaging.contact import contacts
from oncology.imaging.node_border import raggedness
from oncology.imaging.volume import Volume

# Neighbors that a node of the neck grows into; glands and nodes' own beds of fat are none of them.
NEIGHBORS = (
    "sternocleidomastoid_", "trapezius_", "levator_scapulae_", "anterior_scalene_", "middle_scalene_",
    "posterior_scalene_", "prevertebral_", "digastric_", "mylohyoid_", "strap_muscles_", "medial_pterygoid_",
    "internal_jugular_vein_", "common_carotid_artery_", "internal_carotid_artery_", "external_carotid_artery_",
)  # fmt: skip
# A neighbor counts as entered from this depth on, with little fat left along the border: masks that overlap a bit and
# planes that are merely thin do not count (ours; the grading asks for unequivocal signs).
ENTERED_MM, LOST_PLANE = 3.0, 0.4
# Fat is stranded above this median HU, plain fat lies about -100; below FAT_AROUND too little of it is there to judge.
STRANDED_HU, FAT_AROUND = -75.0, 0.2
RAGGED = 1.15  # see node_border.py; one in twenty drawn nodes without extension is more irregular
# Two nodes are read as one another's continuation where both are likely malignant and their outlines touch.
LIKELY_MALIGNANT = 0.5


@dataclass(frozen=True)
class Reading:
    """From which probability on extension is likelier than not, and below which a model's card calls it unlikely."""

    likely: float = 0.5
    unlikely: float = 0.1


@dataclass(frozen=True)
class Signs:
    """What an image shows around one node; None: it could not be looked at.

    Attributes:
        entered: a neighbor is entered.
        matted: it touches another node that is likely malignant.
        stranded: the fat around it is stranded, or its surface ragged.
        fat_seen: enough fat lies around it to say that it is clean.
    """

    entered: bool = False
    matted: bool = False
    stranded: bool | None = None
    fat_seen: bool = False


def grade(p: float | None, signs: Signs, reading: Reading) -> int | None:
    """The grade, None where the probability decides nothing or no sign tells which.

    >>> grade(0.9, Signs(entered=True), Reading()), grade(0.9, Signs(), Reading())
    (3, None)
    >>> grade(0.02, Signs(stranded=False, fat_seen=True), Reading())
    0
    """
    if p is None:
        return None
    if p < reading.unlikely:
        return 0 if signs.fat_seen and not signs.stranded and not signs.entered else None
    if p < reading.likely:
        return None
    if signs.entered:
        return 3
    if signs.matted:
        return 2
    return 1 if signs.stranded else None


def signs_of(
    node: Node,
    masks: Mapping[str, np.ndarray],
    others: Collection[Node],
    ct: Volume,
    neighbors: Mapping[str, np.ndarray],
) -> Signs:
    """The signs of one node.

    Args:
        masks: (Z, Y, X) bool of nodes by id, on the CT's grid.
        others: the other nodes.
        ct: in HU.
        neighbors: structures by name, see `is_neighbor`.
    """
    mask = masks[node.id]
    met = contacts(mask, dict(neighbors), ct.geometry, (), ct)
    entered = any(one.depth_mm >= ENTERED_MM and (one.fat_plane_share or 0.0) <= LOST_PLANE for one in met)
    sick = {
        other.id: masks[other.id]
        for other in others
        if (other.p_malignant or 0.0) >= LIKELY_MALIGNANT and other.id in masks
    }
    fat_seen = node.measures.get("surround_fat_share", 0.0) >= FAT_AROUND
    return Signs(
        entered, bool(contacts(mask, sick, ct.geometry, ())), _stranded(node, mask, ct) if fat_seen else None, fat_seen
    )


def _stranded(node: Node, mask: np.ndarray, ct: Volume) -> bool:
    """Stranded fat, or a ragged border; to be asked where fat lies around."""
    return node.measures.get("surround_hu", STRANDED_HU) > STRANDED_HU or raggedness(mask, ct) > RAGGED


def is_neighbor(name: str) -> bool:
    """Whether a structure is one that a node of the neck grows into."""
    return name.startswith(NEIGHBORS)
