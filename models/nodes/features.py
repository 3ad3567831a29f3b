"""What the classifier of nodes reads: one row of numbers per node, NaN where something is not known.

Everything comes from records that the flow has anyway, so that a node of a patient and one of a training patient are
described by the same code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from oncology.findings import NECK_SITES, Findings, Laterality, Node, Tumor

CANCER_GROUPS: Mapping[str, tuple[str, ...]] = {
    "lung": ("lung",),
    "esophagus": ("esophagus",),
    "pancreas": ("pancreas",),
    "head_neck": NECK_SITES,
}
# Stations of the chest by their number; others by words. Numbers above 15 lie below the diaphragm.
CHEST_GROUPS: Mapping[str, tuple[int, ...]] = {
    "supraclavicular": (1,),
    "upper_mediastinum": (2, 3, 4, 5, 6),
    "lower_mediastinum": (7, 8, 9, 15),
    "hilum": (10, 11, 12, 13, 14),
}
STATION_GROUPS = (*CHEST_GROUPS, "abdomen", "neck_ii", "neck_other")
SIGNS = (
    "hu_mean", "hu_sd", "hu_low", "fat_share", "necrosis_share", "hu_drop", "edge_hu_per_mm",
    "ellipsoid_short_mm", "ellipsoid_middle_mm", "ellipsoid_long_mm", "surround_hu", "surround_fat_share",
)  # fmt: skip
UPTAKE = ("suv_mean", "suv_near", "suv_ratio", "liver_suv", "blood_pool_suv")
FEATURES = (
    "short_axis_mm", "long_axis_mm", "roundness", "volume_ml", *SIGNS, "ellipsoid_roundness",
    "suv_max", "suv_mean", "suv_ratio", "hotter_beside", "suv_to_liver", "suv_to_blood_pool",
    *(f"station_{name}" for name in STATION_GROUPS), *(f"cancer_{name}" for name in CANCER_GROUPS),
    "distance_mm", "same_side", "hilum_side", "others_short_mm", "others_suv", "prior",
)  # fmt: skip
# More of these never makes a node less suspicious (1), or more (-1): larger, hotter, necrotic; fat in the hilum.
MONOTONE: Mapping[str, int] = {
    "short_axis_mm": 1, "ellipsoid_short_mm": 1, "suv_max": 1, "suv_mean": 1, "suv_ratio": 1, "suv_to_liver": 1,
    "suv_to_blood_pool": 1, "necrosis_share": 1, "fat_share": -1,
    "hilum_side": 1, "others_short_mm": 1, "others_suv": 1, "prior": 1,
}  # fmt: skip


def station_group(cancer: str, station: str | None) -> str | None:
    """Where a station lies, coarsely; None when it is not known.

    >>> station_group("lung", "10R"), station_group("esophagus", "8Lo"), station_group("larynx", "II")
    ('hilum', 'lower_mediastinum', 'neck_ii')
    """
    if not station:
        return None
    if cancer in NECK_SITES:
        return "neck_ii" if station.upper().rstrip("AB") == "II" else "neck_other"
    if cancer == "pancreas":
        return "abdomen"
    digits = "".join(letter for letter in station[:2] if letter.isdigit())
    if not digits:
        return "supraclavicular" if station.startswith(("supraclavicular", "cervical")) else "abdomen"
    found = (name for name, numbers in CHEST_GROUPS.items() if int(digits) in numbers)
    return next(found, "abdomen")


def is_complete(node: Node) -> bool:
    """Whether the node was measured on images, which every feature rests on."""
    return node.short_axis_mm > 0 and all(name in node.measures for name in ("hu_mean", "fat_share", "edge_hu_per_mm"))


def feature_row(
    node: Node, tumor: Tumor | None, cancer: str, prior: float = math.nan, others: Sequence[Node] = ()
) -> list[float]:
    """One row in the order of FEATURES.

    Args:
        tumor: the primary, None where there is none.
        others: the patient's other nodes; where one is involved more are.
        prior: chance that the node's level is involved, from real patients' tables; NaN where there are none.
    """
    signs = {name: node.measures.get(name, math.nan) for name in SIGNS}
    values = {
        "short_axis_mm": node.short_axis_mm,
        "long_axis_mm": node.long_axis_mm,
        "roundness": node.short_axis_mm / max(node.long_axis_mm, 1e-6),
        "volume_ml": node.volume_ml,
        "prior": prior,
        **signs,
        "ellipsoid_roundness": signs["ellipsoid_short_mm"] / max(signs["ellipsoid_long_mm"], 1e-6),
        **_uptake(node),
        **_place(node, cancer),
        **(_beside(node, tumor, cancer) if tumor is not None else {}),
        **_others(node, others),
    }
    return [float(values.get(name, math.nan)) for name in FEATURES]


def _uptake(node: Node) -> dict[str, float]:
    if node.suv_max is None:
        return {}
    found = {name: node.measures.get(name, math.nan) for name in UPTAKE}
    return found | {
        "suv_max": node.suv_max,
        "hotter_beside": found["suv_near"] / max(node.suv_max, 0.3),
        "suv_to_liver": node.suv_max / max(found["liver_suv"], 0.3),
        "suv_to_blood_pool": node.suv_max / max(found["blood_pool_suv"], 0.3),
    }


def _place(node: Node, cancer: str) -> dict[str, float]:
    group = station_group(cancer, node.station)
    stations = {} if group is None else {f"station_{name}": float(name == group) for name in STATION_GROUPS}
    return stations | {f"cancer_{name}": float(cancer in sites) for name, sites in CANCER_GROUPS.items()}


def _beside(node: Node, tumor: Tumor, cancer: str) -> dict[str, float]:
    """How the node lies to the tumor: distance from its surface, taken as a ball's, and side (1 same, 0 other).

    The side of a hilum is told apart: a lung drains to its own hilum first, and hardly to the other one.
    The tumor's own size and uptake told nothing beyond that of patients apart, and are left out.
    """
    apart = float(np.linalg.norm(np.subtract(node.centroid_lps, tumor.centroid_lps)))
    found = {"distance_mm": max(apart - tumor.greatest_dimension_mm / 2.0, 0.0)}
    sides = (node.laterality, tumor.laterality)
    if None in sides:
        return found
    side = 0.5 if Laterality.MIDLINE in sides else float(sides[0] is sides[1])
    hilar = station_group(cancer, node.station) == "hilum"
    return found | {"same_side": side} | ({"hilum_side": side} if hilar else {})


def _others(node: Node, others: Sequence[Node]) -> dict[str, float]:
    """The largest and the hottest of the patient's other nodes."""
    found = {"others_short_mm": max(other.short_axis_mm for other in others)} if others else {}
    hot = [other.suv_max for other in others if other.suv_max is not None]
    return found | ({"others_suv": max(hot)} if hot and node.suv_max is not None else {})


def rows_of(findings: Findings, nodes: Sequence[Node], priors: Mapping[str, float]) -> np.ndarray:
    """Features (N, F) of nodes among those of the findings; `priors` by node id."""
    tumor = findings.primary
    rows = [
        feature_row(
            node,
            tumor,
            findings.cancer,
            priors.get(node.id, math.nan),
            [other for other in findings.nodes if other.id != node.id],
        )
        for node in nodes
    ]
    return np.array(rows, np.float32).reshape(len(rows), len(FEATURES))
