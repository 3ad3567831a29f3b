"""Which kind of structure a name stands for: each kind loses its border to a tumor in its own way."""

from __future__ import annotations

from enum import StrEnum

from oncology.imaging.encasement import TUBULAR


class StructureClass(StrEnum):
    """One logistic model each."""

    BONE = "bone"
    CARTILAGE = "cartilage"  # of the larynx, with the hyoid
    VESSEL = "vessel"
    ARTERY = (
        "artery"  # of the upper abdomen: contact of the pancreas with it counts as involvement, whatever its degree
    )
    AIRWAY = "airway"
    PLEURA = "pleura"  # thin sheets: parietal pleura, pericardium, diaphragm, peritoneum, fissures
    WALL = "wall"  # what lies behind the pleura: chest wall, or the lung where the tumor comes from the mediastinum
    SPACE = "space"  # fat of the mediastinum: without a border of its own
    SUBSITE = "subsite"  # lining of larynx, pharynx and mouth: a tumor spreads along it
    THROAT = "throat"  # muscles under that lining
    THROAT_FAT = "throat_fat"  # spaces of fat between them: a tumor that is in one takes the place of its fat
    SOFT = "soft"  # other muscle, hollow and solid organs


HARD = (StructureClass.BONE, StructureClass.CARTILAGE)
_BEGINNINGS = {
    StructureClass.CARTILAGE: ("thyroid_cartilage", "cricoid", "arytenoid", "hyoid"),
    StructureClass.BONE: ("vertebra", "rib", "sternum", "bone", "spine", "costal", "clavicula", "scapula", "mandible",
                          "skull", "maxilla", "clivus", "sacrum", "hard_palate", "pterygoid_plate",
                          "pterygoid_process", "teeth", "sphenoid", "upper_alveolar_ridge"),
    StructureClass.AIRWAY: ("trachea", "main_bronchus", "lobar_bronch", "carina", "larynx_air", "airway"),
    StructureClass.PLEURA: ("pleura", "parietal_pleura", "visceral_pleura", "diaphragm", "pericardium", "fissure",
                            "peritoneum"),
    StructureClass.WALL: ("chest_wall", "lung_"),
    StructureClass.SPACE: ("mediastin",),
    StructureClass.ARTERY: ("celiac", "superior_mesenteric_artery", "common_hepatic_artery"),
    StructureClass.VESSEL: ("aort", "iliac_", "internal_jugular", "pulmonary_vein", "pulmonary_artery", "heart_atrium"),
    StructureClass.SUBSITE: ("epiglottis", "suprahyoid_epiglottis", "infrahyoid_epiglottis", "aryepiglottic",
                             "vocal_cord", "false_vocal_cord", "anterior_commissure", "posterior_commissure",
                             "subglottis", "postcricoid", "pyriform", "vallecula", "posterior_pharyngeal",
                             "tongue_base", "soft_palate", "uvula", "palatine_tonsil", "buccal", "nasal_cavity",
                             "maxillary_sinus", "sphenoid_sinus"),
    StructureClass.THROAT: ("strap_", "prevertebral", "inferior_pharyngeal", "middle_pharyngeal",
                            "superior_pharyngeal", "oral_tongue", "extrinsic_tongue", "floor_of_mouth",
                            "medial_pterygoid", "lateral_pterygoid", "masseter"),
    StructureClass.THROAT_FAT: ("pre_epiglottic", "paraglottic", "retropharyngeal", "parapharyngeal"),
}  # fmt: skip


def class_of(structure: str) -> StructureClass:
    """The class of a structure by its name.

    >>> [str(class_of(name)) for name in ("vertebrae_T5", "superior_mesenteric_artery", "trachea", "duodenum")]
    ['bone', 'artery', 'airway', 'soft']
    """
    kinds = [
        (len(begin), kind) for kind, begins in _BEGINNINGS.items() for begin in begins if structure.startswith(begin)
    ]
    if kinds:  # the longest beginning wins: sphenoid_sinus is no bone
        return max(kinds)[1]
    return StructureClass.VESSEL if structure in TUBULAR and structure != "esophagus" else StructureClass.SOFT
