"""What a contact is described by: numbers that readers look at, in a fixed order."""

from __future__ import annotations

import math

import numpy as np

from oncology.findings import Contact, Tumor

FEATURES = (
    "log_area",
    "depth_mm",
    "relative_area",
    "fat_plane_share",
    "fat_plane_unseen",
    "log_size",
    "edge_hu_per_mm",
    "angle_share",
    "log_length",
)
# What more of a feature may do to the probability: more contact never speaks against invasion, more fat never for it.
SIGNS = {
    "log_area": 1,
    "depth_mm": 1,
    "relative_area": 1,
    "fat_plane_share": -1,
    "angle_share": 1,
    "log_length": 1,
}


def features_of(contact: Contact, tumor: Tumor) -> np.ndarray:
    """(F,) in the order of FEATURES; what was not measured is NaN, which a model takes for its mean."""
    values = {
        "log_area": math.log1p(contact.contact_mm2),
        "depth_mm": min(contact.depth_mm, 15.0),
        "relative_area": min(contact.contact_mm2 / max(_surface_mm2(tumor), 1.0), 1.0),
        "fat_plane_share": math.nan if contact.fat_plane_share is None else contact.fat_plane_share,
        "fat_plane_unseen": float(contact.fat_plane_share is None),
        "log_size": math.log(max(tumor.greatest_dimension_mm, 1.0)),
        "edge_hu_per_mm": math.nan if contact.edge_hu_per_mm is None else min(contact.edge_hu_per_mm, 300.0),
        "angle_share": (contact.angle_deg or 0.0) / 360.0,
        "log_length": math.log1p(contact.length_mm or math.sqrt(contact.contact_mm2)),
    }
    return np.array([values[name] for name in FEATURES])


def _surface_mm2(tumor: Tumor) -> float:
    """Surface of the ball of the tumor's volume."""
    return float(math.pi ** (1 / 3) * (6000.0 * max(tumor.volume_ml, 1e-3)) ** (2 / 3))
