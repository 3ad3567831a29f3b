"""Masks: what a person drew, and what rules and networks see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mdt_dicom.contours import Contour, read_contours
from oncology.findings import Severity, Verdict, to_json
from oncology.imaging.stations.seen import stations_json
from oncology.imaging.volume import Geometry, Volume
from tasks.case_files import CaseFiles, Outputs
from tasks.eyes import look
from tasks.images import CT, IMAGES, PET, identity
from tasks.networks import ANOTHER_TIME, pet_would_be_seen
from tasks.step import step

CONTOURS, CONTOUR_MASKS = "contours.json", "contours.npz"
FINDING_MASKS = "finding_masks.npz"
ANATOMY, ANATOMY_MASKS, PROPOSAL_MASKS = "anatomy.json", "anatomy.npz", "proposals.npz"
STATIONS = "stations.npz"
# Verdicts on a PET that lies elsewhere than the CT: networks, which learned on pairs that fit, are not shown it.
PET_OFF = frozenset({"pet-misaligned", "pet-outline-differs"})


@step("1", io=True)
def take_in_contours(case_id: str, images: Outputs, contours: list[str]) -> Outputs:
    """Contours that a person drew, on the CT grid; an empty set when none were given."""
    case = CaseFiles(case_id)
    request = case.read_private("request.json")
    ct = case.load_volume(CT)
    series = case.load_json(IMAGES)["series"][0]
    mapping = Path(request["contour_names"]) if request["contour_names"] else None
    found = read_contours(
        [Path(item) for item in request["contours"]],
        ct.geometry,
        series["frame_of_reference_uid"] or None,
        mapping,
        series_uid=series["series_uid"] or None,
        identity=identity(case),
    )
    masks = {f"{index:03d}": contour.mask for index, contour in enumerate(found.contours)}
    description = {
        "contours": [_contour(key, contour) for key, contour in zip(masks, found.contours, strict=True)],
        "unmatched": list(found.unmatched),
        "verdicts": to_json(found.verdicts),
    }
    return save_masks(case, CONTOUR_MASKS, masks, ct.geometry) | case.save_json(CONTOURS, description)


def _contour(key: str, contour: Contour) -> dict[str, Any]:
    return {
        "mask": key,
        "role": contour.role,
        "name": contour.name,
        "structure": contour.structure,
        "station": contour.station,
        "laterality": to_json(contour.laterality),
        "source": to_json(contour.source),
    }


def _answered_in_full(case: CaseFiles) -> bool:
    """False where a network failed or was short of memory, which may be otherwise the next time."""
    return ANOTHER_TIME.isdisjoint(item["code"] for item in case.load_json(ANATOMY)["verdicts"])


@step("4", final=_answered_in_full)
def segment(case_id: str, cancer: str, images: Outputs, models: list[str]) -> Outputs:
    """Anatomy, landmarks and proposed lesions, by rules and by the networks that are installed.

    Args:
        models: what `model_marks` says, so that another network makes another answer.
    """
    case = CaseFiles(case_id)
    ct = case.load_volume(CT)
    off = sorted(PET_OFF.intersection(item["code"] for item in case.load_json(IMAGES)["verdicts"]))
    sight = look(ct, case.load_volume(PET) if PET in images and not off else None, cancer)
    proposals = {f"{place:03d}": region for place, region in enumerate(sight.regions)}
    description = {
        "landmarks": to_json(sight.landmarks),
        "verdicts": to_json([*sight.verdicts, *_withheld(cancer, off)]),
        "models": list(sight.models),
        "unproven": sorted(sight.unproven),
        "stations": stations_json(sight.stations) if sight.stations else None,
        "nodes_looked_for": sight.nodes_looked_for,
        "proposals": [
            {
                "mask": key,
                "role": region.role,
                "name": region.name,
                "source": to_json(region.source),
                "certainty": region.certainty,
                "rated": region.rated,
            }
            for key, region in proposals.items()
        ],
    }
    masks = {key: region.mask for key, region in proposals.items()}
    return (
        save_masks(case, ANATOMY_MASKS, sight.structures, ct.geometry)
        | save_masks(case, PROPOSAL_MASKS, masks, ct.geometry)
        | case.save_arrays(STATIONS, {"labels": sight.stations.labels} if sight.stations else {})
        | case.save_json(ANATOMY, description)
    )


def _withheld(cancer: str, off: Sequence[str]) -> list[Verdict]:
    if not off or not pet_would_be_seen(cancer):
        return []
    message = "networks were not shown the PET, as it does not lie on the CT"
    return [Verdict("pet-not-shown", Severity.WARNING, message, "networks")]


def save_masks(case: CaseFiles, name: str, masks: Mapping[str, np.ndarray], grid: Geometry) -> Outputs:
    """Boolean masks of one grid, eight voxels to a byte."""
    packed = {key: np.packbits(mask) for key, mask in masks.items()}
    return case.save_arrays(name, packed | {"shape": np.array(grid.shape)})


def load_masks(case: CaseFiles, name: str, grid: Geometry) -> dict[str, np.ndarray]:
    """The masks that `save_masks` wrote, (z, y, x) bool."""
    packed = case.load_arrays(name)
    count = int(np.prod(grid.shape))
    return {
        key: np.unpackbits(bits, count=count).view(bool).reshape(grid.shape)
        for key, bits in packed.items()
        if key != "shape"
    }


@step("1")
def write_masks(case_id: str, findings: Outputs, anatomy: Outputs | None) -> Outputs:
    """Every mask as masks/<structure or finding>.nii.gz."""
    case = CaseFiles(case_id)
    grid = case.load_volume(CT).geometry
    masks = load_masks(case, FINDING_MASKS, grid) | (load_masks(case, ANATOMY_MASKS, grid) if anatomy else {})
    outputs: Outputs = {}
    for name, mask in masks.items():
        outputs |= case.save_volume(f"masks/{name}.nii.gz", Volume(mask, grid))
    return outputs
