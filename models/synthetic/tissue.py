"""What each drawn structure is made of: paint order, density with and without contrast medium, grain, uptake of FDG.

Later rows are painted over earlier ones. HU of enhanced tissue as in a venous (chest, neck) or portal (abdomen) phase;
typical values of radiology texts (Webb, Brant, Major: Fundamentals of Body CT; Som and Curtin). SUV one hour after FDG
(Ramos 2001, J Nucl Med Technol 29; Zincirkeser 2007, J Int Med Res 35). A structure without a row is not painted.

Other phases: late arterial with aorta 290-360 HU, portal vein 145, liver 20-30 above plain (Radiopaedia, late arterial
phase; Bae 2010, Radiology 256:32); the gland 67 HU above a ductal cancer in the pancreatic phase, 39 in the hepatic one
(Lu 1996, Radiology 199:697), 18 in the delayed one (Ishigami 2009, Eur J Radiol 69:139). Values between these anchors
(veins, heart, thyroid, bowel) are set by the order in which the medium arrives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

AIR_HU, FAT_HU = -1000.0, -98.0
SIDES = ("left", "right")


ARTERIAL, PANCREATIC, PORTAL, DELAYED = PHASES = ("arterial", "pancreatic", "portal", "delayed")
# Share of the portal phase's enhancement that tissue without values of its own shows in a phase.
SHARES: Mapping[str, float] = {ARTERIAL: 0.35, PANCREATIC: 0.65, PORTAL: 1.0, DELAYED: 0.95}


@dataclass(frozen=True)
class Tissue:
    """HU without and with contrast medium, grain (standard deviation in HU) and SUV.

    Attributes:
        enhanced: HU in the portal phase.
        early, late, delayed: HU in the arterial, the pancreatic and the delayed phase, where they are known.
    """

    plain: float
    enhanced: float
    grain: float
    suv: float
    early: float | None = None
    late: float | None = None
    delayed: float | None = None

    def hu(self, contrast: float, phase: str = PORTAL) -> float:
        """Density; `contrast` 0 without medium, about 1 with."""
        known = {ARTERIAL: self.early, PANCREATIC: self.late, DELAYED: self.delayed}.get(phase)
        if known is None:
            return self.plain + contrast * SHARES[phase] * (self.enhanced - self.plain)
        return self.plain + contrast * (known - self.plain)


FAT = Tissue(FAT_HU, FAT_HU, 8.0, 0.35)
MUSCLE = Tissue(50.0, 58.0, 10.0, 0.75)
ARTERY = Tissue(42.0, 165.0, 3.0, 1.6, 300.0, 290.0, 105.0)
LEFT_HEART = Tissue(42.0, 160.0, 3.0, 1.6, 290.0, 265.0, 104.0)
RIGHT_HEART = Tissue(42.0, 160.0, 3.0, 1.6, 215.0, 190.0, 104.0)
UPPER_VEIN = Tissue(42.0, 160.0, 3.0, 1.6, 140.0, 165.0, 106.0)
LOWER_VEIN = Tissue(42.0, 160.0, 3.0, 1.6, 48.0, 62.0, 100.0)
RENAL_VEIN = Tissue(42.0, 160.0, 3.0, 1.6, 135.0, 170.0, 110.0)
SPLENIC_VEIN = Tissue(42.0, 160.0, 3.0, 1.6, 95.0, 155.0, 106.0)
PORTAL_VEIN = Tissue(42.0, 160.0, 3.0, 1.6, 72.0, 145.0, 108.0)
MESENTERIC_VEIN = Tissue(42.0, 160.0, 3.0, 1.6, 60.0, 132.0, 108.0)
LUNG = Tissue(-850.0, -845.0, 34.0, 0.45)
AIR = Tissue(-985.0, -985.0, 3.0, 0.1)
GAS = Tissue(-950.0, -950.0, 10.0, 0.4)
WALL = Tissue(36.0, 62.0, 6.0, 1.5, 56.0, 80.0, 58.0)
MUCOSA = Tissue(45.0, 78.0, 7.0, 1.9)
FLUID = Tissue(14.0, 14.0, 6.0, 1.0)
SPONGY = Tissue(165.0, 175.0, 55.0, 1.3)
CORTEX = Tissue(520.0, 520.0, 60.0, 0.9)
BONE = CORTEX  # its inside becomes SPONGY
CARTILAGE = Tissue(150.0, 155.0, 45.0, 0.7)

Row = tuple[Tissue, Sequence[str]]
# In the order of painting; {side} stands for left and right, a star at the end for any ending.
ROWS: Sequence[Row] = (
    (FAT, ("body",)),
    (MUSCLE, ("muscle",)),
    (Tissue(-45.0, -38.0, 30.0, 0.6), ("breast",)),
    (FAT, ("neck_fat",)),
    (Tissue(-85.0, -85.0, 10.0, 0.6), ("parapharyngeal_space_{side}", "retropharyngeal_space")),
    (FAT, ("mediastinum", "below_diaphragm", "abdominal_cavity", "mediastinal_fat", "hilar_fat_{side}", "torso_fat")),
    (MUSCLE, ("skeletal_muscle", "pectoralis_major_{side}", "latissimus_dorsi_{side}", "trapezius_{side}",
              "autochthon_{side}", "quadratus_lumborum_{side}", "iliopsoas_{side}", "rectus_abdominis_{side}",
              "external_oblique_{side}", "internal_oblique_{side}", "gluteus_*")),
    (FAT, ("intermuscular_fat", "axillary_fat_{side}", "extrapleural_fat_{side}", "subcutaneous_fat")),
    (MUSCLE, ("sternocleidomastoid_{side}", "levator_scapulae_{side}", "anterior_scalene_{side}",
              "middle_scalene_{side}", "posterior_scalene_{side}", "masseter_{side}", "medial_pterygoid_{side}",
              "lateral_pterygoid_{side}", "temporalis_{side}", "prevertebral_{side}", "strap_muscles_{side}",
              "diaphragm")),
    # mouth and pharynx
    (Tissue(50.0, 66.0, 14.0, 1.5), ("tongue", "tongue_base", "oral_tongue")),
    (MUSCLE, ("genioglossus_{side}", "hyoglossus_{side}", "mylohyoid_{side}", "geniohyoid_{side}",
              "digastric_{side}")),
    (MUCOSA, ("floor_of_mouth", "buccal_mucosa_{side}", "retromolar_trigone_{side}", "lip", "soft_palate", "uvula",
              "lower_gingiva", "upper_gingiva", "superior_pharyngeal_constrictor", "middle_pharyngeal_constrictor",
              "inferior_pharyngeal_constrictor", "posterior_pharyngeal_wall", "pyriform_sinus_wall_{side}",
              "postcricoid_area", "vallecula")),
    (Tissue(52.0, 92.0, 9.0, 3.2), ("palatine_tonsil_{side}",)),
    (Tissue(30.0, 62.0, 14.0, 1.4), ("sublingual_gland_{side}", "submandibular_gland_{side}")),
    (Tissue(-8.0, 28.0, 18.0, 1.9), ("parotid_gland_{side}",)),
    (Tissue(112.0, 185.0, 10.0, 1.4, 190.0, 205.0, 165.0), ("thyroid_gland",)),
    # larynx
    (Tissue(-72.0, -70.0, 12.0, 0.7), ("pre_epiglottic_space", "paraglottic_space_{side}")),
    (MUCOSA, ("epiglottis", "suprahyoid_epiglottis", "infrahyoid_epiglottis", "aryepiglottic_fold_{side}",
              "false_vocal_cord_{side}", "vocal_cord_{side}", "anterior_commissure", "posterior_commissure",
              "subglottis")),
    # chest
    (LUNG, ("lung_left", "lung_right")),
    (Tissue(-790.0, -785.0, 20.0, 0.45), ("fissure_{side}",)),
    (Tissue(40.0, 60.0, 8.0, 0.8, 95.0, 85.0, 50.0), ("lung_vessels",)),
    (Tissue(30.0, 70.0, 10.0, 1.0), ("atelectasis",)),
    (FLUID, ("pleural_effusion",)),
    (Tissue(-940.0, -940.0, 8.0, 0.25), ("emphysema",)),
    (Tissue(10.0, 14.0, 10.0, 0.9), ("pericardium", "thymus")),
    (Tissue(44.0, 140.0, 4.0, 1.8, 130.0, 140.0, 96.0), ("heart",)),
    (Tissue(48.0, 108.0, 6.0, 3.2, 105.0, 122.0, 92.0), ("heart_myocardium",)),
    (LEFT_HEART, ("heart_atrium_left", "heart_ventricle_left", "atrial_appendage_left")),
    (RIGHT_HEART, ("heart_atrium_right", "heart_ventricle_right")),
    # abdomen
    (Tissue(58.0, 108.0, 6.0, 2.1, 65.0, 82.0, 92.0), ("liver",)),
    (Tissue(48.0, 122.0, 6.0, 1.7, 105.0, 135.0, 90.0), ("spleen", "accessory_spleen")),
    (Tissue(34.0, 150.0, 14.0, 2.6, 62.0, 98.0, 140.0), ("kidney_{side}",)),
    (Tissue(26.0, 64.0, 6.0, 1.2, 58.0, 76.0, 50.0), ("adrenal_gland_{side}",)),
    (Tissue(38.0, 96.0, 15.0, 1.6, 86.0, 120.0, 80.0), ("pancreas",)),
    (WALL, ("stomach", "duodenum", "small_bowel", "colon", "stomach_wall", "duodenum_wall", "small_bowel_wall",
            "colon_wall", "esophagus")),
    (Tissue(22.0, 24.0, 12.0, 1.5), ("stomach_lumen", "duodenum_lumen", "small_bowel_lumen", "esophagus_lumen")),
    (Tissue(20.0, 22.0, 50.0, 1.2), ("colon_lumen",)),
    (FLUID, ("gallbladder", "common_bile_duct", "pancreatic_duct", "urinary_bladder")),
    # nerves and brain
    (Tissue(20.0, 22.0, 4.0, 0.9), ("spinal_canal",)),
    (Tissue(36.0, 38.0, 4.0, 1.6), ("spinal_cord",)),
    (Tissue(36.0, 42.0, 6.0, 7.5), ("brain",)),
    # cartilage and bone
    (Tissue(85.0, 85.0, 14.0, 0.7), ("intervertebral_discs",)),
    (Tissue(95.0, 95.0, 30.0, 0.7), ("costal_cartilages",)),
    (CARTILAGE, ("thyroid_cartilage", "thyroid_cartilage_inner_cortex", "thyroid_cartilage_outer_cortex",
                 "cricoid_cartilage", "arytenoid_{side}")),
    (BONE, ("vertebrae_*", "sacrum", "rib_*", "sternum", "clavicula_{side}", "scapula_{side}", "humerus_{side}",
            "hip_{side}", "hyoid", "mandible", "hard_palate", "upper_alveolar_ridge", "skull", "skull_base", "clivus",
            "styloid_process_{side}", "pterygoid_plate_{side}", "zygomatic_arch_{side}")),
    (Tissue(1700.0, 1700.0, 120.0, 0.5), ("teeth",)),
    (Tissue(45.0, 75.0, 10.0, 1.6), ("nasal_conchae",)),
    # vessels
    (ARTERY, ("aorta", "brachiocephalic_trunk", "common_carotid_artery_{side}", "subclavian_artery_{side}",
              "internal_carotid_artery_{side}", "external_carotid_artery_{side}", "carotid_bifurcation_{side}",
              "celiac_trunk", "superior_mesenteric_artery", "inferior_mesenteric_artery", "common_hepatic_artery",
              "proper_hepatic_artery", "gastroduodenal_artery", "splenic_artery", "left_gastric_artery",
              "renal_artery_{side}", "iliac_artery_{side}", "coronary_arteries")),
    (LEFT_HEART, ("pulmonary_vein",)),
    (RIGHT_HEART, ("pulmonary_artery", "superior_vena_cava")),
    (UPPER_VEIN, ("brachiocephalic_vein_{side}", "subclavian_vein_{side}", "internal_jugular_vein_{side}",
                  "internal_mammary_vessels", "cavernous_sinus_{side}")),
    (LOWER_VEIN, ("inferior_vena_cava", "azygos_vein", "hemiazygos_vein", "iliac_vena_{side}")),
    (RENAL_VEIN, ("renal_vein_{side}",)),
    (PORTAL_VEIN, ("portal_vein",)),
    (SPLENIC_VEIN, ("splenic_vein",)),
    (MESENTERIC_VEIN, ("superior_mesenteric_vein", "inferior_mesenteric_vein")),
    (Tissue(650.0, 650.0, 80.0, 1.4), ("aortic_calcium", "coronary_calcium")),
    # air
    (Tissue(25.0, 40.0, 8.0, 0.8), ("airway_wall",)),
    (AIR, ("trachea", "main_bronchus_{side}", "bronchus_*", "lobar_bronchi", "larynx_air", "nasopharynx", "oropharynx",
           "hypopharynx", "pyriform_sinus_{side}", "maxillary_sinus_{side}", "nasal_cavity_{side}", "sphenoid_sinus",
           "auditory_canal_{side}")),
    (GAS, ("stomach_gas", "duodenum_gas", "small_bowel_gas", "colon_gas")),
)  # fmt: skip
OUTSIDE = Tissue(AIR_HU, AIR_HU, 0.0, 0.0)
MATERIALS: Sequence[Tissue] = (OUTSIDE, SPONGY, *(tissue for tissue, _ in ROWS))
SPONGY_LABEL = 1


def paint(masks: Mapping[str, np.ndarray]) -> np.ndarray:
    """Labels (Z, Y, X) uint8 into MATERIALS."""
    shape = next(iter(masks.values())).shape
    labels = np.zeros(shape, np.uint8)
    for place, (tissue, names) in enumerate(ROWS, start=2):
        bones = np.zeros(shape, bool) if tissue is BONE else None
        for name in _present(names, masks):
            np.copyto(labels, np.uint8(place), where=masks[name])
            if bones is not None:
                bones |= masks[name]
        if bones is not None:
            np.copyto(labels, np.uint8(SPONGY_LABEL), where=_inside(bones))
    return labels


def _present(names: Sequence[str], masks: Mapping[str, np.ndarray]) -> list[str]:
    found = []
    for name in names:
        if name.endswith("*"):
            found += [mask for mask in masks if mask.startswith(name[:-1])]
        else:
            found += [full for full in dict.fromkeys(name.format(side=side) for side in SIDES) if full in masks]
    return found


def _inside(mask: np.ndarray) -> np.ndarray:
    """What keeps one voxel from the surface, in all six directions."""
    inner = mask.copy()
    for axis in range(3):
        for step in (1, -1):
            inner &= np.roll(mask, step, axis)
    return inner


def label_of(name: str) -> int:
    """The label that a structure is painted with, compact bone for bones.

    >>> label_of("kidney_left") == label_of("kidney_right") != label_of("liver")
    True
    """
    return next(label for label, (_, names) in enumerate(ROWS, start=2) if _present(names, {name: np.empty(0)}))


def densities(contrast: float, phase: str = PORTAL) -> tuple[np.ndarray, np.ndarray]:
    """HU and grain by label; `contrast` 0 without medium, about 1 with."""
    hu = [tissue.hu(contrast, phase) for tissue in MATERIALS]
    return np.array(hu, np.float32), np.array([tissue.grain for tissue in MATERIALS], np.float32)


def uptakes() -> np.ndarray:
    """SUV by label."""
    return np.array([tissue.suv for tissue in MATERIALS], np.float32)
