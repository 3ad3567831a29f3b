"""What is seen on a CT and a PET: anatomy and lesions that are proposed, and everything measured on them.

Rules from intensities and shape are the floor that always works; networks that are installed add to it. What a person
drew wins over both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.inference.look import joined
from oncology.cancers.evidence import classify_nodes
from oncology.cancers.protocol import site_of
from oncology.findings import CaseId, Findings, History, Point, Severity, SourceKind, Verdict
from oncology.imaging.airless import AIRLESS, unexplained
from oncology.imaging.anatomy import Anatomy, give_back, lobe_at, segment_anatomy
from oncology.imaging.bounds import blood_hu, within_tissue
from oncology.imaging.stations.parse import parse_stations
from oncology.imaging.stations.seen import SeenStations
from oncology.imaging.survey import Region, Scene, body_regions, survey
from oncology.imaging.volume import Volume
from oncology.invasion.model import estimate_invasion
from oncology.metastases import find_candidates
from tasks.extension import judge_extension
from tasks.model_choice import unserved
from tasks.networks import look_with_networks
from tasks.node_judgement import judge_nodes

# A proposal of which this part lies in a lesion that a person drew shows that lesion.
SAME_LESION_SHARE = 0.2
LOOKING = ("anatomy", "lesion")  # roles of the networks that look at a scan


@dataclass(frozen=True)
class Sight:
    """What was seen on one scan.

    Attributes:
        structures: anatomy, (Z, Y, X) bool on the CT's grid by name.
        landmarks: points in LPS mm.
        unproven: structures that only an embedded network drew.
        stations: the map of lymph node stations, see `parse_stations`; None where no network saw one.
        regions: proposed lesions, each in need of confirmation.
        models: ids of the networks that looked; empty when rules did alone.
        nodes_looked_for: whether something looked at the whole scan for nodes, so that none is an answer.
    """

    structures: Mapping[str, np.ndarray]
    landmarks: Mapping[str, Point]
    unproven: frozenset[str] = frozenset()
    stations: SeenStations | None = None
    regions: tuple[Region, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    models: tuple[str, ...] = ()
    nodes_looked_for: bool = False


def look(ct: Volume, pet: Volume | None, cancer: str) -> Sight:
    """Anatomy and lesions of a scan, without a person's help.

    Args:
        ct: in HU.
        pet: in SUV on any grid of the same frame of reference, None where there is none.
        cancer: its key; models are chosen by it, all else goes by its site.
    """
    anatomy = segment_anatomy(ct)
    floor = Sight(anatomy.masks, anatomy.landmarks, verdicts=anatomy.verdicts)
    if "body" not in anatomy.masks:
        return floor
    seen = look_with_networks(ct, pet, cancer, anatomy.masks["body"], anatomy.masks)
    blood = blood_hu(ct, seen.structures)
    regions, refused = bounded(seen.regions, site_of(cancer), ct, anatomy.masks, blood)
    airless = _airless(regions, anatomy, pet, seen.structures) if site_of(cancer) == "lung" else []
    structures = joined(anatomy.masks, seen.structures, seen.trusted)
    return replace(
        floor,
        structures=structures,
        unproven=frozenset(seen.structures.keys() - anatomy.masks.keys() - seen.trusted),
        stations=_parsed(seen.stations, cancer, structures, anatomy),
        regions=(*airless, *regions),
        verdicts=(*anatomy.verdicts, *seen.verdicts, *refused, *unserved(LOOKING, cancer, "networks")),
        models=tuple(seen.models),
        nodes_looked_for=seen.looked_for_lesions,
    )


def _parsed(
    seen: SeenStations | None, cancer: str, structures: Mapping[str, np.ndarray], anatomy: Anatomy
) -> SeenStations | None:
    """A network's map of stations with the borders that rules read from the structures."""
    if seen is None:
        return None
    return parse_stations(seen, site_of(cancer), structures, anatomy.landmarks, anatomy.geometry)


def bounded(
    proposals: Iterable[Region],
    site: str,
    ct: Volume,
    structures: Mapping[str, np.ndarray],
    blood: float | None = None,
) -> tuple[list[Region], list[Verdict]]:
    """Proposals cut to what intensities allow, and a verdict for each that nothing remains of.

    Args:
        structures: (Z, Y, X) bool on the CT's grid, by rules.
        blood: see `blood_hu`.
    """
    kept, refused = list[Region](), list[Verdict]()
    for region in proposals:
        found = within_tissue(region.mask, region.role, site, ct, structures, blood)
        if found.mask.any():
            kept.append(replace(region, mask=found.mask))
        else:
            message = (
                f"{region.name}: {found.share:.0%} of what {region.source.id} proposed is soft tissue at a place "
                "where it may be; left out"
            )
            refused.append(Verdict("proposal-refused", Severity.INFO, message, "networks"))
    return kept, refused


