"""A real CT with labels as a patient of the training store: few, but what no drawn body has.

Its labels were drawn by a network (TotalSegmentator), name fewer structures than ours, and say nothing of voxels
without one: what may be a structure that they do not know is not asked for, fat and what is outside the body is none.
The scan that trains is no scan to report: `python -m benchmarks.agreement` names it.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from models.training.labels import ANATOMY
from models.training.sample import IGNORED
from models.training.splits import TRAINING_SEEDS
from models.training.store import BODY_MARGIN_MM, PET_STEP, VERSION, StoredPatient, patient_path, save_patient
from oncology.imaging.body import segment_body
from oncology.imaging.region import bounding_box, grown
from oncology.imaging.volume import Geometry, Volume, canonical, read_volume, resample

SCAN, LABELS, NAMES = "example_ct.nii.gz", "example_seg_full.nii.gz", "classes.csv"  # of totalsegmentator_example
REGIONS = ("thorax", "abdomen")  # that the scan shows
FAT_HU = -25.0  # below it a voxel without a label is of no structure
MUSCLE = "gluteus_"  # of theirs begins so; ours may have it as one of the muscles without a name
VERTEBRAE, RIBS = "vertebrae_", "rib_"
CONFLUENCE_MM, NECK_HALF_MM, SPLENIC_FROM_MM = 15.0, 8.0, 10.0


def real_folder(region: str) -> str:
    """Folder of a store with the real scans of a region."""
    return f"real-{region}"


def real_patient(ct: Volume, labels: Volume, names: Mapping[int, str], region: str) -> StoredPatient:
    """One labeled CT as a stored patient, on cubes of its own spacing.

    Args:
        ct: HU on cubes, axes along the patient's.
        labels: on the same grid, values as in `names`.
    Raises:
        ImageError: no body is found.
    """
    body = segment_body(ct.array, ct.geometry.spacing_mm)
    theirs = {name: labels.array == value for value, name in names.items() if (labels.array == value).any()}
    parts = dict(_in_our_words(theirs, ct.geometry, region))
    anatomy = np.where(~body | (ct.array < FAT_HU), np.uint8(0), np.uint8(IGNORED))
    for name, mask in theirs.items():
        if not name.startswith(MUSCLE):
            anatomy[mask] = 0  # ours or none of ours
    for place, name in enumerate(ANATOMY[region], start=1):
        if name in parts:
            anatomy[parts[name]] = place
    box = grown(bounding_box(body), ct.geometry, BODY_MARGIN_MM)
    anatomy = anatomy[box]
    return StoredPatient(
        ct=np.clip(ct.array[box], -1024, 3071).astype(np.int16)[None],
        pet=np.zeros((1, *(-(-n // PET_STEP) for n in anatomy.shape)), np.float16),
        anatomy=anatomy,
        stations={},
        lesions=np.zeros(anatomy.shape, np.uint8),
        necrosis=np.zeros(anatomy.shape, bool),
        about={
            "version": VERSION, "cancer": real_folder(region), "seed": TRAINING_SEEDS.start, "index": 0,
            "shift": None, "region": region, "spacing_mm": ct.geometry.spacing_mm[0],
            "labels": list(ANATOMY[region]), "lesions": [], "stations": {},
            "origin_lps": [float(v) for v in ct.geometry.to_lps(np.array([side.start for side in box]))],
        },
    )  # fmt: skip


def _in_our_words(theirs: Mapping[str, np.ndarray], grid: Geometry, region: str) -> Iterator[tuple[str, np.ndarray]]:
    """Masks by our names: wholes of what is theirs in parts, parts of what is ours in parts."""
    yield from theirs.items()
    for whole, start in (("spine", VERTEBRAE), ("ribs", RIBS)):
        yield whole, _union([mask for name, mask in theirs.items() if name.startswith(start)], grid)
    for side in ("left", "right"):
        lobes = [mask for name, mask in theirs.items() if name.startswith("lung_") and name.endswith(side)]
        yield f"lung_{side}", _union(lobes, grid)
    if "spinal_cord" in theirs:
        yield "spinal_canal", theirs["spinal_cord"]
    if region == "abdomen" and {"portal_vein_and_splenic_vein", "aorta", "pancreas"} <= theirs.keys():
        yield from _parts_at_confluence(theirs, grid)


def _union(masks: Sequence[np.ndarray], grid: Geometry) -> np.ndarray:
    return np.logical_or.reduce([np.zeros(grid.shape, bool), *masks])


def _parts_at_confluence(theirs: Mapping[str, np.ndarray], grid: Geometry) -> Iterator[tuple[str, np.ndarray]]:
    """Portal and splenic vein, and the parts of the pancreas, by the portal confluence and the aorta's left border.

    Head, neck, body and tail as the Japan Pancreas Society divides them (Classification of Pancreatic Carcinoma).
    """
    veins, pancreas = theirs["portal_vein_and_splenic_vein"], theirs["pancreas"]
    points = grid.to_lps(np.argwhere(veins))
    middle = float(np.median(points[points[:, 2] <= points[:, 2].min() + CONFLUENCE_MM, 0]))
    level = np.argwhere(pancreas)[:, 0]
    aorta = np.argwhere(theirs["aorta"] & np.isin(np.arange(grid.shape[0]), level)[:, None, None])
    border = float(grid.to_lps(aorta)[:, 0].max()) if len(aorta) else middle + 40.0
    x = grid.to_lps(np.stack([np.zeros(grid.shape[2]), np.zeros(grid.shape[2]), np.arange(grid.shape[2])], 1))[:, 0]
    yield "portal_vein", veins & (x < middle + SPLENIC_FROM_MM)
    yield "splenic_vein", veins & (x >= middle + SPLENIC_FROM_MM)
    yield "pancreas_head", pancreas & (x < middle - NECK_HALF_MM)
    yield "pancreas_neck", pancreas & (np.abs(x - middle) <= NECK_HALF_MM)
    yield "pancreas_body", pancreas & (x > middle + NECK_HALF_MM) & (x <= border)
    yield "pancreas_tail", pancreas & (x > max(border, middle + NECK_HALF_MM))


def main() -> None:
    """`python -m models.training.real STORE FOLDER`: the labeled CT of a folder, once for each region."""
    parser = argparse.ArgumentParser(prog="python -m models.training.real", description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("folder", type=Path, help=f"holds {SCAN}, {LABELS} and {NAMES}")
    asked = parser.parse_args()
    with (asked.folder / NAMES).open(newline="", encoding="utf-8") as file:
        names = {int(row["id"]): row["name"] for row in csv.DictReader(file)}
    ct = canonical(read_volume(asked.folder / SCAN))
    labels = resample(read_volume(asked.folder / LABELS), ct.geometry, linear=False, fill=0)
    for region in REGIONS:
        path = patient_path(asked.store, real_folder(region), TRAINING_SEEDS.start, 0)
        save_patient(real_patient(ct, labels, names, region), path)


if __name__ == "__main__":
    main()
