"""Which kind of structure a name stands for: each kind loses its border to a tumor in its own way."""

from __future__ import annotations

from enum import StrEnum

from oncology.imaging.encasement import TUBULAR


class StructureClass(StrEnum):
    """One logistic model each."""

    BONE = "bone"  # bone and cartilage
    VESSEL = "vessel"
    AIRWAY = "airway"
    PLEURA = "pleura"  # pleura, chest wall, diaphragm, fissures: thin sheets and what lies behind them
    SOFT = "soft"  # muscle, hollow and solid organs, mediastinal fat


_BEGINNINGS = {
    StructureClass.BONE: ("vertebra", "rib", "sternum", "bone", "spine", "costal", "clavicula", "scapula", "mandible",
                          "hyoid", "thyroid_cartilage", "cricoid", "arytenoid", "skull", "maxilla", "clivus", "sacrum",
                          "hard_palate", "pterygoid_plate", "pterygoid_process", "teeth", "sphenoid"),
    StructureClass.AIRWAY: ("trachea", "main_bronchus", "lobar_bronch", "carina", "larynx_air", "airway"),
    StructureClass.PLEURA: ("chest_wall", "pleura", "diaphragm", "lung_", "pericardium", "fissure", "peritoneum"),
    StructureClass.VESSEL: ("aort", "iliac_", "internal_jugular", "pulmonary_vein", "pulmonary_artery", "heart_atrium"),
}  # fmt: skip


def class_of(structure: str) -> StructureClass:
    """The class of a structure by its name.

    >>> [str(class_of(name)) for name in ("vertebrae_T5", "superior_mesenteric_artery", "trachea", "duodenum")]
    ['bone', 'vessel', 'airway', 'soft']
    """
    for kind, beginnings in _BEGINNINGS.items():
        if structure.startswith(beginnings):
            return kind
    return StructureClass.VESSEL if structure in TUBULAR and structure != "esophagus" else StructureClass.SOFT