def _airless(
    proposed: Iterable[Region], anatomy: Anatomy, pet: Volume | None, seen: Mapping[str, np.ndarray]
) -> list[Region]:
    """Large parts of the lung without air that no proposed tumor explains, each a tumor until somebody looks.

    Args:
        seen: structures by networks.
    """
    if anatomy.airless is None:
        return []
    tumors = [region.mask for region in proposed if region.role == "tumor"]
    parts = unexplained(anatomy.airless, tumors, anatomy.geometry, pet, seen.get("heart"))
    return [Region("tumor", "airless lung", part, AIRLESS, needs_confirmation=True, certainty=0.5) for part in parts]


def scene_for(
    ct: Volume,
    suv: Volume | None,
    structures: Mapping[str, np.ndarray],
    landmarks: Mapping[str, Point],
    verdicts: Sequence[Verdict] = (),
    stations: SeenStations | None = None,
    unproven: Collection[str] = (),
) -> Scene:
    """Images and anatomy as measuring wants them; without masks of lobes the lobe is guessed from the place."""
    anatomy = Anatomy(structures, landmarks, tuple(verdicts), ct.geometry)
    return Scene(
        ct=ct,
        suv=suv,
        structures=structures,
        landmarks=landmarks,
        stations=stations,
        unproven=frozenset(unproven),
        guess_lobe=lambda tumor, center: lobe_at(give_back(anatomy, tumor), center),
    )


def assess(
    case_id: str,
    cancer: str,
    scene: Scene,
    regions: Sequence[Region],
    verdicts: Sequence[Verdict] = (),
    *,
    nodes_looked_for: bool = False,
    history: History | None = None,
) -> tuple[Findings, dict[str, np.ndarray]]:
    """Everything that can be measured and estimated on the regions at hand.

    Args:
        regions: drawn by a person or proposed; a proposal that shows a drawn lesion is left out.
        nodes_looked_for: see `Sight`.
        history: what the record says, for the prior of neck nodes.
    Returns:
        The findings, and the mask (Z, Y, X) of each tumor and node by its id.
    """
    imaged = body_regions(scene.ct, scene.structures)
    chosen = person_first(regions)
    looked, site = nodes_looked_for, site_of(cancer)
    found, masks = survey(CaseId(case_id), cancer, scene, chosen, verdicts, imaged, nodes_looked_for=looked, site=site)
    judged = discounted(classify_nodes(judge_nodes(estimate_invasion(found), history)))
    found = judge_extension(judged, scene, masks)
    return replace(found, metastasis_candidates=find_candidates(scene, found, cancer, masks)), masks


def discounted(findings: Findings) -> Findings:
    """A proposed node may be none: its probability of malignancy is that times the certainty that it is one."""
    nodes = (
        replace(node, p_malignant=node.p_malignant * node.certainty) if node.p_malignant is not None else node
        for node in findings.nodes
    )
    return replace(findings, nodes=tuple(nodes))


def person_first(regions: Iterable[Region]) -> list[Region]:
    """The regions that a person drew, then proposals of what nobody drew; who drew a tumor has judged airless lung."""
    drawn: list[Region] = []
    proposed: list[Region] = []
    for region in regions:
        (drawn if region.source.kind in (SourceKind.PERSON, SourceKind.CONTOUR) else proposed).append(region)
    lesions = [region.mask for region in drawn if region.role != "structure"]
    named = {region.structure for region in drawn if region.role == "structure"}
    if any(region.role == "tumor" for region in drawn):
        proposed = [region for region in proposed if region.source != AIRLESS]
    kept = [
        region
        for region in proposed
        if not (region.structure in named if region.role == "structure" else _shows_one(region.mask, lesions))
    ]
    return [*drawn, *kept]


def _shows_one(mask: np.ndarray, lesions: Sequence[np.ndarray]) -> bool:
    size = int(np.count_nonzero(mask))
    return any(np.count_nonzero(mask & lesion) > SAME_LESION_SHARE * size for lesion in lesions)
