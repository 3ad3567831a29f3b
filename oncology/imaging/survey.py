"""From masks to findings: which region is a tumor, which a node, and each one's measurements."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from oncology.findings import (
    CaseId,
    Findings,
    Laterality,
    Node,
    Point,
    Severity,
    Source,
    Tumor,
    Verdict,
)
from oncology.imaging.location import LOBES
from oncology.imaging.measure import measure_node, measure_tumor, split_components, volume_ml
from oncology.imaging.volume import Volume

# Two contours that share more than this part of the smaller one show the same lesion.
SAME_LESION_SHARE = 0.5
LEAST_LUNG_ML = 400.0  # less is a lung base or apex at the edge of another region's scan
# A tumor lies in these: contact with them says nothing.
HOLDING = frozenset({"body", "lung_left", "lung_right", *LOBES})
LEAST_NODE_ML = 0.03  # below a sphere of about 4 mm a part of a node contour is a speck
# Names by which radiation oncologists mark a node as involved (TG-263: GTVn).
INVOLVED = re.compile(r"^i?gtv[\s_-]*-?n", re.IGNORECASE)

Masks = Mapping[str, np.ndarray]
LobeGuess = Callable[[np.ndarray, Point], Mapping[str, float]]  # a tumor's mask and center


@dataclass(frozen=True)
class Region:
    """One region that a person drew or a network proposed; `mask` is (Z, Y, X) bool on the CT grid."""

    role: Literal["tumor", "node", "structure"]
    name: str
    mask: np.ndarray
    source: Source
    structure: str | None = None
    station: str | None = None
    laterality: Laterality | None = None
    needs_confirmation: bool = False


@dataclass(frozen=True)
class Scene:
    """Everything around the regions: CT in HU, PET in SUV on any grid, structures and landmarks."""

    ct: Volume
    suv: Volume | None
    structures: Masks
    landmarks: Mapping[str, Point]
    guess_lobe: LobeGuess


def survey(
    case_id: CaseId,
    cancer: str,
    scene: Scene,
    regions: Sequence[Region],
    verdicts: Sequence[Verdict] = (),
    regions_imaged: Sequence[str] = (),
) -> tuple[Findings, dict[str, np.ndarray]]:
    """Measure every tumor and node among the regions; drawn structures replace those of the scene.

    Returns:
        The findings, and the mask (Z, Y, X) of each by its id.
    """
    drawn = {region.structure: region.mask for region in regions if region.role == "structure" and region.structure}
    scene = replace(scene, structures={**scene.structures, **drawn})
    lesions, doubles = _without_doubles([region for region in regions if region.role == "tumor"])
    tumors = [_tumor(region, scene, place) for place, region in enumerate(lesions, start=1)]
    parts = _node_parts([region for region in regions if region.role == "node"], scene)
    nodes = [_node(region, part, scene, place) for place, (region, part) in enumerate(parts, start=1)]
    masks = {tumor.id: region.mask for tumor, region in zip(tumors, lesions, strict=True)}
    masks |= {node.id: part for node, (_, part) in zip(nodes, parts, strict=True)}
    findings = Findings(
        case_id=case_id,
        cancer=cancer,
        tumors=tuple(tumors),
        nodes=tuple(nodes),
        quality=(*verdicts, *doubles, *_tumor_verdicts(tumors)),
        regions_imaged=tuple(regions_imaged),
        nodes_assessed=bool(nodes),
    )
    return findings, masks


def _without_doubles(regions: Sequence[Region]) -> tuple[list[Region], list[Verdict]]:
    """Drop contours of a lesion that was already contoured, say on PET and on CT; the first one stays."""
    kept: list[Region] = []
    verdicts = []
    for region in regions:
        twin = next((other for other in kept if _overlap(region.mask, other.mask) > SAME_LESION_SHARE), None)
        if twin is None:
            kept.append(region)
            continue
        message = f"contour {region.name} shows the same lesion as {twin.name}, which is the one that was measured"
        verdicts.append(Verdict("same-lesion-twice", Severity.INFO, message, "contours"))
    return kept, verdicts


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    smaller = min(np.count_nonzero(one), np.count_nonzero(other))
    return np.count_nonzero(one & other) / smaller if smaller else 0.0


def _tumor(region: Region, scene: Scene, place: int) -> Tumor:
    tumor = measure_tumor(
        region.mask,
        scene.ct,
        scene.suv,
        scene.structures,
        scene.landmarks,
        id=f"tumor-{place}",
        source=region.source,
        needs_confirmation=region.needs_confirmation,
    )
    met = tuple(contact for contact in tumor.contacts if contact.structure not in HOLDING)
    tumor = replace(tumor, contacts=met, key_image=f"key_images/{tumor.id}-axial.png")
    if tumor.location is None:
        guess = dict(scene.guess_lobe(region.mask, tumor.centroid_lps))
        location = max(guess, key=lambda name: guess[name]) if guess else None
        tumor = replace(tumor, location=location, location_alternatives=guess)
    return tumor


def _node_parts(regions: Sequence[Region], scene: Scene) -> list[tuple[Region, np.ndarray]]:
    grid = scene.ct.geometry
    return [(region, part) for region in regions for part in split_components(region.mask, grid, LEAST_NODE_ML)]


def _node(region: Region, mask: np.ndarray, scene: Scene, place: int) -> Node:
    node = measure_node(
        mask,
        scene.ct,
        scene.suv,
        scene.structures,
        id=f"node-{place}",
        source=region.source,
        station=region.station,
        station_alternatives={region.station: 1.0} if region.station else {},
        needs_confirmation=region.needs_confirmation,
    )
    return replace(
        node,
        laterality=region.laterality or node.laterality,
        drawn_as_involved=bool(INVOLVED.match(region.name)),
        key_image=f"key_images/{node.id}-axial.png",
    )


def _tumor_verdicts(tumors: Sequence[Tumor]) -> list[Verdict]:
    verdicts = []
    for tumor in tumors:
        if tumor.touches_border:
            message = f"{tumor.id} reaches the edge of the scan; its size is at least what was measured"
            verdicts.append(Verdict("tumor-at-border", Severity.WARNING, message, "ct"))
        if len(tumor.parts_ml) > 1:
            parts = ", ".join(f"{part:.1f}" for part in tumor.parts_ml)
            message = f"{tumor.id} is drawn in {len(tumor.parts_ml)} parts ({parts} mL); the largest gave the diameters"
            verdicts.append(Verdict("tumor-in-parts", Severity.INFO, message, "contours"))
    return verdicts


def body_regions(ct: Volume, structures: Masks) -> tuple[str, ...]:
    """Which regions the scan shows well enough to speak of; without landmarks for one, it is not named."""
    found = []
    lungs = [structures[name] for name in ("lung_left", "lung_right") if name in structures]
    if any(volume_ml(lung, ct.geometry) > LEAST_LUNG_ML for lung in lungs):
        found.append("thorax")
    return tuple(found)
