"""Whether what a network calls an organ can be that organ: its density, its volume and its side.

A network that met nothing like a scan names parts of it all the same. Densities are wide bounds over all contrast
phases (Webb, Brant, Major: Fundamentals of Body CT), volumes are about half of the smallest of healthy adults (Molina
2012, Am J Forensic Med Pathol 33: organ weights; Saisho 2007, Clin Anat 20: pancreas).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from oncology.imaging.volume import Geometry

Range = tuple[float, float]
# Mean HU by the beginning of the name, the first that fits; a structure without a row may have any.
DENSITIES: Sequence[tuple[Range, tuple[str, ...]]] = (
    ((-1000.0, -100.0), (
        "trachea", "main_bronchus", "bronchus_", "larynx_air", "nasopharynx", "oropharynx", "hypopharynx",
    )),
    ((-1000.0, -250.0), ("lung_",)),
    ((0.0, 2500.0), (
        "spine", "ribs", "sternum", "clavicula", "scapula", "humerus", "hip_", "sacrum", "skull", "mandible",
    )),
    ((0.0, 350.0), ("kidney_",)),
    ((-60.0, 300.0), (
        "liver", "spleen", "pancreas", "adrenal_gland", "autochthon", "iliopsoas", "quadratus_lumborum", "esophagus",
        "thyroid_gland", "sternocleidomastoid", "submandibular_gland", "parotid_gland", "brain",
    )),
    ((-60.0, 700.0), (
        "aorta", "heart", "pulmonary_artery", "pulmonary_vein", "superior_vena_cava", "inferior_vena_cava",
        "brachiocephalic", "common_carotid", "internal_carotid", "external_carotid", "internal_jugular", "subclavian_",
        "azygos_vein", "portal_vein", "splenic_", "superior_mesenteric", "celiac_trunk", "renal_", "iliac_",
        "common_hepatic", "proper_hepatic", "gastroduodenal",
    )),
)  # fmt: skip
# Milliliters of an adult's at least, where the scan shows it whole, and the parts that a label map may hold it in.
LEAST_ML: Mapping[str, float] = {
    "liver": 450.0, "spleen": 35.0, "kidney_left": 45.0, "kidney_right": 45.0, "pancreas": 15.0, "heart": 200.0,
}  # fmt: skip


def implausible(
    labels: np.ndarray,
    names: Sequence[str],
    hu: np.ndarray,
    grid: Geometry,
    wholes: Mapping[str, Sequence[str]],
    volumes: bool = True,
) -> dict[str, str]:
    """Why a structure cannot be what it is called, by name; those that may be are not in it.

    Args:
        labels: (Z, Y, X), label n + 1 is names[n]; z, y and x run to the head, the back and the left.
        hu: CT on the same grid.
        wholes: parts of an organ by its name.
        volumes: the map shows whole organs, not a box around some.
    """
    counts = np.bincount(labels.ravel(), minlength=len(names) + 1)
    sums = np.bincount(labels.ravel(), weights=hu.ravel(), minlength=len(names) + 1)
    there = [name for place, name in enumerate(names, start=1) if counts[place]]
    means = {name: float(sums[names.index(name) + 1] / counts[names.index(name) + 1]) for name in there}
    found = dict(_by_density(means))
    found |= dict(_by_side(labels, names, there))
    if volumes:
        found |= dict(_by_volume(labels, names, grid, wholes))
    return found


def _by_density(means: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    for name, mean in means.items():
        low, high = next((limits for limits, starts in DENSITIES if name.startswith(starts)), (-np.inf, np.inf))
        if not low <= mean <= high:
            yield name, f"{mean:.0f} HU on average, expected {low:.0f} to {high:.0f}"


def _by_side(labels: np.ndarray, names: Sequence[str], there: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Both of a pair where the left one lies to the right of the other."""
    for left in there:
        right = f"{left.removesuffix('left')}right"
        if not left.endswith("_left") or right not in there:
            continue
        places = [float(np.argwhere((labels == names.index(name) + 1).any((0, 1))).mean()) for name in (left, right)]
        if places[0] < places[1]:
            yield from ((name, "the left one lies to the right of the right one") for name in (left, right))


def _by_volume(
    labels: np.ndarray, names: Sequence[str], grid: Geometry, wholes: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, str]]:
    """Organs that are too small, where the scan does not end in them; all parts of such a one."""
    for organ, least_ml in LEAST_ML.items():
        parts = [name for name in (organ, *wholes.get(organ, ())) if name in names]
        own = np.isin(labels, [names.index(name) + 1 for name in parts])
        volume_ml = float(np.count_nonzero(own)) * grid.voxel_ml
        ends = own[[0, -1]].any() or own[:, [0, -1]].any() or own[:, :, [0, -1]].any()
        if 0.0 < volume_ml < least_ml and not ends:
            yield from ((name, f"{organ}: {volume_ml:.1f} mL, expected at least {least_ml:.0f}") for name in parts)
