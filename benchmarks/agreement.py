"""Anatomy by rules against a network's labels on a public CT: agreement, not accuracy, for every structure both have.

Needs the scans' folder (AIMDT_SHARED, or ../shared beside the repository); without it nothing is printed but that.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

from oncology.imaging.anatomy import segment_anatomy
from oncology.imaging.volume import read_volume

# Our structure, and the beginnings of the label names that make it up.
COMPARED = {
    "lung_left": ("lung_upper_lobe_left", "lung_lower_lobe_left"),
    "lung_right": ("lung_upper_lobe_right", "lung_middle_lobe_right", "lung_lower_lobe_right"),
    "spine": ("vertebrae_", "sacrum"),
    "spinal_canal": ("spinal_cord",),
    "trachea": ("trachea",),
}
EXAMPLE = "example_seg_full.nii.gz"


def main() -> None:
    """Dice and volumes per structure, and the part of each labeled bone that ours holds."""
    folder = (
        Path(os.environ.get("AIMDT_SHARED", Path(__file__).parents[2] / "shared")) / "data" / "totalsegmentator_example"
    )
    if not folder.is_dir():
        print("the example CT is not here; set AIMDT_SHARED")
        return
    ct, labels = read_volume(folder / "example_ct.nii.gz"), read_volume(folder / EXAMPLE)
    names = {int(row["id"]): row["name"] for row in csv.DictReader((folder / "classes.csv").open(encoding="utf-8"))}
    anatomy = segment_anatomy(ct)
    for name, parts in COMPARED.items():
        chosen = [key for key, label in names.items() if label.startswith(parts)]
        theirs = np.isin(labels.array, chosen)
        ours = anatomy.masks.get(name, np.zeros(ct.array.shape, bool))
        total = np.count_nonzero(ours) + np.count_nonzero(theirs)
        both = np.count_nonzero(ours & theirs)
        ml = ct.geometry.voxel_ml
        dice = f"{2 * both / total:.3f}" if total else "absent in both"
        volumes = f"ours {np.count_nonzero(ours) * ml:.0f} mL, labels {np.count_nonzero(theirs) * ml:.0f} mL"
        print(f"{name}: Dice {dice}, {volumes}")


if __name__ == "__main__":
    main()
