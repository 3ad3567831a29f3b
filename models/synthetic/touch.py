"""Which structures a drawn tumor truly enters, and which it merely meets, by construction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import ndimage

from models.synthetic.canvas import Canvas
from models.synthetic.frame import Masks
from models.synthetic.plan import TumorPlan
from oncology.findings import NECK_SITES
from oncology.imaging.region import bounding_box, grown

NECK = (
    "thyroid_cartilage", "thyroid_cartilage_inner_cortex", "thyroid_cartilage_outer_cortex", "cricoid_cartilage",
    "hyoid", "epiglottis", "pre_epiglottic_space", "paraglottic_space_*", "postcricoid_area", "pyriform_sinus_wall_*",
    "aryepiglottic_fold_*", "arytenoid_*", "vocal_cord_*", "false_vocal_cord_*", "anterior_commissure",
    "posterior_commissure", "subglottis", "suprahyoid_epiglottis", "infrahyoid_epiglottis", "vallecula",
    "strap_muscles_*", "thyroid_gland", "trachea", "esophagus", "prevertebral_*", "retropharyngeal_space",
    "common_carotid_artery_*", "internal_carotid_artery_*", "tongue_base", "oral_tongue", "extrinsic_tongue_muscles",
    "floor_of_mouth", "soft_palate", "uvula", "palatine_tonsil_*", "mandible", "hard_palate", "upper_alveolar_ridge",
    "teeth", "maxillary_sinus_*", "nasal_cavity_*", "sphenoid_sinus", "medial_pterygoid_*", "lateral_pterygoid_*",
    "masseter_*", "pterygoid_plate_*", "parapharyngeal_space_*", "skull_base", "clivus", "buccal_mucosa_*",
    "inferior_pharyngeal_constrictor", "superior_pharyngeal_constrictor", "posterior_pharyngeal_wall", "brain",
    "cavernous_sinus_*", "parotid_gland_*", "vertebrae_C*",
)  # fmt: skip
# Structures whose invasion a cancer's T asks about; a star stands for any ending.
ASKED: Mapping[str, Sequence[str]] = {
    "lung": (
        "chest_wall", "ribs", "rib_*", "sternum", "parietal_pleura", "mediastinum", "mediastinal_fat", "spine",
        "vertebrae_*", "trachea", "heart", "heart_*", "atrial_appendage_left", "pericardium", "aorta",
        "pulmonary_artery", "pulmonary_vein", "superior_vena_cava", "brachiocephalic_vein_*",
        "brachiocephalic_trunk", "subclavian_artery_*", "azygos_vein", "thymus", "esophagus", "diaphragm",
        "main_bronchus_*", "lung_upper_lobe_*", "lung_middle_lobe_right", "lung_lower_lobe_*",
    ),
    "esophagus": (
        "parietal_pleura", "lung_left", "lung_right", "pericardium", "heart", "heart_*", "atrial_appendage_left",
        "pulmonary_vein", "azygos_vein", "diaphragm", "aorta", "spine", "vertebrae_*", "trachea", "main_bronchus_*",
        "stomach", "liver",
    ),
    "pancreas": (
        "celiac_trunk", "superior_mesenteric_artery", "common_hepatic_artery", "gastroduodenal_artery",
        "splenic_artery", "superior_mesenteric_vein", "portal_vein", "portal_vein_and_splenic_vein", "splenic_vein",
        "aorta", "inferior_vena_cava", "common_bile_duct", "duodenum", "stomach", "spleen",
    ),
    **dict.fromkeys(NECK_SITES, NECK),
}  # fmt: skip
FEW_VOXELS = 3


def asked_masks(cancer: str, masks: Masks) -> list[str]:
    """The drawn masks that a cancer's T asks about."""
    return drawn(ASKED[cancer], masks)


def asked_of(cancer: str, names: Iterable[str]) -> list[str]:
    """Those names of structures that a cancer's T asks about; none for a cancer without synthetic patients."""
    return drawn(ASKED.get(cancer, ()), dict.fromkeys(names))


def drawn(names: Sequence[str], masks: Mapping[str, Any]) -> list[str]:
    """The names of drawn masks that a list with stars stands for, sorted."""
    fixed = [name for name in names if not name.endswith("*") and name in masks]
    stars = tuple(name[:-1] for name in names if name.endswith("*"))
    return sorted({*fixed, *(name for name in masks if stars and name.startswith(stars))})


# Where contact is involvement: the arteries of the pancreas's T4 (AJCC 8, ch. 28).
CONTACT_COUNTS: Mapping[str, Sequence[str]] = {
    "pancreas": ("celiac_trunk", "superior_mesenteric_artery", "common_hepatic_artery")
}


def entered(cancer: str, tumor: np.ndarray, masks: Masks, plan: TumorPlan) -> list[str]:
    """Masks that the tumor lies in or, where planned so, goes around; where it starts is told of subsites only."""
    box = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in bounding_box(tumor))
    part = tumor[box]
    shell = ndimage.binary_dilation(part)
    met = {name for name in CONTACT_COUNTS.get(cancer, ()) if name in masks and (masks[name][box] & shell).any()}
    return [
        name
        for name in asked_masks(cancer, masks)
        if (name not in plan.home or cancer in NECK_SITES)
        and (name in met or name in plan.encased or np.count_nonzero(masks[name][box] & part) > FEW_VOXELS)
    ]


def borders(cancer: str, tumor: np.ndarray, masks: Masks, invaded: Sequence[str], canvas: Canvas) -> list[str]:
    """Masks that the tumor's surface meets with no voxel in them (up to FEW_VOXELS are told as neither)."""
    box = grown(bounding_box(tumor), canvas.geometry, 2.0 * canvas.geometry.spacing_mm[0])
    shell = ndimage.binary_dilation(tumor[box])
    own = {name for name in asked_masks(cancer, masks) if (masks[name][box] & tumor[box]).any()}
    return [
        name
        for name in asked_masks(cancer, masks)
        if name not in invaded and name not in own and (masks[name][box] & shell).any()
    ]
