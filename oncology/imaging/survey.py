"""From masks to findings: which region is a tumor, which a node, and each one's measurements."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

import numpy as np

from oncology.errors import ScopeError
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
from oncology.imaging.location import LOBES, side_of_organ
from oncology.imaging.measure import measure_node, measure_tumor, split_components, volume_ml
from oncology.imaging.misread import without_misread
from oncology.imaging.node_signs import reference_uptake
from oncology.imaging.organ import PANCREAS_PARTS, organ_measures, pancreas_parts
from oncology.imaging.stations.finder import station_finder
from oncology.imaging.stations.parse import agreed
from oncology.imaging.stations.seen import SeenStations
from oncology.imaging.thorax import mediastinum_under
from oncology.imaging.volume import Volume

# Two contours that share more than this part of the smaller one show the same lesion.
SAME_LESION_SHARE = 0.5
# Less is an organ at the edge of another region's scan.
LEAST_LUNG_ML, LEAST_LIVER_ML, LEAST_BRAIN_ML = 400.0, 600.0, 600.0
# Below these a region counts as not imaged: any one of each group has to be there.
ABDOMEN = (("adrenal_gland_left", "kidney_left"), ("adrenal_gland_right", "kidney_right"))
NECK = (("thyroid_gland",), ("hyoid", "thyroid_cartilage", "submandibular_gland_left", "submandibular_gland_right"))
PELVIS = (("urinary_bladder",), ("sacrum", "hip_left", "hip_right"))
# A tumor lies in these: contact with them says nothing. For the lung the lobe that it lies in comes on top, for the
# esophagus the lungs stay: they stand for the pleura.
BODY = frozenset({"body", "muscle", "mediastinum_fat", "subcutaneous_fat", "torso_fat"})
HELD_BY = {
    "lung": BODY | {"lung", "lung_left", "lung_right"},
    "esophagus": BODY | {"esophagus", "mediastinum", *LOBES},
    "pancreas": BODY | {"pancreas", "pancreatic_duct", *PANCREAS_PARTS, "lung_left", "lung_right", *LOBES},
}
HOLDING = BODY | {"lung_left", "lung_right", *LOBES}
LEAST_NODE_ML = 0.03  # below a sphere of about 4 mm a part of a node contour is a speck
# Of the nodes that networks proposed outside of every station none was one: 0 of 22, against 247 of 293 inside (tuning
# patients, rows of `aimdt evaluate --mode images --seed 1010`). They stay in the findings, for a person to see.
OFF_MAP = 0.05
# Of the three hot ones among those of later cohorts (seeds 7700 to 8000) two were nodes beside the esophagus.
HOT_OFF_MAP = 0.5
# What a network proposes and a PET shows as well is no vessel: of proposals of that SUVmax all were nodes, 48 of 48, of
# those below it 147 of 177 (44 tuning patients, such rows; the share is one short of all, in 50).
HOT_SUV, HOT_CERTAINTY = 2.5, 0.98
MOST_CERTAIN = 0.999  # a network's word on a tumor goes no higher: three digits are kept, and 1 is a person's word
SPECK_MM = 3.0  # of a short axis: uptake of what is thinner is its neighbor's (a rim of the tumor, a vessel's wall)
PARAESOPHAGEAL = "8"  # as the IASLC map calls it; its nodes lie right, left, before or behind the esophagus
# Names by which radiation oncologists mark a node as involved (TG-263: GTVn).
INVOLVED = re.compile(r"^i?gtv[\s_-]*-?n", re.IGNORECASE)

Masks = Mapping[str, np.ndarray]
LobeGuess = Callable[[np.ndarray, Point], Mapping[str, float]]  # a tumor's mask and center
StationGuess = Callable[[np.ndarray], Mapping[str, float]]  # a node's mask -> station: probability


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
    certainty: float = 1.0  # of a proposal: that it shows a lesion
    rated: bool = False  # a network said how certain; else nobody did


@dataclass(frozen=True)
class Scene:
    """Everything around the regions: CT in HU, PET in SUV on any grid, structures and landmarks."""

    ct: Volume
    suv: Volume | None
    structures: Masks
    landmarks: Mapping[str, Point]
    guess_lobe: LobeGuess
    unproven: frozenset[str] = frozenset()  # structures that only an embedded network drew
    stations: SeenStations | None = None  # a network's map, for nodes that nobody named
    guess_station: StationGuess | None = None  # None: by that map and the cancer's rules
    references: Mapping[str, float] = field(default_factory=dict)  # uptake of liver and blood pool


def survey(
    case_id: CaseId,
    cancer: str,
    scene: Scene,
    regions: Sequence[Region],
    verdicts: Sequence[Verdict] = (),
    regions_imaged: Sequence[str] = (),
    *,
    nodes_looked_for: bool = False,
    site: str = "",
) -> tuple[Findings, dict[str, np.ndarray]]:
    """Measure every tumor and node among the regions; drawn structures replace those of the scene.

    Args:
        nodes_looked_for: a network (or a person) looked at the whole scan for nodes, so that none is an answer.
        site: whose organs, parts and stations hold for this cancer; empty: the cancer is that word.
    Returns:
        The findings, and the mask (Z, Y, X) of each by its id.
    """
    drawn = {region.structure: region.mask for region in regions if region.role == "structure" and region.structure}
    site = site or cancer
    scene = replace(scene, structures={**scene.structures, **drawn}, unproven=scene.unproven - drawn.keys())
    lesions, doubles = _without_doubles([region for region in regions if region.role == "tumor"])
    tumors = [_tumor(region, scene, place, site) for place, region in enumerate(lesions, start=1)]
    parts = _node_parts([region for region in regions if region.role == "node"], scene)
    if any(region.station is None for region, _ in parts) and scene.guess_station is None:
        scene = replace(scene, guess_station=_station_guess(site, scene))
    scene = replace(scene, references=_references(scene) if parts else {})
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
        nodes_assessed=bool(nodes) or nodes_looked_for,
        stations_assessed=scene.stations.wholly_on(scene.ct.geometry) if nodes_looked_for and scene.stations else (),
        landmarks=dict(scene.landmarks),
        structures_unproven=tuple(sorted(scene.unproven)),
        pet=scene.suv is not None,
        structures_assessed=tuple(sorted(name for name, mask in scene.structures.items() if mask.any())),
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


def _tumor(region: Region, scene: Scene, place: int, site: str) -> Tumor:
    grid = scene.ct.geometry
    scene = replace(scene, structures=without_misread(region.mask, scene.structures, scene.unproven, grid))
    if "mediastinum" in scene.structures:
        spared = mediastinum_under(region.mask, scene.structures["mediastinum"], grid.spacing_mm)
        scene = replace(scene, structures={**scene.structures, "mediastinum": spared})
    tumor = measure_tumor(
        region.mask,
        scene.ct,
        scene.suv,
        scene.structures,
        scene.landmarks,
        id=f"tumor-{place}",
        source=region.source,
        locations=_parts(site, region.mask, scene),
        regions=LOBES if site == "lung" else (),
        held_by=HELD_BY.get(site, HOLDING),
        needs_confirmation=region.needs_confirmation,
    )
    met = tuple(contact for contact in tumor.contacts if contact.structure != tumor.location)
    own = organ_measures(site, region.mask, scene.ct, scene.structures, scene.landmarks, tumor.laterality)
    tumor = replace(tumor, contacts=met, measures=own, key_image=f"key_images/{tumor.id}-axial.png")
    tumor = replace(tumor, certainty=min(region.certainty, MOST_CERTAIN) if region.rated else None)
    if tumor.location is None and site == "lung":
        guess = dict(scene.guess_lobe(region.mask, tumor.centroid_lps))
        location = max(guess, key=lambda name: guess[name]) if guess else None
        tumor = replace(tumor, location=location, location_alternatives=guess)
    return tumor


def _references(scene: Scene) -> Mapping[str, float]:
    """Uptake of liver and blood pool, where there is a PET and the masks show them."""
    return {} if scene.suv is None else reference_uptake(scene.structures, scene.ct.geometry, scene.suv)


def _station_guess(site: str, scene: Scene) -> StationGuess | None:
    """What rules on the structures and the map of stations say together; what one says where there is but one."""
    by_rules, seen = _stations_by_rules(site, scene), scene.stations
    if seen is None:
        return by_rules
    by_map = partial(seen.shares, ct=scene.ct.geometry)
    return by_map if by_rules is None else lambda mask: agreed(by_rules(mask), by_map(mask))


def _stations_by_rules(site: str, scene: Scene) -> StationGuess | None:
    """The map of the site's stations, read from the structures at hand; None where there is no map for it."""
    try:
        return station_finder(site, scene.structures, scene.landmarks, scene.ct.geometry).probabilities
    except ScopeError:  # the nodes stay without a station, which N says
        return None


