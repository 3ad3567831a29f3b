"""Contact as networks see it: both masks are off by some millimeters, so that the same contact says less.

One logistic for all classes of structure reads what the model for drawn masks says of a contact together with the
contact itself. It is fitted to contacts that shipped networks saw on synthetic patients which none of them was
trained on, false primaries with their contacts among them; so its probabilities hold for those networks alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from oncology.findings import Contact
from oncology.invasion.logistic import HeldOut, Logistic, fit_logistic
from oncology.invasion.structure_class import HARD, StructureClass, class_of

LEAST_P = 0.01  # of what the model for drawn masks says; surer than this is no more evidence
SEEN_FEATURES = (
    "log_odds",
    "log_area",
    "depth_mm",
    "angle_share",
    "fat_plane_share",
    "unproven",
    "log_hard_edge",
    "depth_share",
    *(f"is_{kind}" for kind in StructureClass),
)
# As of drawn contacts: more of it never speaks against invasion, more fat never for it; nor does the sharp edge of a
# bone or cartilage that is not eroded.
SEEN_SIGNS = {
    "log_odds": 1, "log_area": 1, "depth_mm": 1, "angle_share": 1, "fat_plane_share": -1, "log_hard_edge": -1,
    "depth_share": 1,
}  # fmt: skip
DEEPEST_MM = 15.0
LEAST_EDGE = 5.0  # HU per mm
# Much, as there are contacts of some dozen patients only. On patients left out (297 contacts, 68 patients) the mean log
# loss was 0.460 with 1, 0.446 with 10, 0.442 with 20, 0.440 with 40.
RIDGE = 20.0


def seen_features(contact: Contact, p_drawn: float, *, unproven: bool) -> np.ndarray:
    """(F,) in the order of SEEN_FEATURES; what was not measured is NaN, which the model takes for its mean.

    Args:
        p_drawn: what the same contact of drawn masks would say.
        unproven: only an embedded network drew the structure; else rules did, or a person.
    """
    p = min(max(p_drawn, LEAST_P), 1.0 - LEAST_P)
    values = [
        math.log(p / (1.0 - p)),
        math.log1p(contact.contact_mm2),
        min(contact.depth_mm, DEEPEST_MM),
        (contact.angle_deg or 0.0) / 360.0,
        math.nan if contact.fat_plane_share is None else contact.fat_plane_share,
        float(unproven),
        _hard_edge(contact),
        depth_share(contact),
    ]
    kind = class_of(contact.structure)
    return np.array([*values, *(float(kind is one) for one in StructureClass)])


def depth_share(contact: Contact) -> float:
    """How much of the way to the structure's middle the tumor reaches, 0 to 1: in a thin plate little depth is all."""
    return contact.depth_mm / (contact.thickness_mm / 2.0) if contact.thickness_mm else 0.0


def _hard_edge(contact: Contact) -> float:
    """Logarithm of how steeply attenuation changes at a bone or cartilage; NaN at anything else."""
    if contact.edge_hu_per_mm is None or class_of(contact.structure) not in HARD:
        return math.nan
    return math.log(max(contact.edge_hu_per_mm, LEAST_EDGE))


def fit_seen(x: np.ndarray, y: np.ndarray, patients: Sequence[str]) -> tuple[Logistic, HeldOut] | None:
    """Fit to contacts that networks saw; None where they are too few.

    Args:
        x: (N, F), see `seen_features`.
        y: (N,) bool, invaded or not.
        patients: of each row; a patient's rows stay in one fold.
    """
    return fit_logistic(x, y, patients, SEEN_FEATURES, ridge=RIDGE, signs=SEEN_SIGNS)
