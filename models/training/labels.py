"""Which structures the anatomy networks tell apart, by region, and how drawn masks become one label map.

Names are TotalSegmentator v2's, extended where it has none. A label map holds one label a voxel: where masks overlap,
the name that stands later in its list wins (air over wall, vessel over fat, part over whole).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from oncology.findings import NECK_SITES


def _both(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}_{side}" for name in names for side in ("left", "right"))


THORAX = (
    "skeletal_muscle", *_both("autochthon"), "lung_upper_lobe_left", "lung_lower_lobe_left", "lung_upper_lobe_right",
    "lung_middle_lobe_right", "lung_lower_lobe_right", "atelectasis", "pleural_effusion", "diaphragm", "liver",
    "spleen", "stomach", "small_bowel", "colon", "duodenum", "gallbladder", *_both("kidney", "adrenal_gland"),
    "pancreas",
    "heart_myocardium", *_both("heart_atrium", "heart_ventricle"), "atrial_appendage_left", "thyroid_gland",
    "cricoid_cartilage", "ribs", "costal_cartilages", "sternum", *_both("clavicula", "scapula", "humerus"), "spine",
    "spinal_canal", "esophagus", "inferior_vena_cava", "portal_vein_and_splenic_vein", "celiac_trunk",
    "left_gastric_artery", "common_hepatic_artery", "splenic_artery", "azygos_vein", "superior_vena_cava",
    *_both("brachiocephalic_vein", "internal_jugular_vein", "subclavian_vein"), "pulmonary_vein", "pulmonary_artery",
    "aorta", "brachiocephalic_trunk", *_both("common_carotid_artery", "subclavian_artery"), "trachea",
    *_both("main_bronchus"), "bronchus_intermedius", "bronchus_upper_lobe_left", "bronchus_lower_lobe_left",
    "bronchus_upper_lobe_right", "bronchus_middle_lobe_right", "bronchus_lower_lobe_right",
)  # fmt: skip
NECK = (
    *_both("lung"), *_both("trapezius", "autochthon", "levator_scapulae"),
    *_both("middle_scalene", "posterior_scalene", "anterior_scalene", "prevertebral"), *_both("sternocleidomastoid"),
    *_both("masseter", "temporalis", "medial_pterygoid", "lateral_pterygoid"), "brain", "skull", "skull_base",
    "zygomatic_arch_left", "zygomatic_arch_right", "upper_alveolar_ridge", "hard_palate", *_both("pterygoid_plate"),
    "mandible", "teeth", *_both("maxillary_sinus", "nasal_cavity"), "oral_tongue", "tongue_base", "floor_of_mouth",
    *_both("mylohyoid", "hyoglossus", "genioglossus", "digastric"), "lip", *_both("buccal_mucosa"), "soft_palate",
    "superior_pharyngeal_constrictor", "middle_pharyngeal_constrictor", "inferior_pharyngeal_constrictor",
    "posterior_pharyngeal_wall", *_both("palatine_tonsil", "parapharyngeal_space", "parotid_gland"),
    *_both("submandibular_gland", "sublingual_gland"), "thyroid_gland", *_both("strap_muscles"),
    "pre_epiglottic_space", *_both("paraglottic_space"), "postcricoid_area", *_both("pyriform_sinus_wall"),
    "epiglottis", *_both("aryepiglottic_fold", "false_vocal_cord", "vocal_cord"), "thyroid_cartilage",
    "cricoid_cartilage", *_both("arytenoid"), "hyoid", "ribs", "sternum", *_both("clavicula", "scapula"), "spine",
    "spinal_canal", "esophagus", *_both("internal_jugular_vein", "brachiocephalic_vein", "subclavian_vein"),
    *_both("common_carotid_artery", "external_carotid_artery", "internal_carotid_artery", "subclavian_artery"),
    "brachiocephalic_trunk", "trachea", "larynx_air", "hypopharynx", "oropharynx", "nasopharynx",
    *_both("pyriform_sinus"),
)  # fmt: skip
_FAR_OF_NECK = {
    *_both("lung", "trapezius", "autochthon", "levator_scapulae", "middle_scalene", "posterior_scalene", "clavicula"),
    *_both("scapula", "temporalis", "zygomatic_arch"),
    "brain",
    "skull",
    "ribs",
    "sternum",
}
ABDOMEN = (
    "skeletal_muscle", *_both("autochthon", "quadratus_lumborum", "iliopsoas"), *_both("lung"), "diaphragm", "heart",
    "liver", "spleen", "stomach", "small_bowel", "colon", "duodenum", "gallbladder", *_both("kidney", "adrenal_gland"),
    "pancreas_body", "pancreas_tail", "pancreas_neck", "pancreas_head", "ribs", "costal_cartilages", "sacrum",
    *_both("hip"), "spine", "spinal_canal", "esophagus", "pancreatic_duct", "common_bile_duct", "inferior_vena_cava",
    *_both("renal_vein", "iliac_vena"), "splenic_vein", "superior_mesenteric_vein", "portal_vein", "aorta",
    *_both("iliac_artery", "renal_artery"), "celiac_trunk", "left_gastric_artery", "splenic_artery",
    "gastroduodenal_artery", "common_hepatic_artery", "proper_hepatic_artery", "superior_mesenteric_artery",
)  # fmt: skip
ANATOMY: Mapping[str, tuple[str, ...]] = {"thorax": THORAX, "neck": NECK, "abdomen": ABDOMEN}
# What the second, finer look tells apart: what invasion and stations are decided by.
FINE: Mapping[str, tuple[str, ...]] = {
    "thorax": (
        "liver", "stomach", "heart_myocardium", *_both("heart_atrium", "heart_ventricle"), "atrial_appendage_left",
        "thyroid_gland", "sternum", "spine", "spinal_canal", "esophagus", "inferior_vena_cava", "azygos_vein",
        "superior_vena_cava", *_both("brachiocephalic_vein", "subclavian_vein"), "pulmonary_vein", "pulmonary_artery",
        "aorta", "brachiocephalic_trunk", *_both("common_carotid_artery", "subclavian_artery"), "trachea",
        *_both("main_bronchus"), "bronchus_intermedius", "bronchus_upper_lobe_left", "bronchus_lower_lobe_left",
        "bronchus_upper_lobe_right", "bronchus_middle_lobe_right", "bronchus_lower_lobe_right",
    ),
    "neck": tuple(name for name in NECK if name not in _FAR_OF_NECK),
    "abdomen": (
        "liver", "stomach", "duodenum", "pancreas_body", "pancreas_tail", "pancreas_neck", "pancreas_head",
        *_both("adrenal_gland"), "spine", "pancreatic_duct", "common_bile_duct", "inferior_vena_cava",
        *_both("renal_vein"), "splenic_vein", "superior_mesenteric_vein", "portal_vein", "aorta",
        *_both("renal_artery"), "celiac_trunk", "left_gastric_artery", "splenic_artery", "gastroduodenal_artery",
        "common_hepatic_artery", "proper_hepatic_artery", "superior_mesenteric_artery",
    ),
}  # fmt: skip
# Of those, what reaches beyond the box of the second look, and what does not decide how large that box is.
PARTIAL = ("liver", "spine", "spinal_canal", "sternum", *_both("subclavian_vein", "subclavian_artery"))
NOT_AROUND = (*PARTIAL, "stomach", *_both("adrenal_gland", "renal_vein", "renal_artery"))
REGION_OF: Mapping[str, str] = {
    "lung": "thorax", "esophagus": "thorax", "pancreas": "abdomen", **dict.fromkeys(NECK_SITES, "neck"),
}  # fmt: skip
# Wholes that a label map holds in parts.
WHOLES: Mapping[str, tuple[str, ...]] = {
    "lung_left": ("lung_upper_lobe_left", "lung_lower_lobe_left"),
    "lung_right": ("lung_upper_lobe_right", "lung_middle_lobe_right", "lung_lower_lobe_right"),
    "heart": ("heart_myocardium", *_both("heart_atrium", "heart_ventricle")),
    "pancreas": ("pancreas_head", "pancreas_neck", "pancreas_body", "pancreas_tail", "pancreatic_duct"),
    "portal_vein_and_splenic_vein": ("portal_vein", "splenic_vein"),
    "tongue": ("oral_tongue", "tongue_base"),
}


def label_map(masks: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    """Labels (Z, Y, X) uint8: 0 for none, 1 + the place of the last name whose mask holds the voxel."""
    labels = np.zeros(next(iter(masks.values())).shape, np.uint8)
    for place, name in enumerate(names, start=1):
        if name in masks:
            np.copyto(labels, np.uint8(place), where=masks[name])
    return labels


def with_wholes(masks: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The masks, and the wholes of those that are parts."""
    found = dict(masks)
    for whole, parts in WHOLES.items():
        present = [masks[part] for part in parts if part in masks]
        if whole not in found and present:
            found[whole] = np.logical_or.reduce(present)
    return found