def _parts(site: str, mask: np.ndarray, scene: Scene) -> Mapping[str, float]:
    """Probability by part of the organ, for organs whose parts matter."""
    return pancreas_parts(mask, scene.structures, scene.ct.geometry) if site == "pancreas" else {}


def _node_parts(regions: Sequence[Region], scene: Scene) -> list[tuple[Region, np.ndarray]]:
    grid = scene.ct.geometry
    return [(region, part) for region in regions for part in split_components(region.mask, grid, LEAST_NODE_ML)]


def _node(region: Region, mask: np.ndarray, scene: Scene, place: int) -> Node:
    shares = {region.station: 1.0} if region.station else dict(scene.guess_station(mask) if scene.guess_station else {})
    node = measure_node(
        mask,
        scene.ct,
        scene.suv,
        scene.structures,
        id=f"node-{place}",
        source=region.source,
        station=max(shares, key=lambda name: shares[name]) if shares else None,
        station_alternatives=shares,
        references=scene.references,
        needs_confirmation=region.needs_confirmation,
    )
    return replace(
        node,
        laterality=region.laterality or _paraesophageal_side(node, mask, scene) or node.laterality,
        drawn_as_involved=bool(INVOLVED.match(region.name)),
        certainty=_certainty(region, node, off_map=_is_off_map(region, shares, scene)),
        key_image=f"key_images/{node.id}-axial.png",
    )


def _certainty(region: Region, node: Node, *, off_map: bool) -> float:
    """How sure it is that a proposal is a node: as the network says, or by its uptake; less so outside of stations."""
    hot = node.suv_max is not None and node.suv_max >= HOT_SUV and node.short_axis_mm >= SPECK_MM
    certainty = max(region.certainty, HOT_CERTAINTY) if hot else region.certainty
    if not off_map:
        return certainty
    return certainty * (HOT_OFF_MAP if hot else OFF_MAP)


def _is_off_map(region: Region, shares: Mapping[str, float], scene: Scene) -> bool:
    """Whether a network's proposal lies in no station although there is a drawn map of them."""
    return region.needs_confirmation and scene.stations is not None and not shares


def _paraesophageal_side(node: Node, mask: np.ndarray, scene: Scene) -> Laterality | None:
    """Of a node of the IASLC map's station 8, the side that esophagus and midline both tell.

    Before and behind the esophagus, and where the two differ (it bends away from the midline), the node is midline:
    taken for the other side, it would make N3 of N2.
    """
    if node.station != PARAESOPHAGEAL or "esophagus" not in scene.structures:
        return None
    side = side_of_organ(mask, scene.structures["esophagus"], scene.ct.geometry)
    return side if side is None or side is node.laterality else Laterality.MIDLINE


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

    def holds(name: str, least_ml: float) -> bool:
        return name in structures and volume_ml(structures[name], ct.geometry) > least_ml

    def shows(groups: Sequence[Sequence[str]]) -> bool:
        return all(any(holds(name, 0.0) for name in group) for group in groups)

    found = {
        "neck": shows(NECK),
        "thorax": any(holds(name, LEAST_LUNG_ML) for name in ("lung_left", "lung_right")),
        "abdomen": holds("liver", LEAST_LIVER_ML) and shows(ABDOMEN),
        "pelvis": shows(PELVIS),
        "brain": holds("brain", LEAST_BRAIN_ML),
    }
    return tuple(region for region, is_shown in found.items() if is_shown)
